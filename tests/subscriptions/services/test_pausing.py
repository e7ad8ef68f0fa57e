"""Pause and resume: not at Graph for a while, with nothing of the definition lost."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from subscriptions.graph import errors
from subscriptions.models import FormerIdentity, Operation, Subscription
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.services import creation, identities, pausing, recreation, removal, renewal
from subscriptions.services.errors import BusyError, PausedError, WishExistsError

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
Asked = Callable[..., list[RecordedRequest]]
LIST = r"/v1.0/subscriptions$"
DENIED = {"error": {"code": "ExtensionError", "message": "Access denied"}}
LATER = timedelta(hours=5)


def pause(row: Subscription, now: datetime) -> Subscription:
    return pausing.pause(row, now=now, actor="alice")


def resume(row: Subscription, now: datetime) -> Subscription:
    return pausing.resume(row, now=now, actor="alice")


def test_a_paused_one_is_not_at_graph_and_keeps_its_definition(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = pause(make_subscription(), now)

    assert sandbox.subscriptions == {}
    assert (row.is_paused, row.status, row.graph_id, row.expires_at) == (True, "gone", None, now)
    assert Operation.objects.filter(action="pause", status_code=204).count() == 1


def test_what_is_still_under_way_is_known_under_the_former_id(make_subscription: Make, now: datetime) -> None:
    row = make_subscription()
    former, client_state = str(row.graph_id), row.client_state.reveal()

    pause(row, now)

    [identity] = identities.find([(former, client_state)], cached=False)
    assert identity is not None
    assert (identity.subscription, identity.client_state) == (row.pk, client_state)


def test_nothing_brings_a_paused_one_back_but_resuming(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = pause(make_subscription(), now)

    renewal.renew_due(clock=lambda: now + LATER, actor="cron")
    with pytest.raises(PausedError):
        recreation.recreate(row, now=now, actor="bob")
    with pytest.raises(BusyError):
        creation.submit(row, now=now, actor="bob")

    assert sandbox.subscriptions == {}


def test_the_wish_of_a_paused_one_stays_taken(make_subscription: Make, now: datetime) -> None:
    pause(make_subscription(), now)

    with pytest.raises(WishExistsError):
        make_subscription()


def test_resuming_creates_it_again_and_marks_the_gap(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = pause(make_subscription(), now)

    sandbox.advance(LATER)
    resume(row, now + LATER)

    row.refresh_from_db()
    assert list(sandbox.subscriptions) == [row.graph_id]
    assert (row.is_paused, row.status, row.missed_at) == (False, "active", now)


def test_what_was_never_at_graph_has_missed_nothing_when_it_is_resumed(
    make_wish: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = pause(creation.plan(make_wish(), now=now), now)

    sandbox.advance(LATER)
    resume(row, now + LATER)

    row.refresh_from_db()
    assert (row.status, row.missed_at, len(sandbox.subscriptions)) == ("active", None, 1)


def test_a_refused_deletion_leaves_it_running(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription()
    sandbox.add_fault(method="DELETE", status=403, body=DENIED)

    with pytest.raises(errors.AccessDeniedError):
        pause(row, now)

    row.refresh_from_db()
    assert (row.is_enabled, row.status, row.error_code, row.claim) == (True, "active", "ExtensionError", "")


def test_a_refused_creation_leaves_it_to_the_renewal_run(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = pause(make_subscription(), now)
    sandbox.add_fault(method="POST", path=LIST, status=403, body=DENIED)
    with pytest.raises(errors.AccessDeniedError):
        resume(row, now)

    sandbox.advance(LATER)
    renewal.renew_due(clock=lambda: now + LATER, actor="cron")

    row.refresh_from_db()
    assert (row.status, list(sandbox.subscriptions)) == ("active", [row.graph_id])


def killed_while_ending(row: Subscription, sandbox: Sandbox) -> None:
    """Leave what a process leaves that dies between Graph's deletion and its own settling."""
    sandbox.remove_subscription(str(row.graph_id))
    Subscription.objects.filter(pk=row.pk).update(is_enabled=False)


def test_a_pause_that_was_killed_after_the_deletion_is_not_undone_by_the_renewal_run(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription()
    killed_while_ending(row, sandbox)

    renewal.renew_due(clock=lambda: now, within=timedelta(days=365), actor="cron")
    pause(row, now)

    assert (row.is_paused, row.status, sandbox.subscriptions) == (True, "gone", {})


def test_the_row_says_what_is_wanted_before_graph_is_asked(
    make_subscription: Make, sandbox: Sandbox, now: datetime, at_once: Callable[..., list[Any]]
) -> None:
    row = make_subscription()
    sandbox.add_fault(method="DELETE", delay=1)

    def wanted_meanwhile() -> bool:
        while not any(one.method == "DELETE" for one in sandbox.requests):
            time.sleep(0.01)
        return Subscription.objects.get().is_enabled

    steps = iter((partial(pause, row, now), wanted_meanwhile))

    def take_a_step() -> object:
        return next(steps)()

    assert False in at_once(take_a_step)


def test_resuming_what_was_never_wholly_paused_misses_nothing(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription()
    Subscription.objects.update(is_enabled=False)

    resume(row, now)

    row.refresh_from_db()
    assert (row.status, row.missed_at, list(sandbox.subscriptions)) == ("active", None, [row.graph_id])


def test_two_who_pause_at_once_delete_once(
    make_subscription: Make, now: datetime, at_once: Callable[..., list[Any]], asked: Asked
) -> None:
    row = make_subscription()

    results = at_once(lambda: pause(Subscription.objects.get(pk=row.pk), now))

    assert sum(isinstance(result, BusyError) for result in results) == 1
    assert len(asked("DELETE")) == 1


def test_two_who_resume_at_once_create_once(
    make_subscription: Make, sandbox: Sandbox, now: datetime, at_once: Callable[..., list[Any]]
) -> None:
    row = pause(make_subscription(), now)

    results = at_once(lambda: resume(Subscription.objects.get(pk=row.pk), now))

    assert sum(isinstance(result, BusyError) for result in results) == 1
    assert len(sandbox.subscriptions) == 1


@pytest.mark.parametrize("verb", [pause, partial(removal.remove, actor="alice")])
def test_what_has_lapsed_is_given_up_even_when_graph_cannot_be_asked(
    make_subscription: Make, sandbox: Sandbox, now: datetime, verb: Callable[..., Subscription]
) -> None:
    row = make_subscription()
    Subscription.objects.update(expires_at=now - timedelta(minutes=1))
    sandbox.add_fault(method="DELETE", status=403, body=DENIED)

    verb(row, now=now)

    row.refresh_from_db()
    assert row.status in {"gone", "removed"}


def test_a_paused_one_can_be_retired_without_asking_graph(
    make_subscription: Make, now: datetime, asked: Asked
) -> None:
    row = pause(make_subscription(), now)

    removal.remove(row, now=now, actor="alice")

    row.refresh_from_db()
    assert (row.status, row.is_paused, len(asked("DELETE"))) == ("removed", False, 1)
    assert FormerIdentity.objects.count() == 1
