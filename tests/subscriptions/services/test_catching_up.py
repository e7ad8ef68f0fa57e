"""Following delta queries: in whose name, how often, from which window, and what is kept of it."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection

from subscriptions.catalogue.deltas import FoundChange
from subscriptions.graph.errors import SyncStateLostError, UnexpectedAnswerError
from subscriptions.models import DelegatedAccount, DeltaLink, DeltaTracking, Operation, Subscription
from subscriptions.models.fields import Secret
from subscriptions.sandbox import Sandbox
from subscriptions.services import creation
from subscriptions.services.catching_up import Report, catch_up
from subscriptions.services.errors import UnreadableSecretError
from subscriptions.services.gaps import recovery

pytestmark = pytest.mark.django_db(transaction=True)

TASKS = "/me/todo/lists/L/tasks"
CONTACTS = "/users/U/contacts"


class Shelf:
    """Keeps what was found."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def __call__(self, _: Subscription, changes: Sequence[FoundChange], **__: Any) -> Counter[str]:
        self.found += [change.item_id for change in changes]
        return Counter(changes=len(changes))


@pytest.fixture
def shelf() -> Shelf:
    """Return where found changes are put."""
    return Shelf()


@pytest.fixture
def follow(now: datetime, shelf: Shelf) -> Callable[..., Report]:
    """Return a function that looks up what has changed, at `now` or some time after it."""

    def run(subscription: Subscription, *, after: timedelta = timedelta()) -> Report:
        return catch_up(subscription, clock=lambda: now + after, store=shelf, actor="test")

    return run


def test_what_belongs_to_a_user_is_read_in_the_users_name(
    make_wish: Callable[..., Subscription],
    sign_in: Callable[..., DelegatedAccount],
    sandbox: Sandbox,
    follow: Callable[..., Report],
    shelf: Shelf,
    now: datetime,
) -> None:
    account = sign_in("Tasks.ReadWrite")
    wish = make_wish(resource=TASKS, change_type="created,updated", delegated_account=account)
    subscription = creation.create(wish, now=now, actor="test")
    follow(subscription)

    user = sandbox.users[0].id
    sandbox.make_change(f"/users/{user}/todo/lists/L/tasks/x", "created")
    follow(subscription)

    assert shelf.found == ["x"]


def test_a_look_is_due_again_the_next_day(
    make_wish: Callable[..., Subscription], follow: Callable[..., Report], now: datetime
) -> None:
    follow(creation.create(make_wish(resource=CONTACTS), now=now, actor="test"))

    assert not DeltaTracking.objects.due(now + timedelta(hours=23)).exists()
    assert DeltaTracking.objects.due(now + timedelta(hours=25)).exists()


@pytest.mark.parametrize(
    "facts", [{"is_enabled": False}, {"status": "removed"}, {"status": "pending", "granted_at": None}]
)
def test_what_is_not_wanted_or_never_was_at_graph_is_not_due(
    make_wish: Callable[..., Subscription], now: datetime, facts: dict[str, Any]
) -> None:
    subscription = creation.create(make_wish(resource=CONTACTS), now=now, actor="test")
    recovery.track(now=now)
    Subscription.objects.filter(pk=subscription.pk).update(**facts)

    assert not DeltaTracking.objects.due(now).exists()


def test_the_window_of_a_calendar_is_laid_anew_before_it_is_too_old(
    make_wish: Callable[..., Subscription],
    follow: Callable[..., Report],
    sandbox: Sandbox,
    shelf: Shelf,
    now: datetime,
) -> None:
    subscription = creation.create(make_wish(resource="/users/U/events"), now=now, actor="test")
    follow(subscription)
    later = timedelta(days=31)

    sandbox.advance(later)
    sandbox.make_change("/users/U/events/x", "created")
    follow(subscription, after=later + timedelta(minutes=1))

    link = DeltaLink.objects.get()
    assert shelf.found.count("x") >= 1
    assert link.begun_at is not None
    assert link.begun_at > now + later


def test_a_run_is_one_line_of_the_log_and_shows_no_token(
    make_wish: Callable[..., Subscription], follow: Callable[..., Report], now: datetime
) -> None:
    follow(creation.create(make_wish(), now=now, actor="test"))

    line = Operation.objects.get(action="recover")
    assert line.succeeded
    assert line.message == "0 changes stored, 0 known already, 2 pages read."


def test_links_are_kept_encrypted(
    make_wish: Callable[..., Subscription], follow: Callable[..., Report], now: datetime
) -> None:
    follow(creation.create(make_wish(resource=CONTACTS), now=now, actor="test"))

    with connection.cursor() as cursor:
        cursor.execute("SELECT link FROM subscriptions_deltalink")
        [(stored,)] = cursor.fetchall()
    assert "deltatoken" in DeltaLink.objects.get().link.reveal()
    assert "http" not in stored


def test_a_folder_that_is_gone_is_followed_no_longer(
    make_wish: Callable[..., Subscription],
    follow: Callable[..., Report],
    sandbox: Sandbox,
    now: datetime,
) -> None:
    sandbox.make_change("/users/U/mailFolders/Old/messages/a", "created")
    subscription = creation.create(make_wish(resource="/users/U/messages"), now=now, actor="test")
    follow(subscription)
    body = {"error": {"code": "ErrorItemNotFound", "message": "The folder was not found."}}

    sandbox.add_fault(path="/mailFolders/Old/messages/delta", status=404, body=body)
    follow(subscription)

    assert not DeltaLink.objects.filter(path__contains="/Old/").exists()


def test_one_refused_folder_does_not_keep_the_others_from_their_turn(
    make_wish: Callable[..., Subscription],
    follow: Callable[..., Report],
    sandbox: Sandbox,
    shelf: Shelf,
    now: datetime,
) -> None:
    sandbox.make_change("/users/U/mailFolders/Old/messages/a", "created")
    subscription = creation.create(make_wish(resource="/users/U/messages"), now=now, actor="test")
    follow(subscription)
    shelf.found.clear()
    sandbox.make_change("/users/U/mailFolders/Old/messages/b", "created")
    body = {"error": {"code": "ErrorAccessDenied", "message": "No."}}
    sandbox.add_fault(path="/mailFolders/inbox/messages/delta", status=403, body=body)

    with pytest.raises(Exception, match="ErrorAccessDenied"):
        follow(subscription)

    assert shelf.found == ["b"]
    assert DeltaTracking.objects.get().error_code == "ErrorAccessDenied"


def test_a_place_that_is_forgotten_again_and_again_ends_the_run(
    make_wish: Callable[..., Subscription],
    follow: Callable[..., Report],
    sandbox: Sandbox,
    now: datetime,
) -> None:
    subscription = creation.create(make_wish(resource=CONTACTS), now=now, actor="test")
    follow(subscription)
    body = {"error": {"code": "syncStateNotFound", "message": "Begin anew."}}

    sandbox.add_fault(path="/contacts/delta", status=410, body=body, times=None)

    with pytest.raises(SyncStateLostError):
        follow(subscription)
    assert DeltaTracking.objects.get().error_code == "syncStateNotFound"


def test_a_page_that_leads_back_to_itself_ends_the_run(
    make_wish: Callable[..., Subscription],
    follow: Callable[..., Report],
    sandbox: Sandbox,
    now: datetime,
) -> None:
    subscription = creation.create(make_wish(resource=CONTACTS), now=now, actor="test")
    again = {"value": [], "@odata.nextLink": f"{sandbox.graph_url}/v1.0{CONTACTS}/delta?$skiptoken=x"}

    sandbox.add_fault(path="/contacts/delta", status=200, body=again, times=None)

    with pytest.raises(UnexpectedAnswerError, match="back to itself"):
        follow(subscription)


def test_a_link_that_no_key_opens_is_told_and_kept(
    make_wish: Callable[..., Subscription],
    follow: Callable[..., Report],
    now: datetime,
) -> None:
    subscription = creation.create(make_wish(resource=CONTACTS), now=now, actor="test")
    follow(subscription)
    DeltaLink.objects.update(link=Secret.of_sealed(Fernet(Fernet.generate_key()).encrypt(b"x").decode()))

    with pytest.raises(UnreadableSecretError):
        follow(subscription)

    assert "FIELD_ENCRYPTION_KEYS" in DeltaTracking.objects.get().error_message
