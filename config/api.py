"""What holds for the whole API: who calls it, and what they may."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import DjangoModelPermissions
from rest_framework.request import Request


class ApiTokenAuthentication(TokenAuthentication):  # type: ignore[misc] # knox has no types
    """Knox's tokens: kept as a hash, with an end. What is no text is no token either."""

    def authenticate(self, request: Request) -> tuple[object, object] | None:
        """Return the user and the token.

        Raises:
            AuthenticationFailed: the token is unknown or its time is over.

        """
        try:
            found: tuple[object, object] | None = super().authenticate(request)
        except UnicodeDecodeError as error:
            raise AuthenticationFailed("Invalid token.") from error
        return found


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # as its authors left it
    """How the API's description names the token."""

    target_class = ApiTokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the OpenAPI security scheme."""
        del auto_schema
        return {"type": "http", "scheme": "bearer"}


class ViewPermissions(DjangoModelPermissions):
    """Reading takes the permission to view, which Django REST framework does not ask for by itself."""

    perms_map = {**DjangoModelPermissions.perms_map, "GET": ["%(app_label)s.view_%(model_name)s"]}
