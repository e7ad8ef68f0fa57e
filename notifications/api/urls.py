"""Addresses of this app's part of the API."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from notifications.api.health import HealthView
from notifications.api.notifications import NotificationViewSet

router = SimpleRouter()
router.register("notifications", NotificationViewSet)
urlpatterns = [path("health/", HealthView.as_view(), name="api-health"), *router.urls]
