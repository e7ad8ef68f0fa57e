"""What is to be told goes out by each way once, and what could not be told is tried again."""

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from pytest_django.fixtures import Settings

from subscriptions.models import Alert, AlertMessage
from subscriptions.services.alerts import telling
from tests.subscriptions.services.alerts.conftest import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)
Raise = Callable[..., Alert]


@pytest.fixture
def raise_alert(now: datetime) -> Raise:
    """Return a function that raises an alert and puts it into the outbox; keyword arguments change it."""

    def raise_it(**changes: Any) -> Alert:
        facts = {
            "kind": "lapsed",
            "key": f"key-{Alert.objects.count()}",
            "title": "Contoso: 1 subscription lapsed",
            "what_to_do": "Choose 'Recreate' & wait <a little>.",
            "raised_at": now,
            "last_seen_at": now,
            "announced_at": now,
            **changes,
        }
        alert = Alert.objects.create(**facts)
        telling.queue(alert, AlertMessage.Occasion.RAISED, now=now)
        return alert

    return raise_it


def resolve(alert: Alert, *, now: datetime) -> None:
    Alert.objects.filter(pk=alert.pk).update(resolved_at=now)
    telling.queue(alert, AlertMessage.Occasion.RESOLVED, now=now)


def test_without_a_way_nothing_is_queued(raise_alert: Raise) -> None:
    raise_alert()

    assert not AlertMessage.objects.exists()


@pytest.mark.usefixtures("operators")
def test_a_mail_says_what_to_do_and_where(
    raise_alert: Raise, now: datetime, mailoutbox: list[EmailMessage], settings: Settings
) -> None:
    settings.PUBLIC_BASE_URL = "https://graph.example.org"
    alert = raise_alert()

    telling.tell(now=now)

    [mail] = mailoutbox
    assert mail.subject == "[Graph Subscription Manager] New: Contoso: 1 subscription lapsed"
    assert "Choose 'Recreate' & wait <a little>." in str(mail.body)
    assert f"https://graph.example.org/admin/subscriptions/alert/{alert.pk}/change/" in str(mail.body)


@pytest.mark.usefixtures("operators")
def test_many_alerts_at_once_are_one_mail(
    raise_alert: Raise, now: datetime, mailoutbox: list[EmailMessage]
) -> None:
    first = raise_alert()
    for _ in range(19):
        raise_alert()
    resolve(first, now=now)

    telling.tell(now=now)

    [mail] = mailoutbox
    assert "20 to look at, 1 over: Contoso: 1 subscription lapsed, and more" in mail.subject
    assert str(mail.body).count("New: Contoso") == 15
    assert "And 6 more: " in str(mail.body)


def test_a_webhook_gets_all_facts_as_json(raise_alert: Raise, now: datetime, receiver: Receiver) -> None:
    alert = raise_alert()
    resolve(alert, now=now + MINUTE)

    telling.tell(now=now + MINUTE)

    [body] = receiver.bodies
    assert body["source"] == "graph-subscription-manager"
    raised, resolved = body["alerts"]
    assert (raised["id"], raised["occasion"], raised["kind"]) == (alert.pk, "raised", "lapsed")
    assert (raised["title"], raised["what_to_do"]) == (alert.title, alert.what_to_do)
    assert (raised["raised_at"], raised["resolved_at"]) == ("2026-03-01T12:00:00+00:00", None)
    assert (resolved["occasion"], resolved["resolved_at"]) == ("resolved", "2026-03-01T12:01:00+00:00")


def test_slack_gets_text_that_it_cannot_take_for_commands(
    raise_alert: Raise, now: datetime, receiver: Receiver, settings: Settings
) -> None:
    settings.ALERT_WEBHOOK_FORMAT = "slack"
    raise_alert(title="<!channel> & co")

    telling.tell(now=now)

    [body] = receiver.bodies
    assert list(body) == ["text"]
    assert body["text"].startswith("New: &lt;!channel&gt; &amp; co\n")


def test_teams_gets_an_adaptive_card_below_its_limit(
    raise_alert: Raise, now: datetime, receiver: Receiver, settings: Settings
) -> None:
    """Source: Microsoft Learn, connectors-using.md (2025-05)."""
    settings.ALERT_WEBHOOK_FORMAT = "teams"
    for _ in range(30):
        raise_alert(title="t" * 300, what_to_do="w" * 9000)

    telling.tell(now=now)

    [body] = receiver.bodies
    [attachment] = body["attachments"]
    assert body["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["type"] == "AdaptiveCard"
    assert {block["type"] for block in attachment["content"]["body"]} == {"TextBlock"}
    assert len(json.dumps(body)) < 28 * 1024


def test_what_a_webhook_refuses_is_tried_again_later(
    raise_alert: Raise, now: datetime, receiver: Receiver
) -> None:
    raise_alert()
    receiver.status = 500
    for seconds in (0, 30, 59):
        telling.tell(now=now + timedelta(seconds=seconds))
    refused = len(receiver.bodies)
    receiver.status = 202

    telling.tell(now=now + MINUTE)
    telling.tell(now=now + 9 * MINUTE)

    message = AlertMessage.objects.get()
    assert (refused, len(receiver.bodies)) == (1, 2)
    assert (message.told_at, message.attempts, message.error) == (now + MINUTE, 2, "")


@pytest.mark.usefixtures("operators")
def test_one_way_that_fails_does_not_stop_the_other(
    raise_alert: Raise, now: datetime, receiver: Receiver, mailoutbox: list[EmailMessage]
) -> None:
    raise_alert()
    receiver.status = 404

    telling.tell(now=now)
    telling.tell(now=now + MINUTE)

    assert len(mailoutbox) == 1
    assert set(AlertMessage.objects.filter(told_at__isnull=True).values_list("channel", flat=True)) == {
        "webhook"
    }


@pytest.mark.usefixtures("operators")
def test_a_mail_server_that_is_away_is_tried_again(
    raise_alert: Raise, now: datetime, settings: Settings, mailoutbox: list[EmailMessage]
) -> None:
    raise_alert()
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    telling.tell(now=now)
    failed = AlertMessage.objects.get()
    settings.EMAIL_BACKEND = working

    telling.tell(now=now + MINUTE)

    assert failed.error == "The mail server did not take the message (ConnectionRefusedError)."
    assert len(mailoutbox) == 1


def test_what_could_not_be_told_for_days_is_given_up(
    raise_alert: Raise, now: datetime, receiver: Receiver
) -> None:
    raise_alert()

    telling.tell(now=now + timedelta(days=3))

    assert not receiver.bodies


def test_the_secret_address_is_in_no_error_and_on_no_log(
    raise_alert: Raise,
    now: datetime,
    receiver: Receiver,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for url, status in ((receiver.url, 302), ("http://127.0.0.1:1/very-secret-path?key=very-secret", 200)):
        settings.ALERT_WEBHOOK_URL, receiver.status = url, status
        raise_alert()
        telling.tell(now=now)

    errors = AlertMessage.objects.order_by("pk").values_list("error", flat=True)
    assert errors[0] == "302: 127.0.0.1 did not take it."
    assert errors[1] == "No answer from 127.0.0.1:1: the connection was refused."
    ours = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    assert "very-secret" not in "".join(ours)


def test_two_that_tell_at_once_tell_once(
    raise_alert: Raise, now: datetime, receiver: Receiver, at_once: Callable[..., list[Any]]
) -> None:
    raise_alert()

    at_once(lambda: telling.tell(now=now), threads=4)

    assert len(receiver.bodies) == 1


def test_what_a_dead_process_had_in_hand_is_told_by_the_next(
    raise_alert: Raise, now: datetime, receiver: Receiver
) -> None:
    raise_alert()
    AlertMessage.objects.update(claim="dead", claimed_until=now + 5 * MINUTE)

    telling.tell(now=now + 4 * MINUTE)
    before = len(receiver.bodies)
    telling.tell(now=now + 5 * MINUTE)

    assert (before, len(receiver.bodies)) == (0, 1)


@pytest.mark.usefixtures("operators")
def test_a_test_goes_out_by_every_way_and_says_what_failed(
    now: datetime, receiver: Receiver, mailoutbox: list[EmailMessage]
) -> None:
    receiver.status = 403

    results = telling.send_test(now=now)

    assert results == {"E-mail": "", "Webhook": "403: 127.0.0.1 did not take it."}
    assert "This is a test" in mailoutbox[0].subject
    assert receiver.bodies[0]["alerts"][0]["kind"] == "test"
