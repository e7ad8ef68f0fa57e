"""Addresses that Graph, probes and Prometheus call."""

from django.urls import path

from notifications.models import Delivery
from notifications.views.metrics import MetricsView
from notifications.views.probes import HealthView, ReadinessView
from notifications.views.webhook import GraphWebhookView

webhooks = [
    path("webhooks/graph/notifications", GraphWebhookView.as_view(), name="graph-notifications"),
    path(
        "webhooks/graph/lifecycle",
        GraphWebhookView.as_view(endpoint=Delivery.Endpoint.LIFECYCLE),
        name="graph-lifecycle",
    ),
]
urlpatterns = [
    *webhooks,
    path("healthz", HealthView.as_view(), name="healthz"),
    path("readyz", ReadinessView.as_view(), name="readyz"),
    path("metrics", MetricsView.as_view(), name="metrics"),
]
