"""Deleting subscriptions: those that are retired, one or many; of any other, Django's pages say why not."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from subscriptions.models import Subscription
from subscriptions.services import deletion

REASONS_SHOWN = 20


class RetiredDeletion(admin.ModelAdmin[Subscription]):
    """Adds to Django's deletion that nothing at Graph is orphaned by it."""

    def get_deleted_objects(
        self, objs: QuerySet[Subscription] | Sequence[Subscription], request: HttpRequest
    ) -> tuple[list[Any], dict[str, Any], set[str], list[str]]:
        """Return what goes, and, as what is in the way of it, why some cannot go."""
        del request
        reasons = [reason for one in objs if (reason := deletion.why_not(one))]
        more = [f"And {len(reasons) - REASONS_SHOWN:,} more."] if len(reasons) > REASONS_SHOWN else []
        named = [str(one) for one in objs][:REASONS_SHOWN]
        history = deletion.history_of(Subscription.objects.filter(pk__in=[one.pk for one in objs]))
        stays = {f"{words} (stay)": number for words, number in history.stays.items()}
        counts = {"subscriptions": f"{len(objs):,}", **history.goes, **stays}
        return named, counts, set(), [*reasons[:REASONS_SHOWN], *more]

    def delete_model(self, request: HttpRequest, obj: Subscription) -> None:
        """Delete it if it is still retired at this moment."""
        del request
        deletion.delete_retired([obj.pk], now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        """Delete those that are still retired at this moment."""
        del request
        deletion.delete_retired(queryset.values_list("pk", flat=True), now=timezone.now())
