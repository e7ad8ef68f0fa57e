"""The whole address map."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import APIRootView

handler500 = "config.server_errors.answer"

# What stands at the root of the API, and under which name each has its address.
API = {
    "notifications": "changenotification-list",
    "subscriptions": "subscription-list",
    "health": "api-health",
    "schema": "api-schema",
    "docs": "api-docs",
}

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("api/v1/", APIRootView.as_view(api_root_dict=API)),
    path("api/v1/", include("subscriptions.api.urls")),
    path("api/v1/", include("notifications.api.urls")),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/v1/docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("", include("notifications.urls")),
]
