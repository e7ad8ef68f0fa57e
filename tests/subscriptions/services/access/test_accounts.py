"""Accounts sign in, are proven, kept, refreshed and asked to sign in again."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.mail import EmailMessage
from django.db import connection
from pytest_django.fixtures import Settings
from werkzeug.wrappers import Response

from subscriptions.graph import sign_in as flows
from subscriptions.graph.errors import GraphError, TokenRefusedError, UnreachableError
from subscriptions.graph.id_tokens import PERSONAL_TENANT_ID, IdTokenRefusedError
from subscriptions.graph.sign_in import SignInNeededError
from subscriptions.models import AppRegistration, DelegatedAccount, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.sandbox.faults import Fault
from subscriptions.services import alerts
from subscriptions.services.access import account_tokens, accounts, clients
from subscriptions.services.access.accounts import PendingSignIn, SignInRefusedError

REDIRECT_URI = "http://127.0.0.1:8000/admin/subscriptions/delegatedaccount/callback/"
TOKEN_PATH = "/oauth2/v2.0/token"

Browser = Callable[[str, str], dict[str, str]]
SignIn = Callable[..., DelegatedAccount]
Begin = Callable[..., PendingSignIn]

pytestmark = pytest.mark.django_db


@pytest.fixture
def begin(app_registration: AppRegistration) -> Begin:
    """Return a function that begins a sign-in by browser."""

    def begin(**changes: Any) -> PendingSignIn:
        values: dict[str, Any] = {
            "kind": "work",
            "permissions": ("User.Read",),
            "redirect_uri": REDIRECT_URI,
            "expected": None,
            "now": datetime.now(UTC),
        }
        return accounts.begin(app_registration, **(values | changes))

    return begin


def finish(kept: Any, answer: dict[str, str]) -> DelegatedAccount:
    return accounts.finish(kept, unverified_answer=answer, now=datetime.now(UTC))


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def refusal(number: int, error: str = "invalid_grant") -> dict[str, str]:
    return {"error": error, "error_description": f"AADSTS{number}: Refused. Trace ID: 1 Timestamp: 2"}


def test_a_work_account_signs_in(sign_in: SignIn, sandbox: Sandbox) -> None:
    account = sign_in("Presence.Read.All")

    user = sandbox.users[0]
    assert (account.username, account.kind) == (user.username, "work")
    assert account.home_account_id == f"{user.id}.{sandbox.tenant_id}"
    assert accounts.granted_permissions(account) == ("Presence.Read.All", "User.Read")
    assert not account.needs_sign_in


def test_a_personal_account_signs_in(sign_in: SignIn, sandbox: Sandbox) -> None:
    sandbox.add_tenant("Personal", domain="outlook.example", id=PERSONAL_TENANT_ID)
    sandbox.add_user("Mia", username="mia@outlook.example", tenant_id=PERSONAL_TENANT_ID)

    account = sign_in("Mail.Read", username="mia@outlook.example", kind="personal")

    assert (account.username, account.kind) == ("mia@outlook.example", "personal")
    assert claims_of(clients.account_token(account, force=True).value)["tid"] == PERSONAL_TENANT_ID


def test_a_work_account_is_not_kept_where_a_personal_one_was_asked_for(sign_in: SignIn) -> None:
    with pytest.raises(IdTokenRefusedError, match="A work or school account signed in"):
        sign_in(kind="personal")

    assert not DelegatedAccount.objects.exists()


def test_signing_in_twice_makes_one_account(sign_in: SignIn) -> None:
    first = sign_in()

    second = sign_in("Presence.Read.All")

    assert first.pk == second.pk
    assert "Presence.Read.All" in accounts.granted_permissions(second)


def test_the_token_cache_is_encrypted_at_rest(sign_in: SignIn) -> None:
    account = sign_in()

    with connection.cursor() as cursor:
        cursor.execute("SELECT token_cache FROM subscriptions_delegatedaccount")
        (stored,) = cursor.fetchone()
    assert stored.startswith("gAAAA")
    assert "RefreshToken" in account.token_cache.reveal()


def test_a_token_is_got_without_the_user_and_without_a_call(sign_in: SignIn, sandbox: Sandbox) -> None:
    account = sign_in("Presence.Read.All")
    asked = len(sandbox.requests)

    token = clients.account_token(account)

    assert claims_of(token.value)["oid"] == sandbox.users[0].id
    assert len(sandbox.requests) == asked


def test_a_forced_token_is_fresh_keeps_its_permissions_and_is_kept(sign_in: SignIn) -> None:
    account = sign_in("Presence.Read.All")
    first = clients.account_token(account).value

    forced = clients.account_token(account, force=True).value

    assert forced != first
    assert clients.account_token(account).value == forced
    assert claims_of(forced)["scp"] == "Presence.Read.All User.Read"


def test_a_token_about_to_end_is_replaced(sign_in: SignIn, app_registration: AppRegistration) -> None:
    account = sign_in()
    first = clients.account_token(account)
    app = clients.sign_in_app(app_registration, kind="work")

    later = account_tokens.access_token(
        account.pk, app, force=False, now=first.expires_at - timedelta(minutes=4)
    )

    assert later.value != first.value


def answer_of(sandbox: Sandbox, pending: PendingSignIn, **changes: Any) -> dict[str, Any]:
    """Return what a token endpoint answers; keywords change the claims of its ID token, and the key."""
    user = sandbox.users[0]
    key = changes.pop("key", None)
    nonce = hashlib.sha256(pending.kept["flow"]["nonce"].encode()).hexdigest()
    claims = {"sub": "s", "oid": user.id, "preferred_username": user.username, "nonce": nonce} | changes
    return {
        "token_type": "Bearer",
        "scope": "User.Read",
        "expires_in": 3599,
        "access_token": "a",
        "refresh_token": "r",
        "id_token": sandbox.validation_token(claims=claims, key=key),
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"aud": "another-app"},
        {"iss": "https://login.evil.example/v2.0"},
        {"tid": "11111111-2222-4333-8444-555555555555"},
        {"exp": 1},
        {"nbf": 4_000_000_000},
        {"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)},
    ],
    ids=["other nonce", "no nonce", "audience", "issuer", "tenant", "expired", "not yet", "other key"],
)
def test_a_hostile_id_token_is_refused_and_nothing_is_kept(
    begin: Begin, browser: Browser, sandbox: Sandbox, changes: dict[str, Any]
) -> None:
    pending = begin()
    answer = browser(pending.address, sandbox.users[0].username)
    sandbox.add_fault(path=TOKEN_PATH, status=200, body=answer_of(sandbox, pending, **changes))

    with pytest.raises(IdTokenRefusedError):
        finish(pending.kept, answer)

    assert not DelegatedAccount.objects.exists()


def test_the_same_token_without_its_fault_would_be_taken(
    begin: Begin, browser: Browser, sandbox: Sandbox
) -> None:
    pending = begin()
    answer = browser(pending.address, sandbox.users[0].username)
    sandbox.add_fault(path=TOKEN_PATH, status=200, body=answer_of(sandbox, pending))

    assert finish(pending.kept, answer).username == sandbox.users[0].username


@pytest.mark.parametrize(
    "changes",
    [
        {"id_token": None},
        {"id_token": "no token"},
        {"id_token": "a.b.c"},
        {"id_token": "eyJhbGciOiJub25lIn0.W10.x"},
        {"id_token": "eyJhbGciOiJub25lIn0.e30."},
        {"refresh_token": None},
        {"access_token": None},
        {"client_info": "%%%"},
        {"expires_in": "soon"},
    ],
)
def test_a_broken_answer_is_refused_and_nothing_is_kept(
    begin: Begin, browser: Browser, sandbox: Sandbox, changes: dict[str, Any]
) -> None:
    pending = begin()
    answer = browser(pending.address, sandbox.users[0].username)
    whole = answer_of(sandbox, pending) | changes
    body = {name: value for name, value in whole.items() if value is not None}
    sandbox.add_fault(path=TOKEN_PATH, status=200, body=body)

    with pytest.raises(GraphError):
        finish(pending.kept, answer)

    assert not DelegatedAccount.objects.exists()


def test_the_flow_goes_through_json(begin: Begin, browser: Browser, sandbox: Sandbox) -> None:
    pending = begin()
    kept = json.loads(json.dumps(pending.kept))

    account = finish(kept, browser(pending.address, sandbox.users[0].username))

    assert account.username == sandbox.users[0].username


def test_a_code_intercepted_by_somebody_with_another_verifier_is_worth_nothing(
    begin: Begin, browser: Browser, sandbox: Sandbox
) -> None:
    pending, mine = begin(), begin()
    answer = browser(pending.address, sandbox.users[0].username)

    with pytest.raises(TokenRefusedError, match="Code_Verifier"):
        finish(mine.kept, answer | {"state": mine.kept["flow"]["state"]})


def test_an_app_registration_deleted_meanwhile_ends_the_sign_in(
    begin: Begin, app_registration: AppRegistration
) -> None:
    pending = begin()
    app_registration.delete()

    with pytest.raises(SignInRefusedError, match="deleted meanwhile"):
        finish(pending.kept, {"state": "x", "code": "y"})


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (50173, "invalid_grant"),
        (700082, "invalid_grant"),
        (65001, "invalid_grant"),
        (50076, "interaction_required"),
    ],
)
def test_a_refresh_that_only_the_user_can_mend_marks_the_account(
    sign_in: SignIn, sandbox: Sandbox, number: int, error: str
) -> None:
    account = sign_in()
    sandbox.add_fault(path=TOKEN_PATH, status=400, body=refusal(number, error))

    with pytest.raises(SignInNeededError) as caught:
        clients.account_token(account, force=True)

    account.refresh_from_db()
    assert caught.value.code == f"AADSTS{number}"
    assert account.needs_sign_in
    assert f"AADSTS{number}" in account.problem
    assert "Sign in again" in account.problem


def test_administrators_are_told_once_that_an_account_has_to_sign_in_again(
    sign_in: SignIn, sandbox: Sandbox, settings: Settings, mailoutbox: list[EmailMessage]
) -> None:
    settings.ADMINS = [("ops", "ops@example.org")]
    account = sign_in()
    sandbox.add_fault(path=TOKEN_PATH, status=400, body=refusal(50173, "invalid_grant"), times=2)

    for _ in range(2):
        with pytest.raises(SignInNeededError):
            clients.account_token(account, force=True)
        alerts.watch(now=datetime.now(UTC))

    [mail] = mailoutbox
    assert mail.to == ["ops@example.org"]
    assert account.username in mail.subject
    assert "sign in again" in mail.body


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, "busy"),
        (400, refusal(90033, "temporarily_unavailable")),
        (400, refusal(90033, "invalid_grant")),
        (401, refusal(7000222, "invalid_client")),
    ],
)
def test_a_refresh_that_fails_for_another_reason_does_not_mark_the_account(
    sign_in: SignIn, sandbox: Sandbox, status: int, body: Any
) -> None:
    account = sign_in()
    sandbox.add_fault(path=TOKEN_PATH, status=status, body=body)

    with pytest.raises(GraphError) as caught:
        clients.account_token(account, force=True)

    account.refresh_from_db()
    assert not isinstance(caught.value, SignInNeededError)
    assert not account.needs_sign_in


def test_the_next_token_unmarks_the_account(sign_in: SignIn, sandbox: Sandbox) -> None:
    account = sign_in()
    sandbox.add_fault(path=TOKEN_PATH, status=400, body=refusal(50076, "interaction_required"))
    with pytest.raises(SignInNeededError):
        clients.account_token(account, force=True)

    clients.account_token(account, force=True)

    account.refresh_from_db()
    assert (account.needs_sign_in, account.problem) == (False, "")


def test_an_app_that_entra_takes_for_a_public_one_does_not_prove_itself(
    sign_in: SignIn, sandbox: Sandbox
) -> None:
    account = sign_in()
    sandbox.add_fault(path=TOKEN_PATH, status=401, body=refusal(700025, "invalid_client"))

    assert clients.account_token(account, force=True).value


def test_a_damaged_cache_asks_for_the_user(sign_in: SignIn) -> None:
    account = sign_in()
    account.token_cache = "{"
    account.save()

    with pytest.raises(SignInNeededError, match="damaged"):
        clients.account_token(account)

    assert accounts.granted_permissions(account) == ()


def test_a_cache_without_a_refresh_token_asks_for_the_user(sign_in: SignIn) -> None:
    account = sign_in()
    account.token_cache = "{}"
    account.save()

    with pytest.raises(SignInNeededError, match="No refresh token"):
        clients.account_token(account)


@dataclass(kw_only=True, eq=False)
class Meanwhile(Fault):
    """Lets something happen in another thread while the stand-in is asked for a token, then answers as ever."""

    happens: Callable[[], Any]

    def apply(self, answer: Callable[[], Response]) -> Response:
        try:
            self.happens()
        finally:
            connection.close()
        return answer()


@pytest.fixture
def meanwhile(sandbox: Sandbox) -> Callable[[Callable[[], Any]], None]:
    """Return a function that lets something happen once, while a refresh is under way."""

    def meanwhile(happens: Callable[[], Any]) -> None:
        sandbox.put_fault(Meanwhile(path=TOKEN_PATH, happens=happens))

    return meanwhile


def aged(account: DelegatedAccount, *, seconds: int) -> str:
    """Return the account's cache as if its refresh token had been received at another time."""
    account.refresh_from_db()
    cache = json.loads(account.token_cache.reveal())
    for entry in cache["RefreshToken"].values():
        entry["last_modification_time"] = str(int(entry["last_modification_time"]) + seconds)
        entry["secret"] += f"-{seconds}"
    return json.dumps(cache)


def refresh_tokens(account: DelegatedAccount) -> list[str]:
    account.refresh_from_db()
    return [entry["secret"] for entry in json.loads(account.token_cache.reveal())["RefreshToken"].values()]


@pytest.mark.django_db(transaction=True)
def test_a_refresh_token_received_later_by_another_process_is_not_lost(
    sign_in: SignIn, meanwhile: Callable[[Callable[[], Any]], None]
) -> None:
    account = sign_in()
    theirs = aged(account, seconds=60)
    meanwhile(lambda: DelegatedAccount.objects.update(token_cache=theirs))

    clients.account_token(account, force=True)

    assert [token[-3:] for token in refresh_tokens(account)] == ["-60"]


@pytest.mark.django_db(transaction=True)
def test_a_refresh_token_received_later_than_that_of_another_process_is_kept(
    sign_in: SignIn, meanwhile: Callable[[Callable[[], Any]], None]
) -> None:
    account = sign_in()
    theirs = aged(account, seconds=-60)
    meanwhile(lambda: DelegatedAccount.objects.update(token_cache=theirs))

    clients.account_token(account, force=True)

    assert not any(token.endswith("-60") for token in refresh_tokens(account))


@pytest.mark.django_db(transaction=True)
def test_a_sign_in_during_a_refresh_stays(
    sign_in: SignIn, meanwhile: Callable[[Callable[[], Any]], None]
) -> None:
    account = sign_in()

    def signed_in_again() -> None:
        sign_in("Presence.Read.All")
        DelegatedAccount.objects.update(token_cache=aged(account, seconds=-60))

    meanwhile(signed_in_again)

    clients.account_token(account, force=True)

    account.refresh_from_db()
    assert "Presence.Read.All" in accounts.granted_permissions(account)


@pytest.mark.django_db(transaction=True)
def test_a_refused_token_that_another_process_has_replaced_is_not_held_against_the_account(
    sign_in: SignIn, sandbox: Sandbox, meanwhile: Callable[[Callable[[], Any]], None]
) -> None:
    account = sign_in()

    def replaced() -> None:
        sandbox.revoke_sign_ins(sandbox.users[0].id)
        sign_in("Presence.Read.All")

    meanwhile(replaced)

    token = clients.account_token(account, force=True)

    account.refresh_from_db()
    assert "Presence.Read.All" in claims_of(token.value)["scp"]
    assert not account.needs_sign_in


def test_signing_in_again_lets_what_waited_be_tried_at_once(
    sign_in: SignIn, app_registration: AppRegistration
) -> None:
    account = sign_in()
    DelegatedAccount.objects.update(needs_sign_in=True)
    later = datetime.now(UTC) + timedelta(minutes=20)
    waiting, healthy = (
        Subscription.objects.create(
            app_registration=app_registration,
            delegated_account=account,
            resource=f"/me/{name}",
            change_type="created",
            renew_at=later,
            failures=failures,
        )
        for name, failures in (("messages", 3), ("events", 0))
    )

    sign_in()

    waiting.refresh_from_db()
    healthy.refresh_from_db()
    assert waiting.renew_at is not None
    assert waiting.renew_at < datetime.now(UTC)
    assert healthy.renew_at == later


def test_no_secret_reaches_the_log(
    sign_in: SignIn, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    account = sign_in("Presence.Read.All")
    token = clients.account_token(account, force=True).value
    secrets = [token, sandbox.application.client_secret, *refresh_tokens(account)]
    sandbox.revoke_sign_ins(sandbox.users[0].id)
    with pytest.raises(SignInNeededError) as caught:
        clients.account_token(account, force=True)

    account.refresh_from_db()
    told = "\n".join((caplog.text, str(caught.value), account.problem, repr(account.token_cache)))
    assert not [secret for secret in secrets if secret in told]


def test_a_code_is_entered_on_another_device(app_registration: AppRegistration, sandbox: Sandbox) -> None:
    code = accounts.begin_on_device(app_registration, kind="work", permissions=("Presence.Read.All",))
    sandbox.approve_device_code(code.user_code, sandbox.users[2])

    account = wait_for(app_registration, code)

    assert account.username == sandbox.users[2].username
    assert claims_of(clients.account_token(account, force=True).value)["scp"] == "Presence.Read.All"


def wait_for(
    app_registration: AppRegistration,
    code: flows.DeviceCode,
    *,
    sleep: Callable[[float], None] = lambda _: None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> DelegatedAccount:
    return accounts.finish_on_device(app_registration, code, kind="work", clock=clock, sleep=sleep)


def test_waiting_goes_on_until_the_code_is_entered_whatever_passes(
    app_registration: AppRegistration, sandbox: Sandbox
) -> None:
    code = accounts.begin_on_device(app_registration, kind="work", permissions=("User.Read",))
    sandbox.add_fault(path=TOKEN_PATH, status=503, body="busy")
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            sandbox.approve_device_code(code.user_code, sandbox.users[0])

    account = wait_for(app_registration, code, sleep=sleep)

    assert account.username == sandbox.users[0].username
    assert naps == [1, 1, 1]


def test_a_user_who_refuses_ends_the_waiting(app_registration: AppRegistration, sandbox: Sandbox) -> None:
    code = accounts.begin_on_device(app_registration, kind="work", permissions=("User.Read",))
    sandbox.approve_device_code(code.user_code, None)

    with pytest.raises(TokenRefusedError, match="denied"):
        wait_for(app_registration, code)

    assert not DelegatedAccount.objects.exists()


def test_a_code_that_nobody_enters_expires(app_registration: AppRegistration) -> None:
    code = accounts.begin_on_device(app_registration, kind="work", permissions=("User.Read",))

    with pytest.raises(TokenRefusedError, match="not entered in time"):
        wait_for(app_registration, code, clock=lambda: code.expires_at)


def test_an_app_that_is_no_public_client_is_told_what_to_allow(
    app_registration: AppRegistration, sandbox: Sandbox
) -> None:
    code = accounts.begin_on_device(app_registration, kind="work", permissions=("User.Read",))
    sandbox.add_fault(path=TOKEN_PATH, status=401, body=refusal(7000218, "invalid_client"))

    with pytest.raises(TokenRefusedError, match="allow public client flows"):
        wait_for(app_registration, code)


def test_a_permission_without_consent_is_told_when_the_code_is_asked_for(
    app_registration: AppRegistration,
) -> None:
    with pytest.raises(TokenRefusedError, match="AADSTS65001"):
        accounts.begin_on_device(app_registration, kind="work", permissions=("Nothing.Read",))


def test_a_sign_in_service_out_of_reach_is_told(app_registration: AppRegistration, sandbox: Sandbox) -> None:
    sandbox.add_fault(path="openid-configuration", drop=True)

    with pytest.raises(UnreachableError):
        accounts.begin_on_device(app_registration, kind="work", permissions=("User.Read",))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ("User.Read",)),
        ("Presence.Read.All", ("User.Read", "Presence.Read.All")),
        ("Mail.Read, Mail.Read;\nUser.Read openid offline_access", ("User.Read", "Mail.Read")),
    ],
)
def test_permissions_are_read_as_people_type_them(text: str, names: tuple[str, ...]) -> None:
    assert accounts.permissions_in(text) == names


@pytest.mark.parametrize(
    "text", ["read", "https://graph.microsoft.com/Mail.Read", "Mail.Read&prompt=none", "Ä.Read"]
)
def test_what_is_no_permission_is_refused(text: str) -> None:
    with pytest.raises(SignInRefusedError, match="is no name of a permission"):
        accounts.permissions_in(text)


@pytest.mark.parametrize(
    ("resource", "kind", "permission"),
    [
        ("/me/messages", "work", "Mail.ReadBasic"),
        ("/communications/presences/1", "work", "Presence.Read.All"),
        ("/communications/presences/1", "personal", ""),
        ("/nothing/known", "work", ""),
    ],
)
def test_the_least_permission_is_advised(resource: str, kind: str, permission: str) -> None:
    assert accounts.advised_permission(resource, kind=kind) == permission
