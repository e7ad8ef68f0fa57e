"""What Graph and probes call: the webhook and the health endpoints."""

import logging
from collections.abc import Iterable
from http import HTTPStatus

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views import View
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from notifications import conf
from notifications.models import Delivery
from notifications.services import engine
from notifications.services.intake import Acceptance, StorageUnavailableError, accept

logger = logging.getLogger(__name__)

# How long Graph should wait when nothing can be stored, in seconds.
RETRY_AFTER = "10"
# One answer for each outcome. What is unknown to us is answered like what is known: the sender learns nothing.
ANSWERS = {
    Acceptance.STORED: HTTPStatus.ACCEPTED,
    Acceptance.QUARANTINED: HTTPStatus.ACCEPTED,
    Acceptance.DROPPED: HTTPStatus.ACCEPTED,
    Acceptance.MALFORMED: HTTPStatus.BAD_REQUEST,
}


class _OneRenderer(BaseContentNegotiation):
    """Answers in JSON whatever the sender asks for: a stranger's Accept header must not cause a 406."""

    def select_parser(self, _request: Request, _parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Parse nothing: the body is read as it is."""
        return None

    def select_renderer(
        self, _request: Request, _renderers: Iterable[BaseRenderer], _format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the only renderer."""
        renderer = JSONRenderer()
        return renderer, renderer.media_type or ""


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

    def post(self, request: Request) -> HttpResponse:
        """Echo a validation token, or store a delivery."""
        if "validationToken" in request.query_params:
            return _handshake(request.query_params["validationToken"])
        return self._take(request)

    def _take(self, request: Request) -> HttpResponse:
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
                now=timezone.now(),
            )
        except StorageUnavailableError:
            answer = _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Not stored. Send it again later.")
            answer["Retry-After"] = RETRY_AFTER
            return answer
        engine.nudge()
        status = ANSWERS[acceptance]
        if status == HTTPStatus.BAD_REQUEST:
            return _refuse(status, "The body is not a collection of change notifications.")
        return HttpResponse(status=status)


def _read(request: Request, limit: int) -> bytes | None:
    """Return the body as it came, or nothing when it is larger than `limit` bytes.

    Raises:
        OSError: the sender broke off.

    """
    unparsed = request._request  # noqa: SLF001 -- DRF's own stream is for its parsers
    length = unparsed.META.get("CONTENT_LENGTH") or ""
    if not length and unparsed.META.get("wsgi.input_terminated"):
        # Sent in chunks: Django takes a missing length for an empty body, while the server knows where it ends.
        body = unparsed.META["wsgi.input"].read(limit + 1)
    elif length.isdigit() and int(length) > limit:
        return None
    else:
        body = unparsed.read(limit + 1)
    return None if len(body) > limit else body


def _handshake(unverified_validation_token: str) -> HttpResponse:
    """Return the token exactly as decoded, as plain text that no browser takes for a page; nothing is kept of it."""
    answer = HttpResponse(unverified_validation_token, content_type="text/plain; charset=utf-8")
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    return answer


def _refuse(status: HTTPStatus, text: str) -> HttpResponse:
    return JsonResponse({"error": text}, status=status)


class HealthView(View):
    """Says that the process answers."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Answer without the database."""
        return JsonResponse({"status": "ok"})


class ReadinessView(View):
    """Says whether the database can be reached."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Ask the database for one row."""
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            logger.exception("database unreachable")
            return JsonResponse({"status": "database unreachable"}, status=HTTPStatus.SERVICE_UNAVAILABLE)
        return JsonResponse({"status": "ok"})
