"""A process that is killed at any step of a recovery or a fetch: nothing is lost, and nothing is there twice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection

from notifications.models import ChangeNotification, ContentFetch, NotificationContent
from notifications.services import engine, fetching, recovering
from subscriptions.models import Gap, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import gaps
from subscriptions.services.gaps import recovery

pytestmark = pytest.mark.django_db(transaction=True)

CONTACTS = "/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/contacts"
# Longer than any claim lasts.
LATER = timedelta(minutes=15)


class KilledError(BaseException):
    """What no `except Exception` stops, as nothing stops a kill."""


@contextmanager
def killed_at(statement: int, *, is_before: bool) -> Iterator[None]:
    """Let this thread die at its n-th SQL statement; a dead process says nothing more to the database."""
    left = statement

    def die(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or (left == 0 and is_before):
            raise KilledError
        answer = execute(*arguments)
        if left == 0:
            raise KilledError
        return answer

    with connection.execute_wrapper(die):
        yield


def dies(work: Callable[[], object], statement: int, *, is_before: bool) -> bool:
    try:
        with killed_at(statement, is_before=is_before):
            work()
    except KilledError:
        # What the database does when the line to a dead process ends.
        connection.connection.rollback()
        return True
    return False


@pytest.mark.parametrize("is_before", [True, False])
def test_a_recovery_that_is_killed_at_any_step_is_made_good_by_the_next(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox, is_before: bool
) -> None:
    subscription = make_subscription(resource=CONTACTS, change_type="created")
    sandbox.delta_page_size = 1
    skipped = timedelta()

    def recover() -> object:
        return recovering.recover(subscription, clock=lambda: datetime.now(UTC) + skipped, actor="test")

    recover()
    made: list[str] = []
    for statement in count(1):
        # A webhook that is not there: nothing but the delta query tells of these.
        Subscription.objects.update(graph_id=f"unknown-{statement}")
        changes = sandbox.make_changes((f"{CONTACTS}/{statement}-{n}", "created", None) for n in range(2))
        made += [change.item.id for change in changes]
        now = datetime.now(UTC) + skipped
        gaps.record([subscription], cause=Gap.Cause.MISSED, began_at=now, ended_at=now)
        recovery.want(Subscription.objects.all(), now=now)
        was_killed = dies(recover, statement, is_before=is_before)
        skipped += LATER
        sandbox.advance(LATER)
        recover()
        if not was_killed:
            break

    stored = ChangeNotification.objects.filter(origin="delta").values_list("resource_id", flat=True)
    assert statement > 20
    assert sorted(stored) == sorted(made)
    assert set(Gap.objects.values_list("state", flat=True)) == {"recovered"}


@pytest.mark.parametrize("is_before", [True, False])
def test_a_fetch_that_is_killed_at_any_step_is_done_once_by_the_next(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox, is_before: bool
) -> None:
    make_subscription(resource=CONTACTS)
    sandbox.make_change(f"{CONTACTS}/one", "created")
    sandbox.flush(10)
    engine.work_once()
    skipped = timedelta()

    def fetch() -> object:
        return fetching.fetch_wanted(clock=lambda: datetime.now(UTC) + skipped)

    for statement in count(1):
        NotificationContent.objects.all().delete()
        ContentFetch.objects.all().delete()
        fetching.want(ChangeNotification.objects.all(), now=datetime.now(UTC) + skipped, actor="test")
        was_killed = dies(fetch, statement, is_before=is_before)
        skipped += LATER
        fetch()
        assert (ContentFetch.objects.get().state, NotificationContent.objects.count()) == ("done", 1)
        if not was_killed:
            break

    assert statement > 5
