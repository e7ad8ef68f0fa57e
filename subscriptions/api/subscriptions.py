"""Subscriptions by the API: the wish and the facts, without any secret."""

import django_filters
from rest_framework import serializers
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.viewsets import ReadOnlyModelViewSet

from subscriptions.models import Subscription


class SubscriptionSerializer(serializers.ModelSerializer[Subscription]):
    """One subscription; times are UTC."""

    app = serializers.CharField(source="app_registration.name", help_text="Name of the app registration.")
    account = serializers.CharField(
        source="delegated_account.username", default="", help_text="In whose name; empty: as the app itself."
    )

    class Meta:
        model = Subscription
        fields = (
            *("id", "graph_id", "app", "account", "resource", "change_type", "include_resource_data"),
            *("status", "is_enabled", "auto_renew", "expires_at", "renew_at", "renewed_at", "missed_at"),
            *("failures", "error_at", "error_code", "error_message", "error_request_id", "created_at"),
        )


class SubscriptionFilter(django_filters.FilterSet):  # type: ignore[misc] # django-filter has no types
    """Each parameter narrows the choice."""

    app = django_filters.CharFilter(field_name="app_registration__name")
    graph_id = django_filters.CharFilter(lookup_expr="iexact")
    status = django_filters.ChoiceFilter(choices=Subscription.Status.choices)

    class Meta:
        model = Subscription
        fields: tuple[str, ...] = ()


class Pages(LimitOffsetPagination):
    """Pages of a list that is short beside the notifications."""

    default_limit = 100
    max_limit = 1_000


class SubscriptionViewSet(ReadOnlyModelViewSet[Subscription]):
    """What Graph is asked to tell, and what Graph made of it."""

    queryset = Subscription.objects.select_related("app_registration", "delegated_account").order_by("pk")
    serializer_class = SubscriptionSerializer
    filterset_class = SubscriptionFilter
    pagination_class = Pages
    lookup_value_regex = r"[0-9]{1,18}"
