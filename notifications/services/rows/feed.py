"""The feed: every settled notification once, in an order in which nothing can slip in behind a reader.

Row numbers do not give such an order: of two writers the one that began first may commit last, behind a reader who has
gone past its numbers. So a row gets its place only when it is seen, which is after its commit.
"""

from django.db import connection, transaction
from django.db.models import Max, QuerySet

from notifications.models import ChangeNotification, FeedCounter

# Given in one go; a reader that comes for the first time after years goes on in the next call.
PLACES_AT_ONCE = 5_000

_GIVE = """
WITH fresh AS (
    SELECT id FROM notifications_changenotification
    WHERE feed_number IS NULL AND state <> 'waiting'
    ORDER BY id LIMIT %s {skip_locked}
), placed AS (
    SELECT id, %s + ROW_NUMBER() OVER (ORDER BY id) AS number FROM fresh
)
UPDATE notifications_changenotification AS target SET feed_number = placed.number
FROM placed WHERE target.id = placed.id
"""


def after(
    rows: QuerySet[ChangeNotification], number: int, *, limit: int, span: int | None = None
) -> tuple[list[ChangeNotification], int, bool]:
    """Return up to `limit` of `rows` behind a place in the feed, the place to go on from, and whether there is more.

    With `span`, no more places than that are looked at, where a filter reads much to find little.
    What waits is not there until it is settled. A row whose content is fetched later comes once more, with it.
    """
    last, is_behind = _give_places()
    if span is not None and last > number + span:
        last, is_behind = number + span, True
    found = list(
        rows.filter(feed_number__gt=number, feed_number__lte=last).order_by("feed_number")[: limit + 1]
    )
    has_more = len(found) > limit
    page = found[:limit]
    # Where the filter leaves nothing more, the reader goes on behind all that was looked at.
    place = page[-1].feed_number if has_more else max(last, number)
    return page, place or number, has_more or is_behind


def tell_again(notification: int) -> None:
    """Give a notification a new place, inside the caller's transaction: there is news of it."""
    ChangeNotification.objects.filter(pk=notification).update(feed_number=None)


def _give_places() -> tuple[int, bool]:
    """Return the last place given, and whether more rows wait for one."""
    clause = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    with transaction.atomic():
        FeedCounter.objects.get_or_create(pk=1)
        counter = FeedCounter.objects.select_for_update().get(pk=1)
        with connection.cursor() as cursor:
            cursor.execute(_GIVE.format(skip_locked=clause), [PLACES_AT_ONCE, counter.last_number])
        # SQLite does not say how many rows such a statement has changed.
        before, highest = (
            counter.last_number,
            ChangeNotification.objects.aggregate(last=Max("feed_number"))["last"],
        )
        if highest and highest > before:
            counter.last_number = highest
            counter.save(update_fields=["last_number"])
    return counter.last_number, counter.last_number - before == PLACES_AT_ONCE
