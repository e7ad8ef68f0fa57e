"""One call to Graph: authorized, timed, reported, and repeated while that is safe. The only retry of the product."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from subscriptions.graph.answers import Answer, error_in
from subscriptions.graph.documents import CallRecord
from subscriptions.graph.errors import (
    GraphError,
    ResourceNotFoundError,
    UnauthorizedError,
    UnreachableError,
)
from subscriptions.graph.patience import Patience
from subscriptions.graph.transport import Transport

READ_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, independent of how often it is sent.

    `not_found` is the meaning of 404. `is_repeatable` says that doing it twice does no harm. `secret` is what
    Graph must not be quoted with in an error.
    """

    method: str
    url: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    not_found: type[GraphError] = ResourceNotFoundError
    is_repeatable: bool = True
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS
    secret: str | None = field(default=None, repr=False)

    @property
    def changes_something(self) -> bool:
        """Whether Graph holds something else afterwards."""
        return self.method != "GET"


@dataclass(frozen=True, kw_only=True)
class _Sent:
    """One sending of a call."""

    call: Call
    client_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_clock: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who makes the calls of one client; `new_patience` grants what one call may take."""

    transport: Transport = field(repr=False)
    access_token: Callable[[bool], str] = field(repr=False)
    on_call: Callable[[CallRecord], None] | None
    new_patience: Callable[[], Patience]

    def perform(self, call: Call) -> Answer:
        """Send the call until it succeeds, patience ends, or repeating it would not be safe."""
        patience = self.new_patience()
        while True:
            try:
                return self.perform_once(call)
            except GraphError as error:
                is_safe = call.is_repeatable or not error.outcome_unknown
                if not (error.is_transient and is_safe and patience.allows_another(error)):
                    raise

    def perform_once(self, call: Call, *, is_token_refused: bool = False) -> Answer:
        """Send the call, and with a fresh token again if Graph refuses the first, or at once if it has done so."""
        if is_token_refused:
            return self._send(call, token=self.access_token(True))
        try:
            return self._send(call, token=self.access_token(False))
        except UnauthorizedError:
            # The token may have been revoked before its time.
            return self._send(call, token=self.access_token(True))

    def _send(self, call: Call, *, token: str) -> Answer:
        sent = _Sent(call=call)
        try:
            answer = self._exchange(sent, token)
        except UnreachableError as unreachable:
            unreachable.client_request_id = sent.client_request_id
            self._report(sent, error=unreachable)
            raise
        error = None if answer.is_success else self._error(sent, answer, token)
        self._report(sent, answer=answer, error=error)
        if error is not None:
            raise error
        return answer

    def _exchange(self, sent: _Sent, token: str) -> Answer:
        call = sent.call
        return Answer.of(
            self.transport.send(
                call.method,
                call.url,
                headers={
                    "Accept": "application/json",
                    "Authorization": f"Bearer {token}",
                    "client-request-id": sent.client_request_id,
                    **call.headers,
                },
                json=call.body,
                read_timeout_seconds=call.read_timeout_seconds,
                changes_something=call.changes_something,
            )
        )

    def _error(self, sent: _Sent, answer: Answer, token: str) -> GraphError:
        error = error_in(
            answer,
            not_found=sent.call.not_found,
            changes_something=sent.call.changes_something,
            known_secrets=(token, sent.call.secret),
        )
        error.client_request_id = error.client_request_id or sent.client_request_id
        return error

    def _report(self, sent: _Sent, *, answer: Answer | None = None, error: GraphError | None = None) -> None:
        if self.on_call is None:
            return
        record = CallRecord(
            method=sent.call.method,
            path=urlsplit(sent.call.url).path,
            status=answer.status if answer else None,
            request_id=answer.request_id if answer else "",
            client_request_id=sent.client_request_id,
            error_code=_code_of(error),
            started_at=sent.started_at,
            duration=timedelta(seconds=time.monotonic() - sent.started_clock),
        )
        self.on_call(record)


def _code_of(error: GraphError | None) -> str:
    if isinstance(error, UnreachableError):
        return error.kind
    return error.code if error else ""
