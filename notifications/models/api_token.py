"""Tokens of the API: Knox's, under a name that shows nothing of them."""

from typing import ClassVar

from knox.models import AuthToken


class ApiToken(AuthToken):  # type: ignore[misc] # knox has no types
    """A token with which a tool reads the API in the name of a user; kept as a hash."""

    class Meta:
        proxy: ClassVar = True
        verbose_name: ClassVar = "API token"

    def __str__(self) -> str:
        """Say whose it is: Knox's own text is the hash."""
        return f"{self.token_key[:8]}… of {self.user}"
