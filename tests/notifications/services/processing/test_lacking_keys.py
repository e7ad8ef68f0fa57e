"""What in the inbox needs a private key, and that such a key stays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from notifications.models import ChangeNotification, Delivery, LegalHold
from notifications.services import processing
from notifications.services.holds import holding
from notifications.services.processing import lacking_keys
from notifications.services.processing.reading import GIVE_UP_AFTER
from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import certificate_rotation
from subscriptions.services.certificate_needs import Need
from subscriptions.services.certificate_rotation import DRAINS_FOR, KeyNeededError

pytestmark = pytest.mark.django_db

Item = dict[str, Any]


@pytest.fixture
def sent(
    known_rich: Subscription, rich_item_of: Callable[..., Item], sandbox: Sandbox, receive: Callable[..., Any]
) -> Callable[..., None]:
    """Return a function that receives one notification with content."""

    def send(**options: Any) -> None:
        token = sandbox.validation_token()
        receive(rich_item_of(known_rich), tokens=[token], **options)

    return send


def moved(certificate: EncryptionCertificate, now: datetime) -> EncryptionCertificate:
    """Take the certificate out of use, as if nothing had used it since two days."""
    Subscription.objects.update(include_resource_data=False, encryption_certificate=None)
    EncryptionCertificate.objects.update(
        state="draining", first_used_at=now - timedelta(days=9), unused_since_at=now - DRAINS_FOR
    )
    certificate.refresh_from_db()
    return certificate


def test_what_waits_for_the_key_is_counted_and_keeps_it(
    sent: Callable[..., None], certificate: EncryptionCertificate
) -> None:
    key = certificate.private_key
    EncryptionCertificate.objects.update(private_key="")
    sent()
    EncryptionCertificate.objects.update(private_key=key)
    now = datetime.now(UTC)
    moved(certificate, now)

    assert lacking_keys.need_of(certificate, now) == Need(waiting=1)
    assert certificate_rotation.retire_drained(now=now) == 0
    with pytest.raises(KeyNeededError, match="1 notification waits to be opened with hooks"):
        certificate_rotation.destroy_private_key(certificate, now=now)


def test_once_opened_nothing_keeps_the_key(
    sent: Callable[..., None], certificate: EncryptionCertificate
) -> None:
    sent()
    now = datetime.now(UTC)

    assert lacking_keys.need_of(certificate, now) == Need()
    assert ChangeNotification.objects.get().encryption_certificate_id == ""
    moved(certificate, now)
    assert certificate_rotation.retire_drained(now=now) == 1


def test_what_nobody_has_read_yet_keeps_it_and_what_comes_later_does_not(
    certificate: EncryptionCertificate,
) -> None:
    now = datetime.now(UTC)
    moved(certificate, now)
    for received_at in (now - timedelta(minutes=1), now + timedelta(minutes=1)):
        Delivery.objects.create(received_at=received_at, body=b"{}", size=2, next_attempt_at=now)

    assert lacking_keys.need_of(certificate, now).unread == 1
    assert certificate_rotation.retire_drained(now=now) == 0
    Delivery.objects.filter(received_at__lt=now).update(state="done")
    assert certificate_rotation.retire_drained(now=now + timedelta(minutes=2)) == 1


def test_what_was_given_up_is_told_and_keeps_nothing(
    sent: Callable[..., None], certificate: EncryptionCertificate, sandbox: Sandbox
) -> None:
    sandbox.add_fault(path="keys", status=503, times=None)
    sent()
    late = datetime.now(UTC) + GIVE_UP_AFTER + timedelta(hours=1)
    processing.process(clock=lambda: late, include_waiting=True)

    need = lacking_keys.need_of(certificate, late)

    assert (need.given_up, need.is_pressing) == (1, False)


def test_what_a_legal_hold_keeps_keeps_the_key_that_opens_it(
    sent: Callable[..., None], certificate: EncryptionCertificate, sandbox: Sandbox
) -> None:
    sandbox.add_fault(path="keys", status=503, times=None)
    sent()
    late = datetime.now(UTC) + GIVE_UP_AFTER + timedelta(hours=1)
    processing.process(clock=lambda: late, include_waiting=True)
    hold = LegalHold(name="Case 7", reason="r", received_since=late - timedelta(days=30))
    holding.place(hold, actor="ann", now=late)
    moved(certificate, late)

    with pytest.raises(KeyNeededError, match="1 notification under a legal hold needs hooks"):
        certificate_rotation.destroy_private_key(certificate, now=late, forced=True)

    holding.release(hold, reason="Settled", actor="ann", now=late)
    assert certificate_rotation.destroy_private_key(certificate, now=late, forced=True).key_destroyed_at


def test_what_needs_a_destroyed_key_is_given_up_at_once_and_not_called_forged(
    sent: Callable[..., None], certificate: EncryptionCertificate
) -> None:
    EncryptionCertificate.objects.update(private_key="", key_destroyed_at=datetime.now(UTC))

    sent()

    row = ChangeNotification.objects.get()
    assert (row.state, row.reason) == ("dead", "private_key_destroyed")
    assert Delivery.objects.get().state == "done"


def test_its_page_says_for_which_certificate_it_was_encrypted(
    sent: Callable[..., None], certificate: EncryptionCertificate, client: Client
) -> None:
    EncryptionCertificate.objects.update(private_key="")
    sent()
    client.force_login(User.objects.create_superuser("admin"))
    row = ChangeNotification.objects.get()

    page = client.get(reverse("admin:notifications_changenotification_change", args=(row.pk,)))

    assert 'Encrypted for <span class="gsm-code">hooks</span>' in page.content.decode()
