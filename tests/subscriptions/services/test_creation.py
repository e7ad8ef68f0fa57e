"""Create: one row and one subscription at Graph, whatever happens between."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from pytest_django.fixtures import Settings

from subscriptions.graph import errors
from subscriptions.graph.documents import format_timestamp
from subscriptions.models import AppRegistration, EncryptionCertificate, Operation, Subscription
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.services import creation, identities, renewal
from subscriptions.services.access import app_registrations
from subscriptions.services.errors import (
    BusyError,
    NotConfiguredError,
    UnreadableSecretError,
    WishExistsError,
)

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
Asked = Callable[..., list[RecordedRequest]]
Status = Subscription.Status
LIST = r"/v1.0/subscriptions$"


def create(subscription: Subscription, now: datetime) -> Subscription:
    return creation.create(subscription, now=now, actor="alice")


def run_later(sandbox: Sandbox, now: datetime) -> renewal.Summary:
    sandbox.advance(timedelta(hours=1))
    return renewal.renew_due(clock=lambda: now + timedelta(hours=1), actor="cron")


def test_what_graph_grants_is_written(make_wish: Make, sandbox: Sandbox, now: datetime) -> None:
    row = create(make_wish(), now)

    [remote] = sandbox.subscriptions.values()
    row.refresh_from_db()
    assert (row.status, row.graph_id, row.granted_at) == (Status.ACTIVE, remote.id, now)
    assert row.expires_at == remote.expires_at
    assert row.client_state.reveal() == remote.client_state
    assert now < (row.renew_at or now) < remote.expires_at
    assert (row.claim, row.claimed_until, row.error_code, row.failures) == ("", None, "", 0)


def test_the_row_is_there_before_graph_is_called(
    make_wish: Make, now: datetime, watched_webhook: Callable[[Callable[[], None]], None]
) -> None:
    seen: list[tuple[str, str | None]] = []
    watched_webhook(lambda: seen.extend(Subscription.objects.values_list("status", "graph_id")))

    create(make_wish(), now)

    assert seen == [("pending", None)] * 2


def test_no_transaction_is_open_while_graph_is_called(
    make_wish: Make, now: datetime, watched_webhook: Callable[[Callable[[], None]], None]
) -> None:
    def write() -> None:
        AppRegistration.objects.update(check_message="written meanwhile")

    watched_webhook(write)
    create(make_wish(), now)

    assert AppRegistration.objects.get().check_message == "written meanwhile"
    assert not connection.in_atomic_block


def test_a_notification_faster_than_our_commit_finds_its_row(
    make_wish: Make, now: datetime, watched_webhook: Callable[[Callable[[], None]], None]
) -> None:
    found: list[Any] = []

    def look() -> None:
        state = Subscription.objects.get().client_state.reveal()
        found.extend(identities.find([("not-known-yet", state)], cached=True))

    watched_webhook(look)
    row = create(make_wish(), now)

    assert [one.subscription for one in found] == [row.pk] * 2


def test_client_states_are_short_enough_and_never_the_same(
    make_wish: Make, sandbox: Sandbox, now: datetime
) -> None:
    create(make_wish(), now)
    create(make_wish(resource="/users", change_type="updated"), now)

    states = [one.client_state or "" for one in sandbox.subscriptions.values()]

    assert len(set(states)) == 2
    assert all(32 < len(state) <= 128 for state in states)


def test_a_rich_wish_names_its_certificate(
    make_wish: Make, sandbox: Sandbox, now: datetime, certificate: EncryptionCertificate
) -> None:
    wish = make_wish(
        resource="/teams/getAllMessages", include_resource_data=True, encryption_certificate=certificate
    )

    create(wish, now)

    [remote] = sandbox.subscriptions.values()
    assert (remote.include_resource_data, remote.encryption_certificate_id) == (True, "hooks")


def test_the_wished_minutes_are_asked_for(make_wish: Make, now: datetime) -> None:
    row = create(make_wish(lifetime_minutes=90), now)

    assert row.expires_at == now + timedelta(minutes=90)


def test_expiry_and_id_are_taken_as_graph_returned_them(
    make_wish: Make, sandbox: Sandbox, now: datetime
) -> None:
    at = (now + timedelta(minutes=50)).replace(microsecond=0)
    body = {"id": "ABCDEF00-1111-2222-3333-444444444444", "expirationDateTime": format_timestamp(at)}
    sandbox.add_fault(method="POST", path=LIST, status=201, body=body)

    row = create(make_wish(), now)

    assert (row.graph_id, row.expires_at) == (body["id"], at)
    [known] = identities.find([(body["id"].lower(), None)], cached=False)
    assert known
    assert known.subscription == row.pk


def test_a_failed_handshake_is_explained_in_graphs_words(
    make_wish: Make, settings: Settings, now: datetime
) -> None:
    wish = make_wish()
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:1"

    with pytest.raises(errors.EndpointValidationError):
        create(wish, now)

    row = Subscription.objects.get()
    assert (row.status, row.error_code, row.graph_id) == (Status.FAILED, "ValidationError", None)
    assert "Subscription validation request failed" in row.error_message
    assert "reachable from the internet" in row.error_message
    assert len(row.error_request_id) == 36
    assert row.claim == ""


def test_a_missing_permission_is_explained(
    make_wish: Make, sandbox: Sandbox, now: datetime, app_registration: AppRegistration
) -> None:
    sandbox.grant(app_registration.client_id, roles=["User.Read.All"])

    with pytest.raises(errors.AccessDeniedError):
        create(make_wish(), now)

    row = Subscription.objects.get()
    assert (row.status, row.error_code) == (Status.FAILED, "ExtensionError")
    assert "give admin consent" in row.error_message


def test_a_reached_quota_is_explained(make_wish: Make, sandbox: Sandbox, now: datetime) -> None:
    message = (
        "Operation: Create; Exception: [Status Code: Forbidden; Reason: It has reached its limit of '1'.]"
    )
    body = {"error": {"code": "ExtensionError", "message": message}}
    sandbox.add_fault(method="POST", path=LIST, status=403, body=body)

    with pytest.raises(errors.QuotaReachedError):
        create(make_wish(), now)

    row = Subscription.objects.get()
    assert row.status == Status.FAILED
    assert "Remove one that is not needed" in row.error_message


def test_throttling_is_waited_for(make_wish: Make, sandbox: Sandbox, now: datetime) -> None:
    sandbox.add_fault(method="POST", path=LIST, status=429, headers={"Retry-After": "300"})

    with pytest.raises(errors.ThrottledError):
        create(make_wish(), now)

    row = Subscription.objects.get()
    assert (row.status, row.renew_at) == (Status.PENDING, now + timedelta(minutes=5))


def test_a_wrong_secret_is_explained_and_logged(
    make_wish: Make, now: datetime, app_registration: AppRegistration
) -> None:
    app_registration.client_secret = "wrong"
    app_registration.save()

    with pytest.raises(errors.TokenRefusedError):
        create(make_wish(), now)

    row, operation = Subscription.objects.get(), Operation.objects.get()
    assert (row.status, row.error_code) == (Status.FAILED, "AADSTS7000215")
    assert "The client secret is wrong" in row.error_message
    assert (operation.succeeded, operation.error_code, operation.actor) == (False, "AADSTS7000215", "alice")


def test_a_missing_setting_is_explained_on_the_row(
    make_wish: Make, settings: Settings, now: datetime
) -> None:
    settings.CUSTOM_GRAPH_URL = settings.CUSTOM_LOGIN_URL = ""

    with pytest.raises(NotConfiguredError):
        create(make_wish(), now)

    row = Subscription.objects.get()
    assert (row.status, row.claim) == (Status.FAILED, "")
    assert "CUSTOM_GRAPH_URL" in row.error_message
    assert "Nothing was sent" in row.error_message


def test_a_credential_that_does_not_open_is_explained_on_the_row(
    make_wish: Make, settings: Settings, now: datetime, app_registration: AppRegistration
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    app_registration.refresh_from_db()

    with pytest.raises(UnreadableSecretError):
        create(make_wish(), now)

    row = Subscription.objects.get()
    assert (row.status, row.claim) == (Status.FAILED, "")
    assert "FIELD_ENCRYPTION_KEYS" in row.error_message


def test_a_client_state_that_does_not_open_is_explained_on_the_row(
    make_wish: Make, settings: Settings, now: datetime
) -> None:
    row = creation.plan(make_wish(), now=now)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(UnreadableSecretError):
        creation.submit(row, now=now, actor="alice")

    row.refresh_from_db()
    assert (row.claim, "FIELD_ENCRYPTION_KEYS" in row.error_message) == ("", True)


def test_a_subscription_of_ours_that_graph_has_already_is_adopted(
    make_wish: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = create(make_wish(), now)
    Subscription.objects.update(status=Status.PENDING, graph_id=None)

    adopted = creation.submit(row, now=now, actor="alice")

    assert (adopted.status, adopted.graph_id) == (Status.ACTIVE, *sandbox.subscriptions)


def test_somebody_elses_subscription_is_not_adopted(make_wish: Make, now: datetime) -> None:
    row = create(make_wish(), now)
    Subscription.objects.update(status=Status.PENDING, graph_id=None, client_state="another")

    with pytest.raises(errors.DuplicateSubscriptionError):
        creation.submit(row, now=now, actor="alice")

    row.refresh_from_db()
    assert (row.status, row.graph_id) == (Status.FAILED, None)
    assert "Adopt or remove it" in row.error_message


def test_after_a_time_out_what_graph_made_is_found(
    make_wish: Make, sandbox: Sandbox, now: datetime, asked: Asked
) -> None:
    sandbox.add_fault(method="POST", path=LIST, act=True, drop=True)

    row = create(make_wish(), now)

    assert (row.status, row.graph_id) == (Status.ACTIVE, *sandbox.subscriptions)
    assert len(asked("POST")) == 1


def test_what_graph_made_unseen_is_found_by_a_later_run(
    make_wish: Make, sandbox: Sandbox, now: datetime, asked: Asked
) -> None:
    sandbox.add_fault(method="POST", path=LIST, act=True, drop=True)
    sandbox.add_fault(method="GET", path=LIST, status=403, body={"error": {"code": "no"}}, times=2)

    with pytest.raises(errors.UnreachableError):
        create(make_wish(), now)
    first = run_later(sandbox, now)
    Subscription.objects.update(renew_at=now)
    second = run_later(sandbox, now)

    row = Subscription.objects.get()
    assert (first.failed, second.recreated) == (1, 1)
    assert (row.status, row.graph_id) == (Status.ACTIVE, *sandbox.subscriptions)
    assert len(asked("POST")) == 1


def test_a_process_that_dies_before_the_answer_makes_no_second_one(
    make_wish: Make, sandbox: Sandbox, now: datetime, watched_webhook: Callable[[Callable[[], None]], None]
) -> None:
    left: list[Any] = []
    watched_webhook(lambda: left.extend(Subscription.objects.values()))
    create(make_wish(), now)

    Subscription.objects.update(**left[0])
    sandbox.refuse_duplicates = False
    run_later(sandbox, now)

    assert (Subscription.objects.get().graph_id,) == (*sandbox.subscriptions,)


def test_what_may_be_at_graph_is_not_forgotten_while_there_is_no_token(
    make_wish: Make, sandbox: Sandbox, now: datetime, asked: Asked
) -> None:
    for change_type in ("created", "updated"):
        row = creation.plan(make_wish(change_type=change_type), now=now)
    Subscription.objects.filter(pk=row.pk).update(error_code=creation.OUTCOME_UNKNOWN)
    app_registrations.set_credential(
        row.app_registration, app_registrations.NewCredential(client_secret="wrong")
    )
    row.app_registration.save()

    assert run_later(sandbox, now).failed == 2

    row.refresh_from_db()
    assert row.error_code == creation.OUTCOME_UNKNOWN
    assert not asked("POST")


def test_what_graph_did_not_make_is_sent_again_by_a_later_run(
    make_wish: Make, sandbox: Sandbox, now: datetime, asked: Asked
) -> None:
    sandbox.add_fault(method="POST", path=LIST, drop=True)

    with pytest.raises(errors.UnreachableError):
        create(make_wish(), now)
    before = Subscription.objects.get()
    summary = run_later(sandbox, now)

    assert (before.status, before.error_code) == (Status.PENDING, creation.OUTCOME_UNKNOWN)
    assert (summary.due, summary.recreated) == (1, 1)
    assert len(asked("POST")) == 2
    assert len(sandbox.subscriptions) == 1


def test_a_refused_wish_that_is_sent_again_without_an_answer_is_pending_again(
    make_wish: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = creation.plan(make_wish(), now=now)
    Subscription.objects.update(status=Status.FAILED)
    sandbox.add_fault(method="POST", path=LIST, drop=True)

    with pytest.raises(errors.UnreachableError):
        creation.submit(row, now=now, actor="alice")

    assert run_later(sandbox, now).recreated == 1


def test_looking_does_not_take_what_carries_another_client_state(make_wish: Make, now: datetime) -> None:
    row = create(make_wish(), now)
    Subscription.objects.update(
        status=Status.PENDING, graph_id=None, client_state="another", error_code=creation.OUTCOME_UNKNOWN
    )

    with pytest.raises(errors.DuplicateSubscriptionError):
        creation.submit(row, now=now, actor="alice")


def test_a_row_that_a_dead_process_left_is_taken_up(make_wish: Make, sandbox: Sandbox, now: datetime) -> None:
    creation.plan(make_wish(), now=now)

    too_early = renewal.renew_due(clock=lambda: now, actor="cron")
    summary = run_later(sandbox, now)

    assert (too_early.due, summary.recreated) == (0, 1)
    assert len(sandbox.subscriptions) == 1


def test_a_second_row_for_one_wish_is_refused_before_graph_is_asked(
    make_wish: Make, now: datetime, asked: Asked
) -> None:
    first = create(make_wish(), now)

    with pytest.raises(WishExistsError, match="already") as caught:
        create(make_wish(), now)

    assert caught.value.existing == first
    assert len(asked("POST")) == 1


def test_two_submissions_at_once_send_one_call(
    make_wish: Make, now: datetime, asked: Asked, at_once: Callable[..., list[Any]]
) -> None:
    pk = creation.plan(make_wish(), now=now).pk

    results = at_once(
        lambda: creation.submit(Subscription.objects.get(pk=pk), now=now, actor="alice"), threads=3
    )

    assert sorted(type(one).__name__ for one in results) == ["BusyError", "BusyError", "Subscription"]
    assert len(asked("POST")) == 1


def test_two_creations_at_once_make_one(
    make_wish: Make, sandbox: Sandbox, now: datetime, at_once: Callable[..., list[Any]]
) -> None:
    results = at_once(lambda: create(make_wish(), now))

    assert sorted(type(one).__name__ for one in results) == ["Subscription", "WishExistsError"]
    assert Subscription.objects.count() == len(sandbox.subscriptions) == 1


def test_what_is_at_graph_is_not_submitted_again(make_wish: Make, now: datetime) -> None:
    row = create(make_wish(), now)

    with pytest.raises(BusyError):
        creation.submit(row, now=now, actor="alice")


def test_the_address_is_the_one_of_today(
    make_wish: Make, sandbox: Sandbox, now: datetime, webhook: str, settings: Settings
) -> None:
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:1"
    row = creation.plan(make_wish(), now=now)
    settings.PUBLIC_BASE_URL = webhook

    creation.submit(row, now=now, actor="alice")

    [remote] = sandbox.subscriptions.values()
    assert remote.notification_url == f"{webhook}/webhooks/graph/notifications"
    assert remote.lifecycle_notification_url == f"{webhook}/webhooks/graph/lifecycle"


def test_a_life_that_graph_does_not_grant_is_asked_for_again_as_graph_names_it(
    make_wish: Make, sandbox: Sandbox, now: datetime
) -> None:
    message = "Reason: Subscription expiration can only be 240 minutes in the future."
    body = {"error": {"code": "ExtensionError", "message": message}}
    sandbox.add_fault(method="POST", path=r"/subscriptions$", status=400, body=body)

    row = creation.create(make_wish(), now=now, actor="alice")

    assert (row.ceiling_minutes, row.ceiling_learnt_at) == (240, now)
    assert row.expires_at == now + timedelta(minutes=238)
