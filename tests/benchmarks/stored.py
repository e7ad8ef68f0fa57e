"""A store that has seen much: `python -m tests.benchmarks.stored FIRST LAST TOTAL` fills PostgreSQL.

Unlike in `history`, whatever Graph makes up at random is spread as widely here, so that what comes next finds its place
in each index anywhere and not beside what came before.
"""

import sys
from datetime import UTC, datetime

import django

from tests.benchmarks.history import (
    COLUMNS,
    CONTENT,
    SECONDS_APART,
    Shape,
    count,
    fill,
    prepare,
    without_indexes,
)

DELIVERIES = "notifications_delivery"
# As many characters as hexadecimal GUIDs have: the ids of most resources. Every fourth change is of a new item.
ITEM = "md5('item' || (g / 4))"
GRAPH_ID = "md5('notification' || g)"
MAILBOXES = 2000
SHAPE = Shape(
    columns={
        **COLUMNS,
        "notification_id": GRAPH_ID,
        "resource": f"'Users/' || md5('u' || g % {MAILBOXES}) || '/Messages/' || {ITEM}",
        "resource_id": ITEM,
        "resource_data": f"""'{{"@odata.type": "#Microsoft.Graph.Message", "id": "' || {ITEM} || '"}}'""",
        # As services.rows.duplicate_keys spells it.
        "duplicate_key": f"left(md5({GRAPH_ID}), 12) || substr(md5('change' || g), 13)",
        # All is settled: what waits is not pruned.
        "state": "CASE WHEN g % 200 = 11 THEN 'rejected' ELSE 'accepted' END",
        "reason": "CASE WHEN g % 200 = 11 THEN 'client_state_mismatch' ELSE '' END",
        # Nobody has read the feed.
        "feed_number": "NULL",
        "delivery_id": "g",
    },
    content=CONTENT,
    content_each=4,
)


def main(first: int, last: int, total: int) -> None:
    """Store the rows numbered `first` to `last`; the one numbered `total` has just come, later ones are to come."""
    django.setup()
    if first == 1:
        prepare()
        with without_indexes():
            _fill(first, last, total)
        count()
    else:
        _fill(first, last, total)


def _fill(first: int, last: int, total: int) -> None:
    if first <= last:
        _fill_inbox(first, last, total)
        fill(first, last, total, shape=SHAPE)


def _fill_inbox(first: int, last: int, total: int) -> None:
    """Give each notification a delivery that is done, with a body of a small one's size."""
    from django.db import connection

    now = datetime.now(UTC).isoformat()
    time = f"TIMESTAMPTZ '{now}' - ({total} - g) * INTERVAL '{SECONDS_APART} seconds'"
    columns = {
        "id": "g",
        "received_at": time,
        "endpoint": "'notifications'",
        "body": "decode(repeat(md5(g::text), 12), 'hex')",
        "size": "150",
        "content_type": "'application/json'",
        "content_encoding": "''",
        "is_quarantined": "FALSE",
        "state": "'done'",
        "lease": "''",
        "attempts": "1",
        "next_attempt_at": time,
        "error": "''",
        "processed_at": time,
    }
    with connection.cursor() as cursor:
        # Foreign keys hold by the numbers; looking each of them up takes longer than all the rest.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            f"INSERT INTO {DELIVERIES} ({', '.join(columns)}) SELECT {', '.join(columns.values())} "
            f"FROM generate_series({first}, {last}) AS n(g)"
        )
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{DELIVERIES}', 'id'), {last})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
