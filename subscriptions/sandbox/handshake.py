"""Graph's validation of a notification endpoint.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (2026-04-22).
"""

import uuid
from datetime import timedelta
from urllib.parse import quote_plus

import urllib3

from subscriptions.sandbox.errors import GraphProblem

_LARGEST_ANSWER = 8192
_OK = 200


def validate(pool: urllib3.PoolManager, address: str, *, time_limit: timedelta) -> None:
    """Send a fresh token to the endpoint and demand it back.

    Raises:
        GraphProblem: 400 `ValidationError` in the words of Graph.
    """
    # The blank, the percent sign, the plus and the accent catch a receiver that decodes twice or not at all.
    token = (
        "Validation: Testing client application reachability for subscription Request-Id: "
        f"{uuid.uuid4()} 100%25 a+b caf\u00e9"
    )
    joint = "&" if "?" in address else "?"
    try:
        response = pool.request(
            "POST",
            f"{address}{joint}validationToken={quote_plus(token)}",
            headers={"Content-Type": "text/plain; charset=utf-8"},
            body=b"",
            timeout=urllib3.Timeout(total=time_limit.total_seconds()),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        answer = response.read(_LARGEST_ANSWER)
        response.close()
    except urllib3.exceptions.HTTPError as error:
        # A refused connection counts as a connect time-out to urllib3, but nobody waited.
        is_refused = isinstance(error, urllib3.exceptions.NewConnectionError)
        if isinstance(error, urllib3.exceptions.TimeoutError) and not is_refused:
            raise _failed("timed out.") from error
        raise _failed(
            "failed. Notification endpoint must respond with 200 OK to validation request."
        ) from error
    if response.status != _OK:
        raise _failed("failed. Notification endpoint must respond with 200 OK to validation request.")
    if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "text/plain":
        raise _failed("failed. Notification endpoint must respond with Content-Type text/plain.")
    if answer != token.encode():
        raise _failed("failed. Response must exactly match validationToken query parameter.")


def _failed(how: str) -> GraphProblem:
    message = f"Subscription validation request {how}"
    return GraphProblem(status=400, code="ValidationError", message=message)
