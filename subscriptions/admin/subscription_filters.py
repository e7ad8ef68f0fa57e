"""Filters of the list of subscriptions."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from subscriptions.models import AppRegistration, Subscription
from subscriptions.services.watching.attention import needing_attention

Status = Subscription.Status


class StatusFilter(admin.SimpleListFilter):
    """Shows what is in use, unless asked for something else."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices besides the default."""
        del request, model_admin
        return [
            ("attention", "Needs attention"),
            ("active", "Active"),
            ("pending", "Pending"),
            ("paused", "Paused"),
            ("removed", "Retired"),
            ("all", "All"),
        ]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Name the default by what it shows."""
        default, *others = super().choices(changelist)
        yield {**default, "display": "In use"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> QuerySet[Subscription]:
        """Apply the choice."""
        del request
        conditions = {
            "attention": needing_attention(timezone.now()),
            "active": Q(status=Status.ACTIVE, is_enabled=True),
            "pending": Q(status=Status.PENDING, is_enabled=True),
            "paused": Q(is_enabled=False) & ~Q(status=Status.REMOVED),
            "removed": Q(status=Status.REMOVED),
            "all": Q(),
        }
        return queryset.filter(conditions.get(self.value() or "", ~Q(status=Status.REMOVED)))


class AppRegistrationFilter(admin.SimpleListFilter):
    """Shows the subscriptions of one app registration."""

    title = "app registration"
    parameter_name = "app"
    field = "app_registration__pk"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the app registrations by name."""
        del request, model_admin
        return [(str(pk), name) for pk, name in AppRegistration.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> QuerySet[Subscription]:
        """Apply the choice."""
        del request
        chosen = self.value() or ""
        return queryset.filter(**{self.field: int(chosen)}) if chosen.isdecimal() else queryset
