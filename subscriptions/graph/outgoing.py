"""Calls to addresses that the operator has named: the webhook for alerts and the heartbeat of the renewal."""

import time
from typing import Any
from urllib.parse import urlsplit

from subscriptions.graph.errors import GraphError, UnexpectedAnswerError
from subscriptions.graph.transport import Transport

READ_TIMEOUT_SECONDS = 10.0
# An answer that says: come back.
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


def post(url: str, body: dict[str, Any]) -> None:
    """Post a JSON body; any answer of the 200s will do.

    The address is a secret: errors name its host alone.

    Raises:
        UnreachableError: no answer came.
        UnexpectedAnswerError: the answer was none of the 200s.

    """
    _call("POST", url, json=body)


def get(url: str, *, tries: int, pause_seconds: float) -> None:
    """Ask for an address, up to `tries` times with a pause between; any answer of the 200s will do.

    The address is a secret: errors name its host alone.

    Raises:
        UnreachableError: no answer came.
        UnexpectedAnswerError: the answer was none of the 200s.

    """
    for left in reversed(range(tries)):
        try:
            _call("GET", url)
        except GraphError as error:
            if not left or not error.is_transient:
                raise
            time.sleep(pause_seconds)
        else:
            return


def _call(method: str, url: str, **options: Any) -> None:
    transport = Transport(None, allows_plain_http=True)
    answer = transport.send(method, url, read_timeout_seconds=READ_TIMEOUT_SECONDS, **options)
    if not answer.ok or answer.is_redirect:
        raise UnexpectedAnswerError(
            f"{urlsplit(url).hostname} did not take it.",
            status=answer.status_code,
            is_transient=answer.status_code in _LATER,
        )
