"""The gap report: for each subscription when it listened, when not, and what became of the changes of then."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet

from subscriptions.models import Gap, Subscription
from subscriptions.services import gaps

Status = Subscription.Status


@dataclass(frozen=True, kw_only=True)
class History:
    """One subscription: since when Graph has ever told of changes, and every gap since then, the newest first."""

    subscription: Subscription
    listening_since: datetime | None
    is_listening: bool
    gaps: tuple[Gap, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it for machines; times are UTC in ISO 8601."""
        subscription = self.subscription
        return {
            "id": subscription.pk,
            "graph_id": subscription.graph_id,
            "app": str(subscription.app_registration),
            "resource": subscription.resource,
            "change_type": subscription.change_type,
            "listening_since": _iso(self.listening_since),
            "is_listening": self.is_listening,
            "gaps": [_as_json(gap) for gap in self.gaps],
        }


def histories(
    subscriptions: QuerySet[Subscription], *, now: datetime, since: datetime | None = None
) -> Iterator[History]:
    """Yield the history of each subscription that was ever at Graph, without gaps that were over before `since`."""
    found = Gap.objects.touching(since) if since else Gap.objects.all()
    rows = subscriptions.filter(first_granted_at__isnull=False).order_by("pk")
    rows = rows.select_related("app_registration").prefetch_related(
        Prefetch("gaps", queryset=found.order_by("-began_at", "-pk"))
    )
    for row in rows.iterator(500):
        yield history(row, row.gaps.all(), now=now)


def history(subscription: Subscription, recorded: Iterable[Gap], *, now: datetime) -> History:
    """Return the history of one subscription from its recorded gaps, the newest first."""
    known = tuple(recorded)
    lapse = gaps.unrecorded_lapse(subscription, now=now)
    is_new = lapse is not None and not any(gap.ended_at is None for gap in known)
    is_active = subscription.status == Status.ACTIVE and lapse is None
    return History(
        subscription=subscription,
        listening_since=subscription.first_granted_at,
        is_listening=is_active,
        gaps=(lapse, *known) if lapse and is_new else known,
    )


def _as_json(gap: Gap) -> dict[str, Any]:
    return {
        "id": gap.pk,
        "cause": gap.cause,
        "state": gap.state,
        "began_at": _iso(gap.began_at),
        "began_by": _iso(gap.began_by),
        "ended_at": _iso(gap.ended_at),
        "recovered_at": _iso(gap.recovered_at),
        "note": gap.note,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
