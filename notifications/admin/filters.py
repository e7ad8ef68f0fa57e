"""Filters of the list of notifications; none of them reads the whole table."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator

from notifications.admin import words
from notifications.models import ChangeNotification
from subscriptions.models import Subscription

State = ChangeNotification.State
Rows = QuerySet[ChangeNotification]
SUBSCRIPTIONS_SHOWN = 30
SUBSCRIPTION_LENGTH = 48
ROWS_SAMPLED = 1_000


class StateFilter(admin.SimpleListFilter):
    """Shows what is genuine or may become so, unless asked for something else."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices besides the default."""
        del request, model_admin
        return [("waiting", "Waiting"), ("rejected", "Rejected"), ("dead", "Given up"), ("all", "All")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Name the default by what it shows."""
        default, *others = super().choices(changelist)
        yield {**default, "display": "Genuine"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice."""
        del request
        chosen = self.value()
        if chosen == "all":
            return queryset
        if chosen in {State.WAITING, State.REJECTED, State.DEAD}:
            return queryset.filter(state=chosen)
        return queryset.filter(state__in=(State.ACCEPTED, State.WAITING))


class WhatHappenedFilter(admin.SimpleListFilter):
    """Shows one change type or lifecycle event."""

    title = "what happened"
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return Graph's words."""
        del request, model_admin
        changes = [(name, name) for name in ("created", "updated", "deleted")]
        events = [(name, name) for name in ("reauthorizationRequired", "subscriptionRemoved", "missed")]
        return [*changes, *events]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice."""
        del request
        chosen = self.value()
        return queryset.filter(Q(change_type=chosen) | Q(lifecycle_event=chosen)) if chosen else queryset


class ReceivedFilter(admin.SimpleListFilter):
    """Shows what came within a time."""

    title = "received"
    parameter_name = "received"
    within = {
        "hour": ("Last hour", timedelta(hours=1)),
        "day": ("Last 24 hours", timedelta(days=1)),
        "week": ("Last 7 days", timedelta(days=7)),
        "month": ("Last 30 days", timedelta(days=30)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the spans of time."""
        del request, model_admin
        return [(name, label) for name, (label, _) in self.within.items()]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice."""
        del request
        if (chosen := self.value()) not in self.within:
            return queryset
        return queryset.filter(received_at__gte=timezone.now() - self.within[chosen][1])


class ResourceTypeFilter(admin.SimpleListFilter):
    """Shows one type of resource, of those that came lately."""

    title = "resource type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the types among the latest rows."""
        del request, model_admin
        latest = ChangeNotification.objects.order_by("-pk").values("resource_type")[:ROWS_SAMPLED]
        types = {row["resource_type"] for row in latest} | {self.used_parameters.get(self.parameter_name, "")}
        return [(name, name.rpartition(".")[2].removeprefix("#")) for name in sorted(types - {"", None})]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice."""
        del request
        chosen = self.value()
        return queryset.filter(resource_type=chosen) if chosen else queryset


class SubscriptionFilter(admin.SimpleListFilter):
    """Shows the notifications of one subscription: of the newest, or of the one that a link names."""

    title = "subscription"
    parameter_name = "subscription"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the newest subscriptions, and the chosen one if it is older."""
        del request, model_admin
        rows = Subscription.objects.order_by("-pk").values_list("pk", "resource")
        shown = dict(rows.exclude(status=Subscription.Status.REMOVED)[:SUBSCRIPTIONS_SHOWN])
        chosen = self.used_parameters.get(self.parameter_name, "")
        if chosen.isdecimal() and int(chosen) not in shown:
            shown.update(rows.filter(pk=int(chosen)))
        return [
            (str(pk), Truncator(words.shortened(f"{pk}: {resource}")).chars(SUBSCRIPTION_LENGTH))
            for pk, resource in shown.items()
        ]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice."""
        del request
        chosen = self.value() or ""
        return queryset.filter(subscription__pk=int(chosen)) if chosen.isdecimal() else queryset
