"""While a certificate is rotated, content under the old and the new one arrives mixed, and all of it is opened."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from notifications.models import ChangeNotification, NotificationContent
from notifications.services import engine
from subscriptions.keys import certificates as keys
from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import certificate_rotation, renewal

pytestmark = pytest.mark.django_db(transaction=True)

Rows = list[Subscription]


@pytest.fixture
def rows(make_subscription: Callable[..., Subscription], certificate: EncryptionCertificate) -> Rows:
    """Make four subscriptions with content."""
    return [
        make_subscription(
            resource=f"/teams/t{number}/channels/c/messages",
            change_type="created",
            include_resource_data=True,
            encryption_certificate=certificate,
        )
        for number in range(4)
    ]


@pytest.fixture
def happen(rows: Rows, sandbox: Sandbox) -> Callable[[], set[str]]:
    """Return a function that lets something happen to each at once, told in one body, and returns what."""

    def let() -> set[str]:
        changes = sandbox.make_changes([(row.resource, "created", None) for row in rows])
        sandbox.flush(10)
        return {change.item.id for change in changes}

    return let


@pytest.fixture
def late_body(rows: Rows, certificate: EncryptionCertificate, sandbox: Sandbox) -> dict[str, Any]:
    """Return what Graph could not deliver before the rotation and tries again after it."""
    der = keys.public_base64(certificate.certificate)
    items = [
        {
            "subscriptionId": row.graph_id,
            "clientState": row.client_state.reveal(),
            "changeType": "created",
            "resource": row.resource,
            "tenantId": sandbox.tenant_id,
            "resourceData": {"id": f"late-{row.pk}"},
            "encryptedContent": sandbox.encrypt({"id": f"late-{row.pk}"}, der, str(certificate)),
        }
        for row in rows
    ]
    return {"value": items, "validationTokens": [sandbox.validation_token()]}


def move(rows: Rows) -> renewal.Summary:
    now = datetime.now(UTC)
    Subscription.objects.filter(pk__in=[row.pk for row in rows]).update(renew_at=now)
    return renewal.renew_due(clock=lambda: now, actor="cron")


@pytest.mark.parametrize("answer", ["taken", "refused", "passed over"])
def test_all_that_arrives_is_opened(
    rows: Rows,
    happen: Callable[[], set[str]],
    late_body: dict[str, Any],
    certificate: EncryptionCertificate,
    sandbox: Sandbox,
    post: Callable[..., Any],
    answer: str,
) -> None:
    sandbox.refuse_certificate_patch = answer == "refused"
    sandbox.ignore_certificate_patch = answer == "passed over"
    made = happen()
    successor = certificate_rotation.replace_by_new(certificate, now=datetime.now(UTC))
    move(rows[:2])
    made |= happen()
    move(rows[2:])
    made |= happen()
    assert post(late_body).status_code == 202

    engine.work_once()

    opened = NotificationContent.objects.all()
    assert {row.state for row in ChangeNotification.objects.all()} == {"accepted"}
    assert {content.data["id"] for content in opened} == made | {f"late-{row.pk}" for row in rows}
    assert {content.encryption_certificate_id for content in opened} == {"hooks", str(successor)}
    assert {one.encryption_certificate_id for one in sandbox.subscriptions.values()} == {str(successor)}
