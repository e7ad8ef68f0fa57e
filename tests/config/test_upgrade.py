"""A database that an earlier state of the product has filled is brought to this one by `migrate`."""

from collections.abc import Callable
from typing import Any

import pytest

Manage = Callable[..., Any]

WRITE = """
from django.utils import timezone
from notifications.models import ChangeNotification
now = timezone.now()
times = {"received_at": now, "last_received_at": now, "processed_at": now, "state": "accepted"}
for notification_id, key in (("n-1", "a" * 32), ("n-1", None), ("n-2", "b" * 32), ("", "c" * 32)):
    ChangeNotification.objects.create(notification_id=notification_id, duplicate_key=key, **times)
"""
READ = """
from notifications.models import ChangeNotification
from notifications.services.browsing import search
from notifications.services.rows import duplicate_keys
found = ChangeNotification.objects.filter(search.with_graph_id("n-1"))
print(sorted(found.values_list("pk", flat=True)))
anew = {duplicate_keys.key(letter * 32, notification_id=of) for letter, of in (("a", "n-1"), ("b", "n-2"), ("c", ""))}
print(ChangeNotification.objects.filter(duplicate_key__in=anew).count())
"""


def check_keys(manage: Manage, **variables: str) -> None:
    for state in (("auth",), ("notifications", "0002")):
        assert manage("migrate", "-v", "0", *state, **variables).returncode == 0
    assert manage("shell", "-v", "0", "-c", WRITE, **variables).stderr == ""
    for _ in range(2):
        migrated = manage("migrate", "-v", "0", **variables)
        assert migrated.returncode == 0, migrated.stderr

    answer = manage("shell", "-v", "0", "-c", READ, **variables)

    assert answer.stdout.split("\n")[:2] == ["[1, 2]", "3"], answer.stderr


def test_graph_ids_are_found_and_repetitions_known_in_an_upgraded_sqlite(manage: Manage) -> None:
    check_keys(manage)


@pytest.mark.postgresql
def test_graph_ids_are_found_and_repetitions_known_in_an_upgraded_postgresql(
    manage: Manage, databases: tuple[str, str]
) -> None:
    check_keys(manage, DATABASE_URL=databases[0])
