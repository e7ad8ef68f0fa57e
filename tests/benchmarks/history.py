"""A long history of notifications, made inside the database: `python -m tests.benchmarks.history FROM TO OLDEST`."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import django

TENANTS = [f"5b0f9a31-7e62-4c1d-9f38-{number:012d}" for number in range(5)]
SUBSCRIPTIONS = 200
RARE_APP = 4
# As many rows as a page can show are rare, however long the history is.
RARE_ROWS = 150
SECONDS_APART = 1.5
NOTIFICATIONS, CONTENTS = "notifications_changenotification", "notifications_notificationcontent"
# What stands for each column, in the words of both databases; g is the number of the row. In SQLite || binds first.
COLUMNS = {
    "id": "g",
    "subscription_id": f"CASE WHEN g % {{rare}} = 77 THEN {SUBSCRIPTIONS + 1} ELSE 1 + (g + 3) % {SUBSCRIPTIONS} END",
    "subscription_graph_id": "''",
    "notification_id": "'n-' || g",
    "change_type": (
        "CASE WHEN g % 1000 = 5 THEN '' WHEN g % 100 = 1 THEN 'deleted' WHEN g % 3 = 0 THEN 'created' "
        "ELSE 'updated' END"
    ),
    "lifecycle_event": "CASE WHEN g % 1000 = 5 THEN 'missed' ELSE '' END",
    "resource": "'Users/u' || (g % 2000) || '/Messages/AAMkAGI2TG93AAA' || (g / 4) || '='",
    "resource_type": (
        "CASE WHEN g % 500 = 3 THEN '#Microsoft.Graph.Event' WHEN g % 2 = 0 THEN '#Microsoft.Graph.chatMessage' "
        "ELSE '#Microsoft.Graph.Message' END"
    ),
    "workload": "CASE WHEN g % 2 = 0 THEN 'Teams' ELSE 'Outlook' END",
    "resource_id": "'AAMkAGI2TG93AAA' || (g / 4) || '='",
    "resource_data": "'{}'",
    "tenant_id": f"CASE WHEN g % {{rare}} = 77 THEN '{TENANTS[RARE_APP]}' ELSE '{TENANTS[0][:-1]}' || (g % 4) END",
    "origin": "CASE WHEN g % 300 = 9 THEN 'delta' ELSE 'webhook' END",
    "state": (
        "CASE WHEN g % 200 = 11 THEN 'rejected' WHEN g % {rare} = 12 THEN 'dead' WHEN g % {rare} = 13 THEN 'waiting' "
        "ELSE 'accepted' END"
    ),
    "reason": (
        "CASE WHEN g % 200 = 11 THEN 'client_state_mismatch' WHEN g % {rare} IN (12, 13) THEN 'unknown_certificate' "
        "ELSE '' END"
    ),
    "proof": "'[\"clientState\"]'",
    "encryption_certificate_id": "''",
    "times_delivered": "1",
    "handling": "''",
    "feed_number": "g",
    "item_index": "0",
}
TIMES = ("received_at", "last_received_at", "processed_at")
# Every second has content; some are from somebody rare.
CONTENT = (
    """'{"subject": "Figures of day ' || (g / 57600) || '", "importance": "' || """
    """CASE WHEN g % 20 = 0 THEN 'high' ELSE 'normal' END || '", "size": ' || (g % 9000) || ', "isRead": false, """
    """"from": {"user": {"id": "u' || (g % 2000) || '", "displayName": "' || """
    """CASE WHEN g % {rare} = 2 THEN 'Zo\u00eb' ELSE 'Person ' || (g % 2000) END || '"}}, """
    """"toRecipients": [{"emailAddress": {"name": "Person ' || (g % 1999) || '", "address": "p' || (g % 1999) || """
    """'@contoso.example"}}], "body": {"contentType": "html", "content": "<p>A message of ordinary length, """
    """number ' || g || ', which goes on for a while so that it has about the size that they have.</p>"}}'"""
)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How the rows look: an expression for each column, one for content, and which part of the rows has content."""

    columns: Mapping[str, str]
    content: str
    content_each: int


SHAPE = Shape(columns=COLUMNS, content=CONTENT, content_each=2)


def main(first: int, last: int, total: int) -> None:
    """Add the rows numbered `first` to `last` of `total`; the one numbered `total` has just come."""
    django.setup()
    if first == 1:
        prepare()
    with without_indexes():
        fill(first, last, total)
    count()


def prepare() -> None:
    """Make the subscriptions that the history is of, and an analyst."""
    from django.contrib.auth.models import Group, User
    from django.core.management.color import no_style
    from django.db import connection

    from subscriptions.models import AppRegistration, Subscription
    from subscriptions.services.access import app_registrations

    apps = [
        app_registrations.register(
            name=f"App {number}",
            cloud=AppRegistration.Cloud.GLOBAL,
            tenant_id=tenant,
            client_id=f"c2e81d70-94b6-4f3a-8d25-{number:012d}",
            credential=app_registrations.NewCredential(client_secret="never-sent"),
        )
        for number, tenant in enumerate(TENANTS)
    ]
    for number in range(1, SUBSCRIPTIONS + 2):
        app = apps[RARE_APP] if number > SUBSCRIPTIONS else apps[number % RARE_APP]
        Subscription(
            pk=number,
            app_registration=app,
            resource=f"/users/u{number}/messages",
            change_type="created,updated",
            status=Subscription.Status.ACTIVE,
            graph_id=f"00000000-aaaa-4000-8000-{number:012d}",
            expires_at=datetime.now(UTC) + timedelta(days=1),
            client_state=f"state-{number}",
        ).save(force_insert=True)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Subscription]):
            cursor.execute(statement)
    user = User.objects.create_user("analyst", is_staff=True)
    user.groups.add(Group.objects.get(name="Analysts"))


def fill(first: int, last: int, total: int, *, shape: Shape = SHAPE) -> None:
    """Insert rows that look like `shape`; see `main`."""
    from django.db import connection

    is_postgresql = connection.vendor == "postgresql"
    now = datetime.now(UTC)
    numbers = (
        f"generate_series({first}, {last}) AS n(g)"
        if is_postgresql
        else f"(WITH RECURSIVE n(g) AS (SELECT {first} UNION ALL SELECT g + 1 FROM n WHERE g < {last}) SELECT g FROM n)"
    )
    time = (
        f"TIMESTAMPTZ '{now.isoformat()}' - ({total} - g) * INTERVAL '{SECONDS_APART} seconds'"
        if is_postgresql
        else f"strftime('%Y-%m-%d %H:%M:%f', {now.timestamp()} - ({total} - g) * {SECONDS_APART}, 'unixepoch')"
    )
    rare = str(total // RARE_ROWS)
    columns = {name: words.replace("{rare}", rare) for name, words in shape.columns.items()}
    columns |= dict.fromkeys(TIMES, time)
    if is_postgresql:
        columns |= {name: f"CAST({columns[name]} AS jsonb)" for name in ("resource_data", "proof")}
    content = shape.content.replace("{rare}", rare)
    if is_postgresql:
        content = f"CAST({content} AS jsonb)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {NOTIFICATIONS} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {numbers}"
        )
        cursor.execute(
            f"INSERT INTO {CONTENTS} (notification_id, data, encryption_certificate_id, source, opened_at) "
            f"SELECT g, {content}, 'hooks', 'notification', {time} FROM {numbers} WHERE g % {shape.content_each} = 0"
        )
        if is_postgresql:
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{NOTIFICATIONS}', 'id'), {last})")


def count() -> None:
    """Count for the charts what was added, by the hour."""
    from django.db import connection

    hour = (
        "date_trunc('hour', received_at)"
        if connection.vendor == "postgresql"
        else ("strftime('%Y-%m-%d %H:00:00', received_at)")
    )
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM notifications_notificationcount")
        cursor.execute(
            "INSERT INTO notifications_notificationcount (began_at, workload, state, count, is_sum) "
            f"SELECT {hour}, workload, state, count(*), TRUE FROM {NOTIFICATIONS} GROUP BY 1, 2, 3"
        )
        cursor.execute(
            "UPDATE notifications_feedcounter SET last_number = (SELECT max(feed_number) FROM "
            f"{NOTIFICATIONS})"
        )
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


@contextmanager
def without_indexes() -> Iterator[None]:
    """Make the indexes after the rows: that is many times faster than keeping them up to date."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET maintenance_work_mem = '1GB'")
            cursor.execute("SET synchronous_commit = off")
            cursor.execute(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN (%s, %s) AND indexname NOT IN "
                "(SELECT conname FROM pg_constraint)",
                [NOTIFICATIONS, CONTENTS],
            )
        else:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN (%s, %s)",
                [NOTIFICATIONS, CONTENTS],
            )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        for _, definition in found:
            cursor.execute(re.sub("%", "%%", definition))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
