"""What one would write at first: a REST framework view that parses the body and saves a row for each item at once.

It proves and encrypts nothing. The rows of a request share one transaction, which is kinder than the plainest form.
"""

import os
from typing import Any, cast

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 -- after the set-up, like all below
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.db import transaction  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from notifications.models import ChangeNotification  # noqa: E402


class RowForEachItem(APIView):
    """Saves every item with the ORM."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    @transaction.atomic
    def post(self, request: Request) -> Response:
        """Save and answer 202."""
        now = timezone.now()
        body = cast("dict[str, Any]", request.data)
        for item in body["value"]:
            ChangeNotification.objects.create(
                subscription_graph_id=item["subscriptionId"],
                notification_id=item["id"],
                change_type=item["changeType"],
                resource=item["resource"],
                resource_data=item["resourceData"],
                tenant_id=item["tenantId"],
                state=ChangeNotification.State.ACCEPTED,
                received_at=now,
                last_received_at=now,
                processed_at=now,
            )
        return Response(status=202)


urlpatterns = [path("webhooks/graph/notifications", RowForEachItem.as_view())]
settings.ROOT_URLCONF = __name__
application = WSGIHandler()
