"""What Graph calls: the webhook."""

import logging
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import BinaryIO

from django.http import HttpResponse, JsonResponse, UnreadablePostError
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

logger = logging.getLogger(__name__)

# How long Graph should wait when nothing can be stored, in seconds.
RETRY_AFTER = "10"
# All else is answered with 202, what is unknown to us like what is known: the sender learns nothing.
REFUSALS = {
    Acceptance.MALFORMED: (HTTPStatus.BAD_REQUEST, "The body is not a collection of change notifications."),
    Acceptance.TOO_LARGE: (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is too large once unpacked, or holds too many items.",
    ),
}


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
        return self._take(request)

    def _take(self, request: Request) -> HttpResponse:
        now, started_clock = timezone.now(), time.monotonic()
        limit = conf.configuration().max_delivery_bytes
        try:
            body = _read(request, limit)
        except OSError:
            return _refuse(HTTPStatus.BAD_REQUEST, "The body broke off.")
        if body is None:
            return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {limit} bytes.")
        try:
            acceptance = accept(
                body,
                endpoint=self.endpoint,
                content_type=request.META.get("CONTENT_TYPE", ""),
                content_encoding=request.META.get("HTTP_CONTENT_ENCODING", ""),
                now=now,
            )
        except StorageUnavailableError:
            _measure(started_clock, now=now)
            answer = _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Not stored. Send it again later.")
            answer["Retry-After"] = RETRY_AFTER
            return answer
        engine.nudge()
        if acceptance == Acceptance.STORED:
            # Strangers are left out: a flood of quick answers to them must not hide slow ones to Graph.
            _measure(started_clock, now=now)
        if acceptance in REFUSALS:
            return _refuse(*REFUSALS[acceptance])
        return HttpResponse(status=HTTPStatus.ACCEPTED)


def _measure(started_clock: float, *, now: datetime) -> None:
    endpoint_health.note_answer(timedelta(seconds=time.monotonic() - started_clock), now=now)


def _read(request: Request, limit: int) -> bytes | None:
    """Return the body as it came, or nothing when it is larger than `limit` bytes.

    Raises:
        OSError: the sender broke off.

    """
    unparsed = request._request  # noqa: SLF001 -- DRF's own stream is for its parsers
    length = unparsed.META.get("CONTENT_LENGTH")
    if not length and unparsed.META.get("wsgi.input_terminated"):
        # Sent in chunks: Django takes a missing length for an empty body, while the server knows where it ends.
        body = _read_chunks(unparsed.META["wsgi.input"], limit + 1)
    elif _number(length) > limit:
        return None
    else:
        body = unparsed.read(limit + 1)
        if len(body) < _number(length):
            raise ConnectionError("The body is shorter than its declared length.")
    return None if len(body) > limit else body


def _read_chunks(stream: BinaryIO, size: int) -> bytes:
    try:
        return stream.read(size)
    except Exception as error:
        # Each server has errors of its own for chunks that are none, and all of them are the sender's.
        raise UnreadablePostError("the chunks cannot be read") from error


def _number(unverified_length: str | None) -> int:
    """Return the declared length; 0 for what is no number, as Django takes it."""
    try:
        return int(unverified_length or 0)
    except ValueError:
        return 0


def _handshake(unverified_validation_token: str) -> HttpResponse:
    """Return the token exactly as decoded, as plain text that no browser takes for a page; nothing is kept of it."""
    answer = HttpResponse(unverified_validation_token, content_type="text/plain; charset=utf-8")
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    return answer


def _refuse(status: HTTPStatus, text: str) -> HttpResponse:
    return JsonResponse({"error": text}, status=status)
