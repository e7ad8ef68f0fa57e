"""Faults of an answer that came: redirects, refusals, slowness."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import SplitResult, urljoin, urlsplit

from subscriptions.graph.probe import Probe, Reply
from subscriptions.services.handshake import echo
from subscriptions.services.handshake.faults import LEAVE_OPEN, MORE_THREADS, Fault

# Over this, Graph counts an endpoint as slow and holds its notifications back.
# Source: Microsoft Learn, change-notifications-delivery-webhooks.md (2026-04-22).
SLOW = timedelta(seconds=3)
_SIGN_IN = re.compile(r"log-?in|sign-?in|auth|sso\b|saml|challenge|accounts?\b|adfs", re.IGNORECASE)


def faults(probe: Probe, reply: Reply) -> Iterator[Fault]:
    """Say what Graph would not like about an answer."""
    if reply.status == HTTPStatus.OK:
        yield from echo.faults(probe, reply)
    elif HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST:
        yield _redirect(probe, reply)
    else:
        yield _refusal(reply)
    if probe.duration > SLOW:
        yield Fault(
            f"The answer took {probe.duration.total_seconds():.1f} seconds. The handshake may take 10, but an endpoint "
            "that takes over 3 for notifications counts as slow, and Graph holds them back.",
            "Look for an overloaded machine, too few threads, or a platform that puts the application to sleep.",
            is_error=False,
        )


def _redirect(probe: Probe, reply: Reply) -> Fault:
    source = urlsplit(probe.url)
    target = urlsplit(urljoin(probe.url, reply.headers.get("Location", "")))
    # Without user name and query: the token is there.
    root = f"{target.scheme}://{target.netloc.rpartition('@')[2]}"
    message = f"The answer is a redirect ({reply.status}) to {root}{target.path}, and Graph follows none."
    if _place(source) == _place(target):
        return Fault(
            f"{message} It leads back to the same address.",
            "The reverse proxy does not tell the application that the caller came by https: let it set "
            "X-Forwarded-Proto to https.",
        )
    if source.hostname == target.hostname and source.path.rstrip("/") == target.path.rstrip("/"):
        return _detour(source, target, message)
    if _SIGN_IN.search(f"{target.hostname}{target.path}"):
        return Fault(f"{message} That looks like a sign-in page.", LEAVE_OPEN)
    if source.path == target.path:
        return Fault(f"{message} The site goes by another host name.", f"Set PUBLIC_BASE_URL to {root}.")
    return Fault(message, "Let the application answer the paths under /webhooks/graph/ itself.")


def _detour(source: SplitResult, target: SplitResult, message: str) -> Fault:
    """Say what sends a caller to almost the same address."""
    if source.path != target.path:
        return Fault(
            f"{message} Only the slash at the end differs.",
            "Stop the reverse proxy from adding or removing slashes at the end of paths.",
        )
    if (source.scheme, target.scheme) == ("http", "https"):
        return Fault(f"{message} The server wants https.", "Begin PUBLIC_BASE_URL with https://.")
    return Fault(
        f"{message} Scheme or port differ.",
        "Write the scheme and port in PUBLIC_BASE_URL that the server wants.",
    )


def _place(parts: SplitResult) -> tuple[object, ...]:
    return parts.scheme, parts.hostname, parts.port, parts.path


_REFUSALS: dict[int, Fault] = {
    400: Fault(
        "The answer is 400 Bad Request.",
        "Most often the host name is missing from ALLOWED_HOSTS, or the reverse proxy passes on another Host header. "
        "Add the host of PUBLIC_BASE_URL to ALLOWED_HOSTS, and let the proxy keep the Host header.",
    ),
    401: Fault("The answer is 401: something in front asks for a sign-in.", LEAVE_OPEN),
    403: Fault(
        "The answer is 403 Forbidden: a sign-in, a firewall or an address filter stands in front.", LEAVE_OPEN
    ),
    404: Fault(
        "The answer is 404: there is nothing at this path.",
        "Another site answers for this host, or the reverse proxy changes the path. Pass /webhooks/graph/ on to the "
        "application unchanged.",
    ),
    405: Fault(
        "The answer is 405: the server does not take POST here.",
        "Something else answers, for example a server of static files. Pass POST requests under /webhooks/graph/ on "
        "to the application.",
    ),
    429: Fault(
        "The answer is 429: a rate limit stands in front.",
        "Exempt the paths under /webhooks/graph/: Graph takes a refusal for a failing endpoint.",
    ),
    502: Fault(
        "The answer is 502: the reverse proxy does not reach the application.",
        "Start the application, and check the address to which the proxy passes requests on.",
    ),
    503: Fault(
        "The answer is 503: the application or its proxy is not ready.",
        "Look into the logs of both. A platform in maintenance or scaled to zero answers like this.",
    ),
    504: Fault("The answer is 504: the reverse proxy waited too long for the application.", MORE_THREADS),
}


def _refusal(reply: Reply) -> Fault:
    text = reply.body.decode("utf-8", "replace")
    if reply.status == HTTPStatus.FORBIDDEN and "csrf" in text.lower():
        return Fault(
            "The answer is 403 from a check against cross-site requests (CSRF).",
            "Another view or an added middleware answers: exempt the paths under /webhooks/graph/ from CSRF checks.",
        )
    if reply.status == HTTPStatus.BAD_REQUEST and _is_json_object(text):
        return Fault(
            "The answer is 400: the application was reached, but without the query string that holds the token.",
            "Let the reverse proxy pass the query string on unchanged.",
        )
    return _REFUSALS.get(reply.status) or Fault(
        f"The answer has the status {reply.status}, where Graph accepts only 200.",
        "Look into the logs of the reverse proxy and the application for the reason.",
    )


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
