"""Addresses that Graph, probes and Prometheus call."""

from django.urls import path

from notifications.models import Delivery
from notifications.views.metrics import MetricsView
from notifications.views.probes import HealthView, ReadinessView
from notifications.views.webhook import GraphWebhookView

WEBHOOKS = {f"webhooks/graph/{endpoint}": endpoint for endpoint in Delivery.Endpoint}

urlpatterns = [
    *(
        path(address, GraphWebhookView.as_view(endpoint=endpoint), name=f"graph-{endpoint}")
        for address, endpoint in WEBHOOKS.items()
    ),
    path("healthz", HealthView.as_view(), name="healthz"),
    path("readyz", ReadinessView.as_view(), name="readyz"),
    path("metrics", MetricsView.as_view(), name="metrics"),
]
