"""Addresses that Graph and probes call."""

from django.urls import path

from notifications.models import Delivery
from notifications.views import GraphWebhookView, HealthView, ReadinessView

urlpatterns = [
    path("webhooks/graph/notifications", GraphWebhookView.as_view(), name="graph-notifications"),
    path(
        "webhooks/graph/lifecycle",
        GraphWebhookView.as_view(endpoint=Delivery.Endpoint.LIFECYCLE),
        name="graph-lifecycle",
    ),
    path("healthz", HealthView.as_view(), name="healthz"),
    path("readyz", ReadinessView.as_view(), name="readyz"),
]
