"""Options that an administrator chose reach Graph and show in what it sends.

Source: the pages of Microsoft Learn that `subscriptions.models.Subscription.prefer` names.
"""

from collections.abc import Callable
from typing import Any

import pytest

from notifications.models import ChangeNotification
from notifications.services import engine
from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

MAILBOX = "/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/messages"
DRIVE = {"resource": "/drives/D/root", "change_type": "updated"}
JOBS = {"resource": "/print/printers/P/jobs", "change_type": "updated"}

Maker = Callable[..., Subscription]
Happen = Callable[..., list[ChangeNotification]]


@pytest.fixture
def happen(sandbox: Sandbox) -> Happen:
    """Return a function that lets something change at Graph and returns what we have stored then."""

    def change(
        path: str, change_type: str, content: dict[str, Any] | None = None
    ) -> list[ChangeNotification]:
        sandbox.make_change(path, change_type, content)
        sandbox.flush(10)
        engine.work_once()
        return list(ChangeNotification.objects.order_by("pk"))

    return change


def test_without_the_option_a_message_comes_under_its_own_id(
    make_subscription: Maker, happen: Happen
) -> None:
    make_subscription()

    [row] = happen(f"{MAILBOX}/AAMk1", "created")

    assert row.resource_id == "AAMk1"


def test_with_immutable_ids_a_message_comes_under_one_that_lasts(
    make_subscription: Maker, happen: Happen
) -> None:
    make_subscription(use_immutable_ids=True)

    rows = [*happen(f"{MAILBOX}/AAMk1", "created"), *happen(f"{MAILBOX}/AAMk1", "updated")]

    lasting = {row.resource_id for row in rows}
    assert len(lasting) == 1
    assert lasting != {"AAMk1"}
    assert all(row.resource.endswith(f"/Messages/{row.resource_id}") for row in rows)


@pytest.mark.parametrize(("is_wanted", "count"), [(True, 1), (False, 0)])
def test_changed_permissions_of_a_drive_are_told_to_those_who_asked(
    make_subscription: Maker, happen: Happen, is_wanted: bool, count: int
) -> None:
    make_subscription(**DRIVE, include_security_webhooks=is_wanted)

    rows = happen("/drives/D/root", "updated", {"permissions": [{"roles": ["read"]}]})

    assert len(rows) == count


def test_other_changes_of_a_drive_are_told_in_any_case(make_subscription: Maker, happen: Happen) -> None:
    make_subscription(**DRIVE)

    assert len(happen("/drives/D/root", "updated", {"name": "Offer.docx"})) == 1


@pytest.mark.parametrize(
    ("is_wanted", "shown"), [(True, "systemEventMessage"), (False, "unknownFutureValue")]
)
def test_the_kind_of_a_system_message_is_told_to_those_who_asked(
    make_subscription: Maker,
    happen: Happen,
    certificate: EncryptionCertificate,
    is_wanted: bool,
    shown: str,
) -> None:
    make_subscription(
        resource="/chats/C/messages",
        include_resource_data=True,
        encryption_certificate=certificate,
        include_unknown_enum_members=is_wanted,
    )

    [row] = happen("/chats/C/messages/1", "created", {"messageType": "systemEventMessage"})

    assert row.content.data["messageType"] == shown


@pytest.mark.parametrize(("is_fetchable", "count"), [(True, 1), (False, 0)])
def test_a_print_job_is_told_when_it_fits_the_query_options(
    make_subscription: Maker, happen: Happen, is_fetchable: bool, count: int
) -> None:
    make_subscription(**JOBS, notification_query_options="$filter = isFetchable eq true")

    rows = happen("/print/printers/P/jobs/7", "updated", {"isFetchable": is_fetchable})

    assert len(rows) == count


@pytest.mark.parametrize("version", ["v1_0", "v1_1", "v1_2", "v1_3"])
def test_graph_is_told_the_newest_tls_that_we_speak(
    make_subscription: Maker, sandbox: Sandbox, version: str
) -> None:
    subscription = make_subscription(latest_supported_tls_version=version)

    assert sandbox.subscriptions[str(subscription.graph_id)].latest_supported_tls_version == version
