"""The watch raises each alert once, keeps it while its cause is there, and ends it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage

from subscriptions.models import Alert, AlertMessage, Run, Subscription
from subscriptions.services.alerts import Finding, checks, register, watch, watch_in_turn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("operators")]

Maker = Callable[..., Subscription]
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _only_these(now: datetime) -> Iterator[None]:
    """Let a renewal have run, and drop the checks that a test registers."""
    later = now + timedelta(days=9)
    Run.objects.create(command="renew_subscriptions", started_at=now, finished_at=later, outcome="succeeded")
    before = checks.registered()
    yield
    checks._checks.clear()
    checks._checks.update(before)


def only(find: Callable[[datetime], Any], *, kind: str, calm: timedelta = timedelta(0)) -> None:
    """Let the watch look for nothing else."""
    checks._checks.clear()
    register(find, kinds=(kind,), calm=calm)


def subjects(mails: list[EmailMessage]) -> list[str]:
    return [mail.subject.removeprefix("[Graph Subscription Manager] ") for mail in mails]


def test_nothing_wrong_is_no_alert(make_row: Maker, now: datetime, mailoutbox: list[EmailMessage]) -> None:
    make_row()

    assert watch(now=now).open == 0
    assert not mailoutbox


def test_an_alert_is_raised_and_told_once(
    make_row: Maker, now: datetime, mailoutbox: list[EmailMessage]
) -> None:
    make_row(failures=1, error_cause="permission")

    for minutes in range(5):
        watch(now=now + minutes * MINUTE)

    alert = Alert.objects.get()
    assert (alert.raised_at, alert.last_seen_at, alert.resolved_at) == (now, now + 4 * MINUTE, None)
    assert subjects(mailoutbox) == [
        "New: Fabrikam: 1 subscription cannot be renewed: a permission is missing"
    ]
    assert mailoutbox[0].to == ["ops@example.org"]


def test_what_is_mended_is_told_as_over(
    make_row: Maker, now: datetime, mailoutbox: list[EmailMessage]
) -> None:
    row = make_row(failures=1, error_cause="permission")
    watch(now=now)
    Subscription.objects.filter(pk=row.pk).update(failures=0, error_cause="")

    for minutes in (1, 2, 3):
        watch(now=now + minutes * MINUTE)

    assert Alert.objects.get().resolved_at == now + MINUTE
    assert [subject.split(":")[0] for subject in subjects(mailoutbox)] == ["New", "Over"]
    assert "From 2026-03-01 12:00 to 2026-03-01 12:01 UTC" in str(mailoutbox[1].body)


def test_what_comes_back_is_a_new_alert(make_row: Maker, now: datetime) -> None:
    row = make_row(failures=1, error_cause="permission")
    for minutes, cause in enumerate(("permission", "", "permission")):
        Subscription.objects.filter(pk=row.pk).update(failures=bool(cause), error_cause=cause)
        watch(now=now + minutes * MINUTE)

    assert [alert.resolved_at for alert in Alert.objects.order_by("pk")] == [now + MINUTE, None]


def test_a_dead_credential_of_many_subscriptions_is_one_alert_and_one_message(
    make_row: Maker, now: datetime, mailoutbox: list[EmailMessage]
) -> None:
    for _ in range(50):
        make_row(failures=1, error_cause="credential")

    watch(now=now)

    assert Alert.objects.get().concerned.count() == 50
    assert len(mailoutbox) == 1


def test_what_grows_is_told_again_after_an_hour(
    make_row: Maker, now: datetime, mailoutbox: list[EmailMessage]
) -> None:
    make_row(failures=1, error_cause="permission")
    watch(now=now)
    make_row(failures=1, error_cause="permission")

    for minutes in (1, 59, 60, 61, 180):
        watch(now=now + minutes * MINUTE)

    assert [subject.split(":")[0] for subject in subjects(mailoutbox)] == ["New", "Got worse"]
    assert "2 subscriptions" in mailoutbox[1].subject
    assert AlertMessage.objects.get(occasion="again").queued_at == now + 60 * MINUTE


def test_what_gets_worse_is_told_again_at_once(
    make_row: Maker, now: datetime, mailoutbox: list[EmailMessage]
) -> None:
    end = now + timedelta(days=1)
    make_row(failures=1, error_cause="credential", expires_at=end)

    for at in (now, end - 20 * MINUTE, end - MINUTE, end):
        watch(now=at)

    assert [subject.split(":")[0] for subject in subjects(mailoutbox)] == ["New", "Got worse", "Got worse"]
    assert Alert.objects.count() == 1


def test_a_lapse_is_not_told_as_the_end_of_the_danger(
    make_row: Maker, now: datetime, mailoutbox: list[EmailMessage]
) -> None:
    make_row(failures=1, error_cause="service", granted_at=now - 40 * MINUTE, expires_at=now + 20 * MINUTE)

    watch(now=now)
    watch(now=now + 20 * MINUTE)

    danger, lapse = Alert.objects.order_by("pk")
    assert (danger.kind, danger.superseded, danger.resolved_at) == ("will_lapse", True, now + 20 * MINUTE)
    assert (lapse.kind, lapse.resolved_at) == ("lapsed", None)
    assert [subject.split(":")[0] for subject in subjects(mailoutbox)] == ["New", "New"]


def test_it_is_known_since_when_a_subscription_was_told_of(make_row: Maker, now: datetime) -> None:
    row = make_row(failures=1, error_cause="permission")
    watch(now=now)
    Subscription.objects.filter(pk=row.pk).update(failures=0, error_cause="")
    watch(now=now + MINUTE)

    concerned = Alert.objects.about(row).get().concerned.get()

    assert (concerned.since_at, concerned.until_at) == (now, now + MINUTE)


def test_a_check_that_breaks_off_stops_no_other(make_row: Maker, now: datetime) -> None:
    def broken(now: datetime) -> list[Finding]:
        raise RuntimeError(now)

    register(broken, kinds=("silent",))
    make_row(failures=1, error_cause="permission")

    watch(now=now)

    assert set(Alert.objects.values_list("kind", flat=True)) == {"refused", "check_failed"}


def test_a_check_that_breaks_off_leaves_its_alerts_open(now: datetime) -> None:
    answers: list[Any] = [[Finding(kind="silent", key="s", title="Silent", what_to_do="Look")], None, []]

    def fickle(_: datetime) -> list[Finding]:
        found: list[Finding] = list(answers.pop(0))
        return found

    only(fickle, kind="silent")
    opened = []
    for minutes in range(3):
        watch(now=now + minutes * MINUTE)
        opened.append(set(Alert.objects.open().values_list("kind", flat=True)))

    assert opened == [{"silent"}, {"silent", "check_failed"}, set()]


def test_what_goes_up_and_down_is_over_only_after_some_calm(now: datetime) -> None:
    is_found = iter([True, False, True, False, False])
    finding = Finding(kind="endpoint_slow", key="slow", title="Slow", what_to_do="Look")
    only(lambda _: [finding] if next(is_found) else [], kind="endpoint_slow", calm=2 * MINUTE)

    opened = [watch(now=now + minutes * MINUTE).open for minutes in range(5)]

    assert (opened, Alert.objects.count()) == ([1, 1, 1, 1, 0], 1)


def test_two_watches_at_once_raise_and_tell_one_alert(
    make_row: Maker, now: datetime, at_once: Callable[..., list[Any]], mailoutbox: list[EmailMessage]
) -> None:
    make_row(failures=1, error_cause="permission")

    at_once(lambda: watch(now=now), threads=4)

    assert Alert.objects.count() == AlertMessage.objects.count() == len(mailoutbox) == 1


def test_two_watches_at_once_resolve_and_tell_it_once(
    make_row: Maker, now: datetime, at_once: Callable[..., list[Any]], mailoutbox: list[EmailMessage]
) -> None:
    row = make_row(failures=1, error_cause="permission")
    watch(now=now)
    Subscription.objects.filter(pk=row.pk).update(failures=0, error_cause="")

    at_once(lambda: watch(now=now + MINUTE), threads=4)

    assert [subject.split(":")[0] for subject in subjects(mailoutbox)] == ["New", "Over"]


def test_what_was_over_a_year_ago_is_forgotten(make_row: Maker, now: datetime) -> None:
    row = make_row(failures=1, error_cause="permission")
    watch(now=now)
    Subscription.objects.filter(pk=row.pk).update(status="removed")
    watch(now=now + MINUTE)
    checks._checks.clear()

    kept = []
    for days in (365, 366):
        watch(now=now + timedelta(days=days))
        kept.append(Alert.objects.count())

    assert kept == [1, 0]


def test_of_many_that_look_every_minute_one_does(now: datetime) -> None:
    looks = [watch_in_turn(now=now + timedelta(seconds=seconds)) for seconds in (0, 1, 54, 55, 60)]

    assert [bool(look) for look in looks] == [True, False, False, True, False]
