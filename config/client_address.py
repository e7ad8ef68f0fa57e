"""From which address a request comes, for the lock on the sign-in page."""

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the address that the reverse proxy saw, or without one that of the connection.

    With HTTPS on there is a proxy, which puts the address that it saw last into the header; what stands before it was
    sent by the client, who may write anything.
    """
    direct = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.HTTPS:
        return direct
    seen = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip()
    return seen or direct
