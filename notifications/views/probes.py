"""What probes call."""

import logging
from http import HTTPStatus

from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views import View

from notifications.services.watching import readiness

logger = logging.getLogger(__name__)


class HealthView(View):
    """Says that the process answers."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Answer without the database."""
        return JsonResponse({"status": "ok"})


class ReadinessView(View):
    """Says whether this process can take deliveries, and what an operator should know besides."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Answer 503 only where a delivery could not be stored.

        A worker or a cron that stands still is told, but answered with 200: a load balancer that took the webhook away
        for it would turn a delay into a loss.
        """
        try:
            report = readiness.look(now=timezone.now())
        except Error:
            logger.exception("database unreachable")
            return _answer({"status": "database unreachable"}, HTTPStatus.SERVICE_UNAVAILABLE)
        status = HTTPStatus.OK if report["status"] == readiness.READY else HTTPStatus.SERVICE_UNAVAILABLE
        return _answer(report, status)


def _answer(report: dict[str, object], status: HTTPStatus) -> HttpResponse:
    return JsonResponse(report, status=status, headers={"Cache-Control": "no-store"})
