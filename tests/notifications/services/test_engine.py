"""The main job: from the wish to the stored notification, over HTTPS."""

from collections.abc import Callable

import pytest

from notifications.models import ChangeNotification
from notifications.services import engine
from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_basic_notification_is_proven_and_stored(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription()

    sandbox.make_change(f"{subscription.resource}/AAMk1", "created", content={"subject": "Hello"})
    sandbox.flush(10)
    engine.work_once()

    row = ChangeNotification.objects.get()
    assert (row.state, row.subscription, row.change_type) == ("accepted", subscription, "created")
    assert row.proof == ["clientState"]


def test_a_rich_notification_is_proven_and_decrypted(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox, certificate: EncryptionCertificate
) -> None:
    make_subscription(
        resource="/teams/getAllMessages", include_resource_data=True, encryption_certificate=certificate
    )

    sandbox.make_change(
        "/teams/t1/channels/c1/messages/m1", "created", content={"body": {"content": "Grüße"}}
    )
    sandbox.flush(10)
    engine.work_once()

    row = ChangeNotification.objects.get()
    assert (row.state, row.reason) == ("accepted", "")
    assert row.proof == ["clientState", "validationToken", "dataSignature"]
    assert row.content.data["body"]["content"] == "Grüße"
