"""From an HTTP answer to a document or to the error it means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Self

import requests
from requests.structures import CaseInsensitiveDict

from subscriptions.graph.errors import (
    LONGEST_LIFE,
    AccessDeniedError,
    DuplicateSubscriptionError,
    EndpointValidationError,
    GraphError,
    InvalidRequestError,
    LifetimeRefusedError,
    QuotaReachedError,
    ServiceUnavailableError,
    SyncStateLostError,
    ThrottledError,
    UnauthorizedError,
    UnexpectedAnswerError,
)
from subscriptions.graph.redaction import without_secrets


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back from one request, alone or in a batch. `unverified_body` is parsed JSON, else None."""

    status: int
    headers: Mapping[str, str]
    unverified_body: Any = field(repr=False)

    @classmethod
    def of(cls, response: requests.Response) -> Self:
        """Read a response."""
        try:
            body = response.json()
        except (ValueError, RecursionError):
            body = None
        return cls(status=response.status_code, headers=response.headers, unverified_body=body)

    @classmethod
    def from_batch_item(cls, item: Mapping[str, Any]) -> Self:
        """Read one item of a batch answer, known to carry a status."""
        headers = {str(name): str(value) for name, value in _object(item.get("headers")).items()}
        return cls(
            status=item["status"], headers=CaseInsensitiveDict(headers), unverified_body=item.get("body")
        )

    @property
    def request_id(self) -> str:
        """Graph's id of the call, for asking Microsoft about it; empty if the header is missing."""
        return self.headers.get("request-id", "")[:100]

    @property
    def is_success(self) -> bool:
        """Whether the request was carried out."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def document(self) -> dict[str, Any]:
        """Return the JSON object in the answer.

        Raises:
            UnexpectedAnswerError: there is none.

        """
        if not isinstance(self.unverified_body, dict):
            raise UnexpectedAnswerError("The answer holds no JSON object.", status=self.status)
        return self.unverified_body


def error_in(
    answer: Answer,
    *,
    not_found: type[GraphError],
    changes_something: bool,
    known_secrets: tuple[str | None, ...],
    is_from_graph: bool = False,
) -> GraphError:
    """Return the error that an unsuccessful answer means.

    `not_found` is the meaning of 404 for this request. `is_from_graph` says that the origin is beyond doubt,
    as for an item inside a batch.
    """
    facts = _Facts.of(answer, known_secrets)
    retry_after = parse_retry_after(answer.headers.get("Retry-After", ""), now=datetime.now(UTC))
    leaf = _leaf(answer.status, facts, retry_after=retry_after, not_found=not_found)
    if not (is_from_graph or facts.is_from_graph or leaf in _BY_ANYBODY):
        # A proxy's 404 page must not make us believe that a subscription is gone.
        leaf = UnexpectedAnswerError
    return leaf(
        facts.message or "The answer says no more.",
        status=answer.status,
        code=facts.code,
        request_id=facts.request_id,
        client_request_id=facts.client_request_id,
        retry_after=retry_after,
        is_transient=leaf in {ThrottledError, ServiceUnavailableError}
        or answer.status == HTTPStatus.REQUEST_TIMEOUT,
        outcome_unknown=changes_something and _may_have_been_done(answer.status),
    )


def _may_have_been_done(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.SERVICE_UNAVAILABLE


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What an error answer says."""

    code: str
    message: str
    request_id: str
    client_request_id: str
    is_from_graph: bool

    @classmethod
    def of(cls, answer: Answer, known_secrets: tuple[str | None, ...]) -> Self:
        body = _object(answer.unverified_body)
        error = _object(body.get("error"))
        inner = _object(error.get("innerError") or error.get("innererror"))
        request_id = answer.request_id or _text(inner.get("request-id"))
        return cls(
            code=without_secrets(_text(error.get("code")), *known_secrets)[:200],
            message=without_secrets(_text(error.get("message")), *known_secrets),
            request_id=request_id[:100],
            client_request_id=(
                answer.headers.get("client-request-id") or _text(inner.get("client-request-id"))
            )[:100],
            is_from_graph=bool(error or request_id),
        )


# These need no sign of Graph: gateways in front of it throttle and fail in its name.
_BY_ANYBODY = frozenset({ThrottledError, ServiceUnavailableError, UnauthorizedError})

_LEAVES: Mapping[int, type[GraphError]] = {
    400: InvalidRequestError,
    401: UnauthorizedError,
    403: AccessDeniedError,
    409: DuplicateSubscriptionError,
    410: SyncStateLostError,
    429: ThrottledError,
}

_LIMIT_WORDS = re.compile(
    r"""
      reached[ ].{0,40}\blimit
    | \blimit\b.{0,60}(?:reached|exceeded)
    | exceed\w*[ ].{0,60}(?:limit|maximum)
    | \bquota\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def _leaf(
    status: int, facts: _Facts, *, retry_after: timedelta | None, not_found: type[GraphError]
) -> type[GraphError]:
    """Choose the class of error by status and code.

    Source: Microsoft Learn, errors.md (2021), subscription-post-subscriptions.md (2026-05-05).
    """
    if status < HTTPStatus.BAD_REQUEST:
        return UnexpectedAnswerError
    if status == HTTPStatus.NOT_FOUND:
        return not_found
    if status == HTTPStatus.SERVICE_UNAVAILABLE and retry_after is not None:
        return ThrottledError
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServiceUnavailableError
    return _refined(_LEAVES.get(status, GraphError), facts)


def _refined(leaf: type[GraphError], facts: _Facts) -> type[GraphError]:
    if leaf is InvalidRequestError and _is_about_our_endpoint(facts):
        return EndpointValidationError
    if leaf is InvalidRequestError and LONGEST_LIFE.search(facts.message):
        return LifetimeRefusedError
    # Graph has no code of its own for a quota. The text only refines a 403, which it remains if words change.
    if leaf is AccessDeniedError and _LIMIT_WORDS.search(facts.message):
        return QuotaReachedError
    return leaf


def _is_about_our_endpoint(facts: _Facts) -> bool:
    # InvalidRequest also stands for faults of the request itself; only the text tells the two apart.
    return facts.code in {"ValidationError", "InvalidRequest"} and facts.message.startswith(
        "Subscription validation request"
    )


def parse_retry_after(text: str, *, now: datetime) -> timedelta | None:
    """Read a Retry-After header: seconds, also decimal, or an HTTP date. None if absent or unreadable.

    Source: Microsoft Learn, throttling.md; RFC 9110 section 10.2.3.
    """
    text = text.strip()
    try:
        if re.fullmatch(r"\d+(?:\.\d+)?", text, re.ASCII):
            return timedelta(seconds=float(text))
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # An HTTP date is always in UTC, whatever its zone field was read as.
    return max(at.replace(tzinfo=at.tzinfo or UTC) - now, timedelta())


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
