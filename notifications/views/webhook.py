"""What Graph calls: the webhook."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from typing import Any, BinaryIO

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from notifications import conf
from notifications.models import Delivery
from notifications.services import engine
from notifications.services.intake import Acceptance, StorageUnavailableError, accept, endpoint_health

# How long Graph should wait when nothing can be stored, in seconds.
RETRY_AFTER = "10"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the sender of a delivery is told."""

    status: HTTPStatus
    error: str = ""

    @cached_property
    def status_line(self) -> str:
        """The status with its words."""
        return f"{self.status.value} {self.status.phrase}"

    @cached_property
    def body(self) -> bytes:
        """The reason of a refusal, as JSON."""
        return json.dumps({"error": self.error}).encode() if self.error else b""

    @cached_property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What goes with the body, and when to come again."""
        told = {"Content-Length": str(len(self.body))}
        if self.error:
            told |= {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff"}
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            told["Retry-After"] = RETRY_AFTER
        return tuple(told.items())


# What is unknown to us is answered like what is known: the sender learns nothing.
TAKEN = Answer(status=HTTPStatus.ACCEPTED)
BROKEN_OFF = Answer(status=HTTPStatus.BAD_REQUEST, error="The body broke off.")
NOT_STORED = Answer(status=HTTPStatus.SERVICE_UNAVAILABLE, error="Not stored. Send it again later.")
REFUSALS = {
    Acceptance.MALFORMED: Answer(
        status=HTTPStatus.BAD_REQUEST, error="The body is not a collection of change notifications."
    ),
    Acceptance.TOO_LARGE: Answer(
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        error="The body is too large once unpacked, or holds too many items.",
    ),
}


def take(environ: Mapping[str, Any], *, endpoint: str) -> Answer:
    """Store the delivery that a WSGI request brings, and say what to answer; the body is read from the environment."""
    now, started_clock = timezone.now(), time.monotonic()
    limit = conf.configuration().max_delivery_bytes
    try:
        body = _read(environ, limit)
    except OSError:
        return BROKEN_OFF
    if body is None:
        too_large = f"The body is larger than {limit} bytes."
        return Answer(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, error=too_large)
    try:
        acceptance = accept(
            body,
            endpoint=endpoint,
            content_type=environ.get("CONTENT_TYPE", ""),
            content_encoding=environ.get("HTTP_CONTENT_ENCODING", ""),
            now=now,
        )
    except StorageUnavailableError:
        _measure(started_clock, now=now)
        return NOT_STORED
    engine.nudge()
    if acceptance == Acceptance.STORED:
        # Strangers are left out: a flood of quick answers to them must not hide slow ones to Graph.
        _measure(started_clock, now=now)
    return REFUSALS.get(acceptance, TAKEN)


class _OneRenderer(BaseContentNegotiation):
    """Answers in JSON whatever the sender asks for: a stranger's Accept header must not cause a 406."""

    _renderer = JSONRenderer()

    def select_parser(self, _request: Request, _parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Parse nothing: the body is read as it is."""
        return None

    def select_renderer(
        self, _request: Request, _renderers: Iterable[BaseRenderer], _format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the only renderer."""
        return self._renderer, self._renderer.media_type or ""


@extend_schema(exclude=True)
class GraphWebhookView(APIView):
    """Takes the handshake and the notifications; both kinds may come to either address.

    Source: change-notifications-delivery-webhooks.md (2026-04-22).
    """

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    content_negotiation_class = _OneRenderer
    http_method_names = ["post"]
    endpoint = Delivery.Endpoint.NOTIFICATIONS

    def perform_authentication(self, request: Request) -> None:
        """Ask nobody who he is: a delivery proves itself, item by item."""

    def post(self, request: Request) -> HttpResponse:
        """Echo a validation token, or store a delivery."""
        if request.META.get("QUERY_STRING") and "validationToken" in request.query_params:
            return _handshake(request.query_params["validationToken"])
        answer = take(request.META, endpoint=self.endpoint)
        return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))


def _measure(started_clock: float, *, now: datetime) -> None:
    endpoint_health.note_answer(timedelta(seconds=time.monotonic() - started_clock), now=now)


def _read(environ: Mapping[str, Any], limit: int) -> bytes | None:
    """Return the body as it came, or nothing when it is larger than `limit` bytes.

    Raises:
        OSError: the sender broke off.

    """
    length = environ.get("CONTENT_LENGTH")
    if not length and environ.get("wsgi.input_terminated"):
        # Sent in chunks: the server knows where it ends.
        body = _read_from(environ["wsgi.input"], limit + 1)
        return None if len(body) > limit else body
    declared = _number(length)
    if declared > limit:
        return None
    body = _read_from(environ["wsgi.input"], declared)
    if len(body) < declared:
        raise ConnectionError("The body is shorter than its declared length.")
    return body


def _read_from(stream: BinaryIO, size: int) -> bytes:
    try:
        return stream.read(size)
    except Exception as error:
        # Each server has errors of its own for a sender who breaks off, and for chunks that are none.
        raise ConnectionError("The body cannot be read.") from error


def _number(unverified_length: str | None) -> int:
    """Return the declared length; 0 for what is no number, as Django takes it."""
    try:
        return max(0, int(unverified_length or 0))
    except ValueError:
        return 0


def _handshake(unverified_validation_token: str) -> HttpResponse:
    """Return the token exactly as decoded, as plain text that no browser takes for a page; nothing is kept of it."""
    answer = HttpResponse(unverified_validation_token, content_type="text/plain; charset=utf-8")
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    return answer
