"""Two credentials side by side: the next one takes over when Entra refuses the one in use, and nothing stops."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from pytest_django.fixtures import Settings

from subscriptions.graph.errors import TokenRefusedError, UnreachableError
from subscriptions.keys import certificates as keys
from subscriptions.models import AppRegistration, DelegatedAccount, Subscription
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.services import renewal
from subscriptions.services.access import app_registrations, clients, credentials
from subscriptions.services.access.app_registrations import NewCredential
from subscriptions.services.access.credentials import NoNextCredentialError
from subscriptions.services.connection import test_connection as check_connection
from subscriptions.services.errors import UnreadableSecretError

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


@pytest.fixture
def with_next(app_registration: AppRegistration, sandbox: Sandbox) -> AppRegistration:
    """Put a second secret, which Entra knows, beside the first."""
    secret = sandbox.add_client_secret(app_registration.client_id)
    app_registrations.set_credential(app_registration, NewCredential(client_secret=secret), as_next=True)
    app_registration.save()
    return AppRegistration.objects.get()


def end_first(sandbox: Sandbox) -> None:
    sandbox.remove_client_secret(sandbox.application.client_id, sandbox.application.secrets[0].value)


def signs_in(app_registration: AppRegistration) -> bool:
    try:
        return bool(clients.access_token(app_registration, force=True).value)
    except TokenRefusedError:
        return False


def sign_ins(sandbox: Sandbox) -> list[RecordedRequest]:
    return [one for one in sandbox.requests if one.path.endswith("/token")]


def test_while_the_first_works_the_next_is_not_used(with_next: AppRegistration, sandbox: Sandbox) -> None:
    before = with_next.client_secret.reveal()

    assert signs_in(with_next)
    assert len(sign_ins(sandbox)) == 1
    assert AppRegistration.objects.get().client_secret.reveal() == before


def test_when_the_first_is_gone_the_next_takes_its_place(
    with_next: AppRegistration, sandbox: Sandbox
) -> None:
    first, second = with_next.client_secret.reveal(), with_next.next_client_secret.reveal()
    end_first(sandbox)

    assert signs_in(with_next)

    row = AppRegistration.objects.get()
    assert (row.client_secret.reveal(), row.next_client_secret.reveal()) == (second, first)
    assert row.next_credential_refused_at
    assert with_next.client_secret.reveal() == second


def test_an_expired_secret_gives_way(
    app_registration: AppRegistration, sandbox: Sandbox, now: datetime
) -> None:
    client_id = app_registration.client_id
    short = sandbox.add_client_secret(client_id, expires_at=now + DAY)
    credential = NewCredential(client_secret=short, client_secret_expires_at=now + DAY)
    app_registrations.set_credential(app_registration, credential)
    following = NewCredential(client_secret=sandbox.add_client_secret(client_id))
    app_registrations.set_credential(app_registration, following, as_next=True)
    app_registration.save()
    sandbox.advance(2 * DAY)

    assert signs_in(app_registration)
    assert AppRegistration.objects.get().next_credential_expires_at == now + DAY


def test_a_certificate_takes_the_place_of_a_secret(
    app_registration: AppRegistration, sandbox: Sandbox, key_pair: keys.KeyPair
) -> None:
    sandbox.add_client_certificate(app_registration.client_id, key_pair.certificate_pem)
    pem = key_pair.certificate_pem + key_pair.private_key_pem
    app_registrations.set_credential(app_registration, NewCredential(pem=pem), as_next=True)
    app_registration.save()
    end_first(sandbox)

    assert signs_in(app_registration)

    row = AppRegistration.objects.get()
    assert (row.credential_type, row.next_credential_type) == ("certificate", "client_secret")
    assert row.credential_expires_at == keys.describe(key_pair.certificate_pem).not_after_at
    assert row.credential_private_key
    assert not row.next_credential_private_key


def test_where_both_are_refused_nothing_changes_and_the_first_refusal_counts(
    with_next: AppRegistration, sandbox: Sandbox
) -> None:
    before = with_next.client_secret.reveal()
    end_first(sandbox)
    end_first(sandbox)

    with pytest.raises(TokenRefusedError, match="Invalid client secret"):
        clients.access_token(with_next, force=True)
    assert AppRegistration.objects.get().client_secret.reveal() == before


@pytest.mark.parametrize("status", [503, 500])
def test_trouble_of_the_sign_in_service_changes_nothing(
    with_next: AppRegistration, sandbox: Sandbox, status: int
) -> None:
    sandbox.add_fault(path="/token", status=status)

    assert not signs_in(with_next)
    assert len(sign_ins(sandbox)) == 1


def test_an_app_that_is_not_known_changes_nothing(with_next: AppRegistration, sandbox: Sandbox) -> None:
    with_next.client_id = "00000000-0000-4000-8000-000000000000"

    assert not signs_in(with_next)
    assert len(sign_ins(sandbox)) == 1


def test_an_unreachable_service_is_told_as_such(with_next: AppRegistration, sandbox: Sandbox) -> None:
    sandbox.close()

    with pytest.raises(UnreachableError):
        clients.access_token(with_next, force=True)


def test_a_process_that_knows_the_old_order_still_signs_in(
    with_next: AppRegistration, sandbox: Sandbox
) -> None:
    stale = AppRegistration.objects.get()
    end_first(sandbox)
    signs_in(with_next)
    now_in_use = AppRegistration.objects.get().client_secret.reveal()

    assert signs_in(stale)
    assert stale.client_secret.reveal() == now_in_use
    assert AppRegistration.objects.get().client_secret.reveal() == now_in_use


def test_of_two_who_find_the_first_refused_at_once_one_changes_the_places(
    with_next: AppRegistration, sandbox: Sandbox, at_once: Callable[..., list[Any]]
) -> None:
    second = with_next.next_client_secret.reveal()
    end_first(sandbox)
    rows = [AppRegistration.objects.get() for _ in range(2)]

    assert at_once(lambda: signs_in(rows.pop())) == [True, True]
    assert AppRegistration.objects.get().client_secret.reveal() == second


def test_what_somebody_has_entered_meanwhile_is_not_overwritten(
    with_next: AppRegistration, sandbox: Sandbox
) -> None:
    stale = AppRegistration.objects.get()
    entered = sandbox.add_client_secret(with_next.client_id)
    app_registrations.set_credential(with_next, NewCredential(client_secret=entered))
    with_next.save()
    end_first(sandbox)

    assert signs_in(stale)
    assert AppRegistration.objects.get().client_secret.reveal() == entered
    assert stale.client_secret.reveal() == entered


def test_an_account_is_renewed_by_the_next_credential_too(
    with_next: AppRegistration, sandbox: Sandbox, sign_in: Callable[..., DelegatedAccount]
) -> None:
    account = sign_in()
    end_first(sandbox)

    assert clients.account_token(account, force=True).value
    account.refresh_from_db()
    assert not account.needs_sign_in


def test_somebody_signs_in_by_the_next_credential_too(
    with_next: AppRegistration, sandbox: Sandbox, sign_in: Callable[..., DelegatedAccount]
) -> None:
    second = with_next.next_client_secret.reveal()
    end_first(sandbox)

    assert sign_in().username == sandbox.users[0].username
    assert AppRegistration.objects.get().client_secret.reveal() == second


def test_a_renewal_run_does_not_notice_the_end_of_a_secret(
    make_subscription: Callable[..., Subscription],
    with_next: AppRegistration,
    sandbox: Sandbox,
    now: datetime,
) -> None:
    make_subscription()
    Subscription.objects.update(renew_at=now)
    end_first(sandbox)

    # A token that is still in memory would hide the end.
    sandbox.add_fault(path="/subscriptions", status=401)
    summary = renewal.renew_due(clock=lambda: now, actor="cron")

    assert (summary.renewed, summary.failed) == (1, 0)


def test_by_a_click_they_change_places_and_back(with_next: AppRegistration) -> None:
    first, second = with_next.client_secret.reveal(), with_next.next_client_secret.reveal()

    credentials.make_next_current(with_next)
    assert with_next.client_secret.reveal() == second
    credentials.make_next_current(with_next)

    assert with_next.client_secret.reveal() == first
    assert with_next.next_credential_refused_at is None


def test_without_a_next_one_there_is_nothing_to_change(app_registration: AppRegistration) -> None:
    with pytest.raises(NoNextCredentialError):
        credentials.make_next_current(app_registration)


def test_a_next_one_that_does_not_open_leaves_the_refusal(
    with_next: AppRegistration, sandbox: Sandbox, settings: Settings
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(UnreadableSecretError):
        clients.access_token(AppRegistration.objects.get())


def test_the_connection_test_tries_both(with_next: AppRegistration, now: datetime) -> None:
    report = check_connection(with_next, now=now, actor="alice")

    assert report.succeeded
    assert report.message.endswith("The next credential works too.")


def test_the_connection_test_says_that_the_next_is_refused(
    with_next: AppRegistration, sandbox: Sandbox, now: datetime
) -> None:
    sandbox.remove_client_secret(with_next.client_id, with_next.next_client_secret.reveal())

    report = check_connection(with_next, now=now, actor="alice")

    assert report.succeeded
    assert "The next credential is refused:" in report.message
    assert AppRegistration.objects.get().next_credential_refused_at == now


def test_the_connection_test_says_that_they_changed_places(
    with_next: AppRegistration, sandbox: Sandbox, now: datetime
) -> None:
    end_first(sandbox)

    report = check_connection(with_next, now=now, actor="alice")

    assert report.succeeded
    assert "took the next one, which is in use from now on" in report.message


def test_a_new_secret_forgets_when_the_old_one_expires(
    app_registration: AppRegistration, now: datetime
) -> None:
    app_registration.credential_expires_at = now

    app_registrations.set_credential(app_registration, NewCredential(client_secret="new"))

    assert app_registration.credential_expires_at is None


def test_the_first_credential_cannot_be_the_next(custom_cloud: Sandbox) -> None:
    with pytest.raises(ValidationError, match="no app registration Contoso yet"):
        app_registrations.register(
            name="Contoso",
            cloud="custom",
            tenant_id=custom_cloud.tenant_id,
            client_id=custom_cloud.application.client_id,
            credential=NewCredential(client_secret="x"),
            as_next=True,
        )


def test_no_secret_is_shown(with_next: AppRegistration) -> None:
    assert with_next.next_client_secret.reveal() not in repr(vars(with_next))
