"""Pruning: delete what has been kept for as long as its retention rule says, while everything goes on.

Each table is walked from its oldest rows on in windows, one short transaction for each, so that memory and locks are
bounded and a run that is broken off has done what it has done; the walk ends at what is too young, so that a run costs
what it deletes, however much is kept. Nobody waits: what another process holds is left for the next run. What a legal
hold covers stays.

Why not partitions by time, which go at a stroke: a unique key of theirs must contain the time, so that a repetition at
the border of two would be stored twice, and retention differs by app registration, state and kind.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import Error, transaction
from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet

from notifications.models import ChangeNotification, Delivery, NotificationContent, RetentionRule
from notifications.services.holds import held
from notifications.services.rows import counting
from subscriptions.models import Operation
from subscriptions.services.watching import runs

logger = logging.getLogger(__name__)

COMMAND = "prune_notifications"
# Rows looked at in one statement; of them at most so many rows are deleted in one transaction.
WINDOW = 1_000
# Keys are given in the order of arrival, but for the clocks of several hosts.
CLOCKS_DIFFER = timedelta(days=1)
NEVER = Q(pk__in=[])
State = ChangeNotification.State


@dataclass(kw_only=True)
class Summary:
    """How many rows of each kind were deleted, or would be; and how many of them legal holds kept."""

    rules: int = 0
    content: int = 0
    deliveries: int = 0
    accepted: int = 0
    refused: int = 0
    operations: int = 0
    held_content: int = 0
    held_deliveries: int = 0
    held_accepted: int = 0
    held_refused: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """Rows that have been kept for long enough; `targets` are the rows to delete, known by the same keys.

    None of them came after `until`, the time in the column `time`; the table is walked in the order of `place`, which
    has an index. `held` says which of the rows stay all the same, whenever it is asked: a hold may come while this goes
    on.
    """

    name: str
    rows: QuerySet[Any]
    targets: QuerySet[Any]
    until: datetime | None
    time: str = "received_at"
    place: str = "pk"
    held: Callable[[], Q] = lambda: NEVER


def prune(*, clock: Callable[[], datetime], dry_run: bool = False) -> Summary:
    """Delete what is past its retention and return the counts; with `dry_run`, only count.

    What waits, what still has to be acted on and what has no rule stays. A kind that breaks off does not stop the
    others, and the next run goes on with it.
    """
    if dry_run:
        return _prune(now=clock(), remove=_count)
    with runs.recorded(COMMAND, clock=clock) as record:
        summary = _prune(now=clock(), remove=_delete)
        counts = {name: value for name, value in asdict(summary).items() if isinstance(value, int)}
        record.conclude(succeeded=not summary.errors, summary=counts)
    return summary


def _prune(*, now: datetime, remove: Callable[[_Kind, Q], tuple[int, int]]) -> Summary:
    rules = list(RetentionRule.objects.all())
    summary = Summary(rules=len(rules))
    for kind in _kinds(rules, now=now) if rules else ():
        try:
            for window in _windows(kind):
                gone, kept = remove(kind, window)
                _add(summary, kind.name, gone)
                if kept:
                    _add(summary, f"held_{kind.name}", kept)
        except Error as error:
            logger.exception("pruning broke off kind=%s", kind.name)
            summary.errors.append(f"Pruning of {kind.name} broke off: {type(error).__name__}. See the log.")
    return summary


def _add(summary: Summary, name: str, count: int) -> None:
    setattr(summary, name, getattr(summary, name) + count)


def _kinds(rules: Sequence[RetentionRule], *, now: datetime) -> Iterator[_Kind]:
    """Yield what may go. Deliveries come before the notifications that say whether they may go."""
    of_app = "subscription__app_registration"
    notifications = ChangeNotification.objects.order_by()
    content = _past(rules, "content_days", column="received_at", app=of_app, now=now)
    yield _Kind(
        name="content",
        rows=notifications.filter(content, content__isnull=False),
        targets=NotificationContent.objects.order_by(),
        until=_latest(rules, "content_days", now=now),
        place="received_at",
        held=held.notifications,
    )
    yield _Kind(
        name="deliveries",
        rows=_deliveries(rules, now=now),
        targets=Delivery.objects.order_by(),
        until=_latest(rules, "delivery_days", "refused_days", now=now),
        held=held.deliveries,
    )
    accepted = _past(rules, "accepted_days", column="received_at", app=of_app, now=now)
    is_handled = Q(handle_after__isnull=True) | Q(handled_at__isnull=False)
    rows = notifications.filter(accepted, is_handled, state=State.ACCEPTED)
    yield _Kind(
        name="accepted",
        rows=rows,
        targets=notifications,
        until=_latest(rules, "accepted_days", now=now),
        place="received_at",
        held=held.notifications,
    )
    refused = _past(rules, "refused_days", column="received_at", app=of_app, now=now)
    rows = notifications.filter(refused, state__in=(State.REJECTED, State.DEAD))
    yield _Kind(
        name="refused",
        rows=rows,
        targets=notifications,
        until=_latest(rules, "refused_days", now=now),
        place="received_at",
        held=held.notifications,
    )
    operations = Operation.objects.order_by()
    past = _past(rules, "operation_days", column="started_at", app="app_registration", now=now)
    yield _Kind(
        name="operations",
        rows=operations.filter(past),
        targets=operations,
        until=_latest(rules, "operation_days", now=now),
        time="started_at",
    )


def _past(rules: Sequence[RetentionRule], days: str, *, column: str, app: str, now: datetime) -> Q:
    """Say which rows are older than the rule of their app registration lets them become."""
    past = NEVER
    for rule in rules:
        if limit := rule.limit(days, now=now):
            past |= _scope(rule, rules, app=app) & Q(**{f"{column}__lte": limit})
    return past


def _latest(rules: Sequence[RetentionRule], *days: str, now: datetime) -> datetime | None:
    """Return the latest time up to which any rule lets go, None where none does."""
    limits = [limit for rule in rules for name in days if (limit := rule.limit(name, now=now))]
    return max(limits, default=None)


def _scope(rule: RetentionRule, rules: Sequence[RetentionRule], *, app: str) -> Q:
    """Say which rows a rule speaks of."""
    if rule.app_registration_id:
        return Q(**{app: rule.app_registration_id})
    own = [one.app_registration_id for one in rules if one.app_registration_id]
    return Q(**{f"{app}__isnull": True}) | ~Q(**{f"{app}__in": own})


def _deliveries(rules: Sequence[RetentionRule], *, now: datetime) -> QuerySet[Delivery]:
    """Return the settled deliveries that none of their items wants to keep; those without items go by the default."""
    items = ChangeNotification.objects.filter(delivery=OuterRef("pk")).order_by()
    wanted = items.filter(Q(state__in=(State.WAITING, State.DEAD)) | _keeping(rules, now=now))
    default = next((rule for rule in rules if not rule.app_registration_id), RetentionRule())
    done = Q(state=Delivery.State.DONE) & (Exists(items) | _received_by(default, "delivery_days", now=now))
    given_up = Q(state=Delivery.State.DEAD) & _received_by(default, "refused_days", now=now)
    settled = Delivery.objects.order_by().unleased(now).filter(done | given_up)
    return settled.filter(~Exists(wanted))


def _keeping(rules: Sequence[RetentionRule], *, now: datetime) -> Q:
    """Say which items are too young for their delivery to go, or under no rule that lets it go."""
    keeping = NEVER
    for rule in rules if any(not rule.app_registration_id for rule in rules) else (*rules, RetentionRule()):
        limit = rule.limit("delivery_days", now=now)
        is_young = Q(received_at__gt=limit) if limit else Q()
        keeping |= _scope(rule, rules, app="subscription__app_registration") & is_young
    return keeping


def _received_by(rule: RetentionRule, days: str, *, now: datetime) -> Q:
    limit = rule.limit(days, now=now)
    return Q(received_at__lte=limit) if limit else NEVER


def _windows(kind: _Kind) -> Iterator[Q]:
    """Yield what holds so many rows of a table at a time, from the oldest on, until there are only younger ones."""
    rows = kind.rows.model._default_manager.order_by(kind.place)  # noqa: SLF001 -- documented
    rest = rows
    while kind.until:
        ends = rest[:WINDOW].aggregate(low=Min(kind.place), high=Max(kind.place), since=Min(kind.time))
        if ends["since"] is None or ends["since"] > kind.until + CLOCKS_DIFFER:
            break
        yield Q(**{f"{kind.place}__gte": ends["low"], f"{kind.place}__lte": ends["high"]})
        rest = rows.filter(**{f"{kind.place}__gt": ends["high"]})


def _count(kind: _Kind, window: Q) -> tuple[int, int]:
    rows = kind.rows.filter(window)
    kept = rows.filter(kind.held()).count()
    return rows.count() - kept, kept


def _delete(kind: _Kind, window: Q) -> tuple[int, int]:
    """Delete what may go in a window; what somebody took up since it was found is looked at again under its lock."""
    rows = kind.rows.filter(window)
    # Looking takes no lock, and most windows hold nothing to delete.
    if not rows.exists():
        return 0, 0
    with transaction.atomic():
        held.freeze()
        kept = set(rows.filter(kind.held()).values_list("pk", flat=True))
        locked = rows.only(*_needed(kind)).select_for_update(skip_locked=True, of=("self",))
        going = [row for row in locked if row.pk not in kept]
        # Without the rest: Django reads what it deletes, and would open each body.
        kind.targets.only("pk").filter(pk__in=[row.pk for row in going]).delete()
        if kind.targets.model is ChangeNotification:
            counting.note(gone=going)
    return len(going), len(kept)


def _needed(kind: _Kind) -> tuple[str, ...]:
    return counting.COLUMNS if kind.targets.model is ChangeNotification else ("pk",)
