"""How things stand, for tools that watch."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api.serializers import HealthSerializer
from notifications.services.watching import standing


class MaySeeHealth(BasePermission):
    """Takes the permissions to view subscriptions and alerts."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Say whether the caller has both."""
        del view
        return request.user.has_perms(("subscriptions.view_subscription", "subscriptions.view_alert"))


class HealthView(APIView):
    """Whether everything is all right."""

    permission_classes = (MaySeeHealth,)

    @extend_schema(responses=HealthSerializer)
    def get(self, _request: Request) -> Response:
        """Return open alerts and the figures that matter most."""
        return Response(HealthSerializer(standing.look(now=timezone.now())).data)
