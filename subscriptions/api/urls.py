"""Addresses of this app's part of the API."""

from rest_framework.routers import SimpleRouter

from subscriptions.api.subscriptions import SubscriptionViewSet

router = SimpleRouter()
router.register("subscriptions", SubscriptionViewSet)
urlpatterns = router.urls
