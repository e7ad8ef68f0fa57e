"""People who have signed in, for what Graph gives only to users."""

from typing import ClassVar

from django.db import models

from subscriptions.models.app_registration import AppRegistration
from subscriptions.models.fields import EncryptedTextField


class DelegatedAccount(models.Model):
    """A signed-in user of an app registration: presence, To Do and `/me` paths are watched in their name."""

    class Kind(models.TextChoices):
        """What kind of account it is; Graph's permissions differ between the two."""

        WORK = "work", "Work or school"
        PERSONAL = "personal", "Personal"

    app_registration = models.ForeignKey(AppRegistration, on_delete=models.PROTECT, related_name="accounts")
    username = models.CharField(max_length=320)
    home_account_id = models.CharField(max_length=200, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.WORK)
    # What MSAL needs to get a token without the user: a refresh token among others.
    token_cache = EncryptedTextField()
    needs_sign_in = models.BooleanField(default=False, editable=False)
    problem = models.TextField(blank=True, editable=False)
    signed_in_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ("username",)
        verbose_name: ClassVar = "signed-in account"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("app_registration", "home_account_id"), name="one_account_per_user_and_app"
            )
        ]

    def __str__(self) -> str:
        return self.username
