"""Filters of the list of notifications; none of them reads the whole table."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator

from notifications.admin import words
from notifications.errors import Reason
from notifications.models import ChangeNotification
from subscriptions.catalogue import workloads
from subscriptions.models import AppRegistration, Subscription
from subscriptions.services import times

State = ChangeNotification.State
LIFECYCLE_EVENTS = ("reauthorizationRequired", "subscriptionRemoved", "missed")
EXACT_TIMES = {"since": "received_at__gte", "until": "received_at__lt"}
Rows = QuerySet[ChangeNotification]
SUBSCRIPTIONS_SHOWN = 30
APPS_SHOWN = 100
SUBSCRIPTION_LENGTH = 48
ROWS_SAMPLED = 1_000


class FilterError(Exception):
    """What was entered narrows no list; the message says what to do."""


class StateFilter(admin.SimpleListFilter):
    """Shows what is genuine or may become so, unless asked for something else."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices besides the default."""
        del request, model_admin
        return [
            ("accepted", "Genuine"),
            ("waiting", "Waiting"),
            ("rejected", "Rejected"),
            ("dead", "Given up"),
            ("all", "All"),
        ]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Name the default by what it shows."""
        default, *others = super().choices(changelist)
        yield {**default, "display": "Genuine or waiting"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice."""
        del request
        chosen = self.value()
        if chosen == "all":
            return queryset
        if chosen in State.values:
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
        return [*changes, *((name, name) for name in LIFECYCLE_EVENTS)]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice."""
        del request
        if not (chosen := self.value()):
            return queryset
        # Each has an index of its own, which an OR of both would not find.
        if chosen in LIFECYCLE_EVENTS:
            return queryset.filter(_is("lifecycle_event", chosen))
        return queryset.filter(change_type=chosen)


class ReceivedFilter(admin.SimpleListFilter):
    """Shows what came within a time: one of some, or from one moment to another."""

    title = "received"
    parameter_name = "received"
    template = "admin/notifications/changenotification/received_filter.html"
    within = {
        "hour": ("Last hour", timedelta(hours=1)),
        "day": ("Last 24 hours", timedelta(days=1)),
        "week": ("Last 7 days", timedelta(days=7)),
        "month": ("Last 30 days", timedelta(days=30)),
    }

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[ChangeNotification], model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        for name in EXACT_TIMES:
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1].strip()

    def expected_parameters(self) -> list[str | None]:
        """Return the names in the address."""
        return [self.parameter_name, *EXACT_TIMES]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the spans of time."""
        del request, model_admin
        return [(name, label) for name, (label, _) in self.within.items()]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield the spans, of which each takes the place of exact times, and then the form for these."""
        exact = {name: self.used_parameters.get(name, "") for name in EXACT_TIMES}
        for choice in super().choices(changelist):
            is_selected = choice["selected"] and not any(exact.values())
            link = changelist.get_query_string(
                {**dict.fromkeys(EXACT_TIMES), self.parameter_name: self._name_of(choice["display"])}
            )
            yield {**choice, "selected": is_selected, "query_string": link}
        others = parse_qsl(changelist.get_query_string(remove=[self.parameter_name]).removeprefix("?"))
        hidden = [pair for pair in others if pair[0] not in EXACT_TIMES]
        yield {"is_form": True, "hidden": hidden, **exact}

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice.

        Raises:
            FilterError: an exact time is none.

        """
        del request
        if (chosen := self.value()) in self.within:
            queryset = queryset.filter(received_at__gte=timezone.now() - self.within[chosen][1])
        for name, lookup in EXACT_TIMES.items():
            if text := self.used_parameters.get(name):
                queryset = queryset.filter(**{lookup: _time(text)})
        return queryset

    def _name_of(self, display: object) -> str | None:
        return next((name for name, (label, _) in self.within.items() if label == display), None)


class WorkloadFilter(admin.SimpleListFilter):
    """Shows one workload; an address may name several, with commas between them, and none for what belongs nowhere."""

    title = "workload"
    parameter_name = "workload"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return those of the catalogue, and what a link names."""
        del request, model_admin
        chosen = self.used_parameters.get(self.parameter_name)
        names = [*workloads(), *([] if chosen is None or chosen in workloads() else [chosen])]
        return [(name, name.replace(",", ", ").strip(", ") or "Unknown") for name in names]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice."""
        del request
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(workload__in=chosen.split(","))


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


class AppRegistrationFilter(admin.SimpleListFilter):
    """Shows what came by the subscriptions of one app registration."""

    title = "app registration"
    parameter_name = "app"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the app registrations by name."""
        del request, model_admin
        rows = AppRegistration.objects.order_by("name").values_list("pk", "name")[:APPS_SHOWN]
        return [(str(pk), Truncator(name).chars(SUBSCRIPTION_LENGTH)) for pk, name in rows]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice."""
        del request
        chosen = self.value() or ""
        if not chosen.isdecimal():
            return queryset
        return queryset.filter(
            subscription__in=_keys(Subscription.objects.filter(app_registration__pk=int(chosen)))
        )


class TenantFilter(admin.SimpleListFilter):
    """Shows what came from one tenant, of those that have an app registration here."""

    title = "tenant"
    parameter_name = "tenant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the tenants, each with the app registrations that it has here."""
        del request, model_admin
        names: dict[str, list[str]] = {}
        for tenant, name in AppRegistration.objects.order_by("name").values_list("tenant_id", "name")[
            :APPS_SHOWN
        ]:
            names.setdefault(tenant, []).append(name)
        return [
            (tenant, Truncator(f"{words.shortened(tenant)} ({', '.join(apps)})").chars(SUBSCRIPTION_LENGTH))
            for tenant, apps in names.items()
        ]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice; the subscriptions are what an index is found by."""
        del request
        if not (chosen := self.value()):
            return queryset
        ours = Subscription.objects.filter(app_registration__tenant_id__iexact=chosen)
        spellings = {chosen, chosen.lower(), chosen.upper()}
        return queryset.filter(subscription__in=_keys(ours), tenant_id__in=spellings)


class HasContentFilter(admin.SimpleListFilter):
    """Shows what has content, or what has none."""

    title = "content"
    parameter_name = "has_content"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return both."""
        del request, model_admin
        return [("yes", "With content"), ("no", "Without content")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice."""
        del request
        chosen = self.value()
        return queryset.filter(content__isnull=chosen == "no") if chosen in {"yes", "no"} else queryset


class ReasonFilter(admin.SimpleListFilter):
    """Shows what was refused, waits or was given up for one reason."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return all reasons that there are."""
        del request, model_admin
        return [(str(reason), str(reason).replace("_", " ").capitalize()) for reason in Reason]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Lead to rows of all states: the default shows next to nothing that has a reason."""
        default, *others = super().choices(changelist)
        yield default
        for choice, reason in zip(others, Reason, strict=True):
            link = changelist.get_query_string({self.parameter_name: str(reason), "state": "all"})
            yield {**choice, "query_string": link}

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Apply the choice."""
        del request
        chosen = self.value()
        return queryset.filter(_is("reason", chosen)) if chosen else queryset


def _is(column: str, value: str) -> Q:
    """Return the condition with the words of the index too, by which SQLite knows that it has all such rows."""
    return Q(**{column: value}) & ~Q(**{column: ""})


def _keys(subscriptions: QuerySet[Subscription]) -> list[int]:
    """Return their keys: only by them, and not by a join, does the database know how many rows to expect."""
    return list(subscriptions.values_list("pk", flat=True))


def _time(text: str) -> datetime:
    try:
        return times.read(text)
    except ValueError as error:
        raise FilterError(str(error)) from error
