"""What Prometheus scrapes."""

import hmac

from django.contrib.auth.models import AnonymousUser, User
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views import View
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from notifications import conf
from notifications.services.watching import metrics

BEARER = "Bearer "
PERMISSIONS = ("subscriptions.view_subscription", "notifications.view_delivery")


class MetricsView(View):
    """Shows the metrics to whoever brings METRICS_TOKEN, and to staff who may view subscriptions and deliveries."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer 401 to anybody else; without a METRICS_TOKEN there is nothing here for them: 404."""
        token = conf.configuration().metrics_token
        if not (_is_token(request.headers.get("Authorization", ""), token) or _may_look(request.user)):
            if not token:
                raise Http404
            return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
        return HttpResponse(
            metrics.exposition(now=timezone.now()),
            content_type=CONTENT_TYPE_PLAIN_0_0_4,
            headers={"Cache-Control": "no-store"},
        )


def _is_token(unverified: str, token: str) -> bool:
    # Compared as bytes, since a stranger's header may hold any character.
    given = unverified.removeprefix(BEARER).encode()
    return bool(token) and unverified.startswith(BEARER) and hmac.compare_digest(given, token.encode())


def _may_look(user: User | AnonymousUser) -> bool:
    return user.is_active and user.is_staff and user.has_perms(PERMISSIONS)
