"""Every entry of the catalogue lives a whole life: wished, created, notified, proven, opened, renewed, removed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from notifications.models import ChangeNotification
from notifications.services import engine
from subscriptions import catalogue
from subscriptions.catalogue import Entry
from subscriptions.models import AppRegistration, DelegatedAccount, EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import creation, removal, renewal, wishes
from subscriptions.services.access import accounts

pytestmark = pytest.mark.django_db(transaction=True)

ALL_CHANGES = ("created", "updated", "deleted")
PARTS = {
    "filter": "status eq 'New'",
    "bool": "true",
    "eventType": "webinars",
    "encodedJoinWebUrl": "https://teams.example/l/meetup-join/19:meeting_1@thread.v2/0",
    "joinWebUrl": "https://teams.example/l/meetup-join/19:meeting_1@thread.v2/0",
}
SELECTS = {
    "message": "subject,from,receivedDateTime",
    "event": "subject,start,end",
    "contact": "displayName,emailAddresses",
}
# The catalogue names what is watched, a notification names what changed.
NOTIFIED_AS = {
    "conversationMember": "aadUserConversationMember",
    "callRecord": "callrecord",
    "healthMonitoring.alert": "alert",
    "list": "listItem",
    "printTaskDefinition": "printTask",
    "printer": "printJob",
    "virtualEventTownhall": "virtualEvent",
    "virtualEventWebinar": "virtualEvent",
}
# What somebody who looks at the content wants to find in it.
CONTENTS = {
    "message": {"subject", "from", "receivedDateTime"},
    "event": {"subject", "start", "end"},
    "contact": {"displayName", "emailAddresses"},
    "chat": {"topic", "chatType", "createdDateTime"},
    "chatMessage": {"body", "from", "messageType", "createdDateTime"},
    "channel": {"displayName", "membershipType"},
    "sharedWithChannelTeamInfo": {"displayName", "isHostTeam"},
    "team": {"displayName", "visibility"},
    "conversationMember": {"displayName", "roles", "userId", "email"},
    "teamsAppInstallation": {"teamsApp", "scopeInfo"},
    "presence": {"availability", "activity"},
    "onlineMeeting": {"eventType", "eventDateTime", "state"},
    "callTranscript": {"meetingOrganizer", "createdDateTime", "transcriptContentUrl"},
    "callRecording": {"meetingOrganizer", "createdDateTime", "recordingContentUrl"},
    "emergencyCallEvent": {"emergencyCallEvent"},
    "callEvent": {"callEventType", "eventDateTime"},
    "aiInteraction": {"appClass", "interactionType", "body", "from"},
}


@pytest.fixture
def account(app_registration: AppRegistration, sandbox: Sandbox) -> Callable[[Entry], DelegatedAccount]:
    """Return a function that signs the first user in, with the least permission that an entry asks for."""

    def sign_in(entry: Entry) -> DelegatedAccount:
        kind = DelegatedAccount.Kind.WORK
        permissions = (accounts.ALWAYS_ASKED, (entry.permissions.delegated_work or ())[0])
        code = accounts.begin_on_device(app_registration, kind=kind, permissions=permissions)
        sandbox.approve_device_code(code.user_code, sandbox.users[0])
        return accounts.finish_on_device(app_registration, code, kind=kind, clock=lambda: datetime.now(UTC))

    return sign_in


@pytest.fixture
def wish(
    app_registration: AppRegistration,
    certificate: EncryptionCertificate,
    webhook: str,  # serves the handshake and the deliveries
    account: Callable[[Entry], DelegatedAccount],
    sandbox: Sandbox,
) -> Callable[[Entry], Subscription]:
    """Return a function that wishes for an entry as the command line does: as the app where Graph allows it."""

    def wish(entry: Entry) -> Subscription:
        needs_user = entry.is_delegated_only or entry.path.startswith("/me/")
        is_rich = bool(entry.rich_data)
        return wishes.named(
            app=app_registration.name,
            resource=_resource(entry, sandbox.users[0].id),
            change_type=",".join(entry.change_types or ALL_CHANGES),
            is_rich=is_rich,
            certificate=certificate.encryption_certificate_id if is_rich else "",
            minutes=None,
            now=datetime.now(UTC),
            account=account(entry).username if needs_user else "",
        )

    return wish


def _resource(entry: Entry, user_id: str) -> str:
    parts = (
        {name: f"{name}-1" for name in entry.parameters} | PARTS | {"user-id": user_id, "user-ids": user_id}
    )
    resource = catalogue.fill(entry, parts)
    select = SELECTS[entry.resource_type] if entry.rich_data_requires_select else ""
    return f"{resource}?$select={select}" if select else resource


def _check_warnings(entry: Entry, subscription: Subscription) -> None:
    """What Graph has replaced or will end says so, with the replacement, and nothing else does."""
    said = {problem.rule: problem.message for problem in wishes.problems(subscription)}
    assert ("resource_superseded" in said) is (entry.superseded_by is not None)
    assert ("resource_retiring" in said) is (entry.retires_on is not None)
    assert (entry.superseded_by or "") in said.get("resource_superseded", "")


def _contents(rows: list[ChangeNotification]) -> list[dict[str, Any]]:
    return [row.content.data for row in rows if hasattr(row, "content")]


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.path)
def test_a_resource_is_watched_from_creation_to_removal(
    entry: Entry, wish: Callable[[Entry], Subscription], sandbox: Sandbox
) -> None:
    change_types = entry.change_types or ALL_CHANGES
    wished = wish(entry)
    _check_warnings(entry, wished)
    subscription = creation.create(wished, now=datetime.now(UTC), actor="test")
    changed = subscription.resource.replace("/me/", f"/users/{sandbox.users[0].id}/", 1)

    sandbox.make_changes([(changed, change_type, None) for change_type in change_types])
    sandbox.flush(10)
    engine.work_once()

    rows = list(ChangeNotification.objects.order_by("delivery_id", "item_index"))
    assert [(row.state, row.reason, row.change_type) for row in rows] == [
        ("accepted", "", change_type) for change_type in change_types
    ]
    assert {row.subscription for row in rows} == {subscription}
    assert {row.resource_type for row in rows} == {NOTIFIED_AS.get(entry.resource_type, entry.resource_type)}
    contents = _contents(rows)
    assert len(contents) == (len(rows) if entry.rich_data else 0)
    assert all(content.keys() >= CONTENTS[entry.resource_type] for content in contents)
    assert renewal.renew(subscription, now=datetime.now(UTC), actor="test") == "renewed"
    assert removal.remove(subscription, now=datetime.now(UTC), actor="test").status == "removed"
    assert not sandbox.subscriptions
