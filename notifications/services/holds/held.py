"""Held: the one place that says what a standing legal hold keeps from being lost.

Whoever deletes calls `freeze` first, inside the transaction, and leaves what these conditions name. A hold is a
condition, looked at when something is to be deleted: what it covers need not be marked, and what arrives later is held
like the rest. As long as no hold stands, each condition is empty and the database is asked nothing more.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from notifications.models import ChangeNotification, Delivery, LegalHold
from notifications.services.holds.mentions import naming
from subscriptions.models import Subscription
from subscriptions.services.long_lists import count_up_to

NOTHING = Q(pk__in=[])
COUNTED_AT_MOST = 100_000
# Any number that nothing else on this database locks.
_LOCK = 0x6C6567616C
_picks = LegalHold.picked.through.objects


def freeze() -> None:
    """Let no hold begin until the caller's transaction ends: it looks at the holds once and deletes by that.

    SQLite lets one transaction write at a time anyway.
    """
    _lock("pg_advisory_xact_lock_shared")


def begin() -> None:
    """Wait for those who are deleting, inside the caller's transaction: they do not know of the new hold yet."""
    _lock("pg_advisory_xact_lock")


def _lock(function: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [_LOCK])


def covered(hold: LegalHold) -> QuerySet[ChangeNotification]:
    """Return what one hold covers."""
    if hold.is_of_picked:
        picked = _picks.filter(legalhold=hold.pk, changenotification=OuterRef("pk"))
        return ChangeNotification.objects.order_by().filter(Exists(picked))
    criteria = {
        "subscription": hold.subscription_id,
        "subscription__app_registration": hold.app_registration_id,
        "tenant_id__iexact": hold.tenant_id,
        "received_at__gte": hold.received_since,
        "received_at__lt": hold.received_until,
    }
    found = ChangeNotification.objects.order_by().filter(
        **{name: value for name, value in criteria.items() if value}
    )
    return found.filter(naming(hold.mentioning)) if hold.mentioning else found


def notifications() -> Q:
    """Say which notifications are held."""
    return _any(Exists(covered(hold).filter(pk=OuterRef("pk"))) for hold in _standing())


def deliveries() -> Q:
    """Say which deliveries are held: those of held notifications, and those of which nobody knows what is in them."""
    holds = _standing()
    of_items = _any(Exists(covered(hold).filter(delivery=OuterRef("pk"))) for hold in holds)
    return of_items | _any(_within(hold) for hold in holds if not hold.is_of_picked)


def entangled() -> Q:
    """Say which notifications are held or came in one body with what is held."""
    return _any(_entangled(hold) for hold in _standing())


def in_the_way(rows: QuerySet[ChangeNotification]) -> dict[str, int]:
    """Return how many of `rows` each hold keeps from being erased, by its name; counted up to 100,000."""
    counts: dict[str, int] = defaultdict(int)
    for hold in _standing():
        if count := count_up_to(rows.filter(_entangled(hold)), COUNTED_AT_MOST):
            counts[hold.name] += count
    return dict(counts)


def holds_on(notification: int) -> list[str]:
    """Return the names of the holds that cover a notification."""
    return [hold.name for hold in _standing() if covered(hold).filter(pk=notification).exists()]


def picks_of(notifications: Collection[int]) -> dict[int, set[int]]:
    """Return the holds for which notifications were picked, by the keys of both."""
    found: dict[int, set[int]] = defaultdict(set)
    rows = _picks.filter(changenotification__in=notifications)
    for notification, hold in rows.values_list("changenotification", "legalhold"):
        found[notification].add(hold)
    return found


def pick(notification: int, holds: Collection[int]) -> None:
    """Put a notification under holds for which it was picked under another key."""
    _picks.bulk_create(
        [LegalHold.picked.through(changenotification_id=notification, legalhold_id=hold) for hold in holds],
        ignore_conflicts=True,
    )


def objections(rows: QuerySet[Subscription]) -> dict[int, str]:
    """Return why subscriptions must stay, by their keys: without them a hold no longer finds what it covers."""
    freeze()
    found: dict[int, str] = {}
    for hold in _standing():
        if hold.subscription_id:
            named = rows.filter(pk=hold.subscription_id)
        elif hold.app_registration_id:
            named = rows.filter(app_registration=hold.app_registration_id)
        else:
            continue
        reason = f"The legal hold {hold.name} finds what it covers by it: release the hold first."
        found |= dict.fromkeys(named.values_list("pk", flat=True), reason)
    return found


def _standing() -> list[LegalHold]:
    return list(LegalHold.objects.standing().order_by("pk"))


def _any(conditions: Iterable[Q | Exists]) -> Q:
    found = NOTHING
    for condition in conditions:
        found |= Q(condition)
    return found


def _entangled(hold: LegalHold) -> Q:
    is_kept = Exists(Delivery.objects.filter(pk=OuterRef("delivery")))
    of_one_body = covered(hold).filter(is_kept, delivery=OuterRef("delivery"))
    return Q(Exists(covered(hold).filter(pk=OuterRef("pk")))) | Q(Exists(of_one_body))


def _within(hold: LegalHold) -> Q:
    """Say which deliveries may hold what a hold covers although no row says so.

    Those that nobody has judged yet, and, for a hold on a time alone, those in which nothing could be read.
    """
    has_more = hold.subscription_id or hold.app_registration_id or hold.tenant_id or hold.mentioning
    found = Q(processed_at__isnull=True) if has_more else Q()
    if hold.received_since:
        found &= Q(received_at__gte=hold.received_since)
    if hold.received_until:
        found &= Q(received_at__lt=hold.received_until)
    return found
