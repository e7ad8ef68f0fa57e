"""Staff sign in by Entra: who is let in, as whom, with which rights, and what forged answers get."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from notifications.services.roles import ROLES
from subscriptions.admin.staff_sign_in import PENDING
from subscriptions.models import StaffIdentity
from subscriptions.sandbox import Sandbox
from subscriptions.sandbox.tenants import Application
from subscriptions.sandbox.tenants import User as Person

Browser = Callable[[str, str], dict[str, str]]

BEGIN = "admin:staff_sign_in"
CALLBACK = "admin:staff_sign_in_callback"
TOKEN = r"/oauth2/v2\.0/token$"
ANOTHER_TENANT = "11111111-2222-4333-8444-555555555555"

pytestmark = pytest.mark.django_db


@pytest.fixture
def app(custom_cloud: Sandbox, settings: Settings) -> Application:
    """Set up the sign-in with an app of its own."""
    app = custom_cloud.add_application(
        client_id="7d1b5c90-3e84-4f2a-b6d7-0c9e8f1a2b34",
        redirect_uris=("http://testserver" + reverse(CALLBACK),),
    )
    settings.SIGN_IN_CLOUD = "custom"
    settings.SIGN_IN_TENANT_ID = custom_cloud.tenant_id
    settings.SIGN_IN_CLIENT_ID = app.client_id
    settings.SIGN_IN_CLIENT_SECRET = app.client_secret
    return app


@pytest.fixture
def zoe(sandbox: Sandbox, app: Application) -> Person:
    """Return a person who was assigned the role of an operator."""
    person = sandbox.users[0]
    sandbox.assign_roles(app.client_id, person.id, "Operators")
    return person


@pytest.fixture
def sign_in(client: Client, browser: Browser) -> Callable[..., Any]:
    """Return a function that signs a person in and returns the answer to the browser that came back."""

    def sign_in(person: Person, query: str = "") -> Any:
        begun = client.get(reverse(BEGIN) + query)
        assert begun.status_code == 302
        return client.get(reverse(CALLBACK), browser(begun["Location"], person.username))

    return sign_in


def rights_of(user: User) -> set[str]:
    return set(user.groups.values_list("name", flat=True))


# Who is let in


def test_a_person_with_a_role_is_let_in_as_a_user_of_that_group(
    sign_in: Callable[..., Any], client: Client, zoe: Person, sandbox: Sandbox
) -> None:
    answer = sign_in(zoe)

    user = User.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert (user.username, user.is_staff, user.is_superuser) == (zoe.username, True, False)
    assert rights_of(user) == {"Operators"}
    assert (user.staff_identity.tenant_id, user.staff_identity.object_id) == (sandbox.tenant_id, zoe.id)
    assert not user.has_usable_password()
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_gives_its_group_and_no_more(
    sign_in: Callable[..., Any], zoe: Person, sandbox: Sandbox, app: Application, role: str
) -> None:
    sandbox.assign_roles(app.client_id, zoe.id, role, "Mail.Read")

    sign_in(zoe)

    assert rights_of(User.objects.get()) == {role}


def test_the_page_that_was_asked_for_comes_next_and_no_page_elsewhere(
    sign_in: Callable[..., Any], zoe: Person
) -> None:
    assert sign_in(zoe, "?next=/admin/subscriptions/")["Location"] == "/admin/subscriptions/"
    assert sign_in(zoe, "?next=https://evil.example/")["Location"] == "/admin/"
    assert sign_in(zoe, "?next=//evil.example/")["Location"] == "/admin/"


def test_nothing_is_asked_for_but_who_it_is(client: Client, app: Application) -> None:
    address = client.get(reverse(BEGIN))["Location"]

    assert "offline_access" not in address
    assert "code_challenge_method=S256" in address
    assert {"state=", "nonce="} <= {part[: part.index("=") + 1] for part in address.split("?")[1].split("&")}
    assert "response_mode=query" in address


@pytest.mark.parametrize("roles", [(), ("Mail.Read",), ("operators",)], ids=["none", "another", "lower-case"])
def test_a_person_without_a_role_is_told_so_and_leaves_no_user(
    sign_in: Callable[..., Any],
    client: Client,
    zoe: Person,
    sandbox: Sandbox,
    app: Application,
    roles: tuple[str],
) -> None:
    sandbox.assign_roles(app.client_id, zoe.id, *roles)

    answer = sign_in(zoe)

    assert answer.status_code == 403
    assert "has no role here" in answer.content.decode()
    assert "You have no access" in answer.content.decode()
    assert not User.objects.exists()
    assert client.get("/admin/").status_code == 302


def test_a_role_in_another_app_is_none_here(
    sign_in: Callable[..., Any], sandbox: Sandbox, app: Application
) -> None:
    other = sandbox.add_application(client_id="9c2f7a41-58d3-4e60-a1b7-6d0e3f4c5b28")
    sandbox.assign_roles(other.client_id, sandbox.users[0].id, "Administrators")

    assert sign_in(sandbox.users[0]).status_code == 403


def test_a_role_that_was_taken_away_ends_what_it_gave_at_the_next_sign_in(
    sign_in: Callable[..., Any],
    client: Client,
    zoe: Person,
    sandbox: Sandbox,
    app: Application,
    browser: Browser,
) -> None:
    sign_in(zoe)
    sandbox.assign_roles(app.client_id, zoe.id)
    elsewhere = Client()
    begun = elsewhere.get(reverse(BEGIN))

    answer = elsewhere.get(reverse(CALLBACK), browser(begun["Location"], zoe.username))

    user = User.objects.get()
    assert answer.status_code == 403
    assert (user.is_staff, rights_of(user), user.get_all_permissions()) == (False, set(), set())
    # The session that is still open elsewhere opens nothing.
    assert client.get("/admin/").status_code == 302


def test_a_role_that_changed_changes_the_groups_at_the_next_sign_in(
    sign_in: Callable[..., Any], zoe: Person, sandbox: Sandbox, app: Application
) -> None:
    sign_in(zoe)
    sandbox.assign_roles(app.client_id, zoe.id, "Auditors")

    sign_in(zoe)

    assert rights_of(User.objects.get()) == {"Auditors"}


def test_who_is_blocked_here_stays_out_whatever_entra_says(sign_in: Callable[..., Any], zoe: Person) -> None:
    sign_in(zoe)
    User.objects.update(is_active=False)

    answer = sign_in(zoe)

    assert (answer.status_code, "blocked here" in answer.content.decode()) == (403, True)


# As whom


def test_a_local_account_of_the_same_name_is_not_taken_over(sign_in: Callable[..., Any], zoe: Person) -> None:
    local = User.objects.create_superuser(zoe.username.upper(), zoe.username, "a-long-password")

    sign_in(zoe)

    made = StaffIdentity.objects.get().user
    assert made != local
    assert made.username == f"{zoe.username} ({zoe.id})"
    assert not made.is_superuser
    local.refresh_from_db()
    assert local.check_password("a-long-password")
    assert rights_of(local) == set()


def test_a_person_who_was_renamed_stays_the_same_user(
    sign_in: Callable[..., Any], zoe: Person, sandbox: Sandbox
) -> None:
    sign_in(zoe)
    renamed = sandbox.add_user("Zoe", username="new.name@contoso.example", id=zoe.id)

    sign_in(renamed)

    assert User.objects.get().username == zoe.username


def test_another_person_under_a_former_name_is_another_user(
    sign_in: Callable[..., Any], zoe: Person, sandbox: Sandbox, app: Application
) -> None:
    sign_in(zoe)
    sandbox.add_user("Zoe", username="new.name@contoso.example", id=zoe.id)
    heir = sandbox.add_user("Heir", username=zoe.username, id="0e8f3c52-6d41-4b7a-9c25-8a1b7f3d9e60")
    sandbox.assign_roles(app.client_id, heir.id, "Auditors")

    sign_in(heir)

    assert StaffIdentity.objects.count() == 2
    assert rights_of(StaffIdentity.objects.get(object_id=heir.id).user) == {"Auditors"}
    assert rights_of(StaffIdentity.objects.get(object_id=zoe.id).user) == {"Operators"}


def test_the_session_begins_anew_with_the_sign_in(
    sign_in: Callable[..., Any], client: Client, zoe: Person
) -> None:
    client.get(reverse(BEGIN))
    before = client.session.session_key

    sign_in(zoe)

    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


# What forged answers get


def test_an_answer_serves_once(client: Client, browser: Browser, zoe: Person) -> None:
    answer = browser(client.get(reverse(BEGIN))["Location"], zoe.username)
    client.get(reverse(CALLBACK), answer)
    client.post(reverse("admin:logout"))

    again = client.get(reverse(CALLBACK), answer)

    assert (again.status_code, client.get("/admin/").status_code) == (403, 302)
    assert "No sign-in is under way" in again.content.decode()


def test_a_code_that_was_redeemed_opens_nothing_in_a_new_sign_in(
    client: Client, browser: Browser, zoe: Person
) -> None:
    answer = browser(client.get(reverse(BEGIN))["Location"], zoe.username)
    client.get(reverse(CALLBACK), answer)
    client.post(reverse("admin:logout"))
    client.get(reverse(BEGIN))
    state = client.session[PENDING]["flow"]["state"]

    again = client.get(reverse(CALLBACK), {**answer, "state": state})

    assert (again.status_code, client.get("/admin/").status_code) == (403, 302)


def test_a_code_of_another_browser_opens_nothing(client: Client, browser: Browser, zoe: Person) -> None:
    answer = browser(Client().get(reverse(BEGIN))["Location"], zoe.username)
    client.get(reverse(BEGIN))
    state = client.session[PENDING]["flow"]["state"]

    # The verifier of PKCE is in the other browser's session.
    forged = client.get(reverse(CALLBACK), {**answer, "state": state})

    assert (forged.status_code, User.objects.count()) == (403, 0)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"code": "c"},
        {"code": "c", "state": ""},
        {"code": "c", "state": "guessed"},
        {"state": "STATE"},
        {"code": "guessed", "state": "STATE"},
        {"error": "access_denied", "error_description": "AADSTS65004: <script>", "state": "STATE"},
    ],
    ids=["nothing", "no-state", "empty-state", "wrong-state", "no-code", "wrong-code", "denied"],
)
def test_a_wrong_answer_is_refused_with_a_page(
    client: Client, app: Application, answer: dict[str, str]
) -> None:
    client.get(reverse(BEGIN))
    state = client.session[PENDING]["flow"]["state"]

    page = client.get(
        reverse(CALLBACK), {name: state if value == "STATE" else value for name, value in answer.items()}
    )

    assert page.status_code == 403
    assert "<script>" not in page.content.decode()
    assert PENDING not in client.session
    assert not User.objects.exists()


def test_a_sign_in_ends_after_ten_minutes(client: Client, browser: Browser, zoe: Person) -> None:
    answer = browser(client.get(reverse(BEGIN))["Location"], zoe.username)
    session = client.session
    session[PENDING] = {
        **session[PENDING],
        "begun_at": (datetime.now(UTC) - timedelta(minutes=11)).isoformat(),
    }
    session.save()

    assert client.get(reverse(CALLBACK), answer).status_code == 403


def _claims(changes: dict[str, Any]) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    oid = "0e8f3c52-6d41-4b7a-9c25-8a1b7f3d9e60"
    good = {"iat": now, "nbf": now, "exp": now + 3600, "oid": oid, "sub": oid}
    return (
        good
        | {"preferred_username": "mallory@contoso.example", "roles": ["Administrators"], "azp": None}
        | changes
    )


@pytest.fixture
def answered_with(
    client: Client, sandbox: Sandbox, app: Application
) -> Callable[[Callable[[str], str]], Any]:
    """Return a function that has the token endpoint send the ID token that is made for a nonce."""

    def answered(make: Callable[[str], str]) -> Any:
        client.get(reverse(BEGIN))
        flow = client.session[PENDING]["flow"]
        nonce = hashlib.sha256(flow["nonce"].encode()).hexdigest()
        body = {"token_type": "Bearer", "expires_in": 3600, "access_token": "a", "scope": "openid"}
        sandbox.add_fault(method="POST", path=TOKEN, status=200, body={**body, "id_token": make(nonce)})
        return client.get(reverse(CALLBACK), {"code": "c", "state": flow["state"]})

    return answered


def test_a_good_token_from_there_is_taken_so_that_the_refusals_below_mean_something(
    answered_with: Callable[..., Any], sandbox: Sandbox, app: Application
) -> None:
    def make(nonce: str) -> str:
        return sandbox.validation_token(audience=app.client_id, claims=_claims({"nonce": nonce}))

    assert answered_with(make).status_code == 302
    assert rights_of(User.objects.get()) == {"Administrators"}


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "9c2f7a41-58d3-4e60-a1b7-6d0e3f4c5b28"},
        {"iss": "https://login.evil.example/v2.0"},
        {"tid": ANOTHER_TENANT},
        {"tid": ANOTHER_TENANT, "iss": f"https://login.microsoftonline.com/{ANOTHER_TENANT}/v2.0"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1_700_000_000},
        {"nbf": 4_000_000_000},
        {"oid": None},
        {"roles": None},
        {"roles": "Administrators"},
        {"roles": [["Administrators"], 7, None]},
    ],
    ids=lambda changes: "-".join(f"{name}-{str(value)[:20]}" for name, value in changes.items()),
)
def test_a_token_with_a_wrong_claim_lets_nobody_in(
    answered_with: Callable[..., Any],
    client: Client,
    sandbox: Sandbox,
    app: Application,
    changes: dict[str, Any],
) -> None:
    def make(nonce: str) -> str:
        claims = _claims({"nonce": nonce} | changes)
        return sandbox.validation_token(audience=app.client_id, claims=claims)

    answer = answered_with(make)

    assert (answer.status_code, User.objects.count()) == (403, 0)
    assert client.get("/admin/").status_code == 302


def _unsigned(genuine: str, _: Sandbox) -> str:
    claims = jwt.decode(genuine, options={"verify_signature": False})
    return jwt.encode(
        claims, "", algorithm="none", headers={"kid": jwt.get_unverified_header(genuine)["kid"]}
    )


def _signed_with_the_public_key(genuine: str, sandbox: Sandbox) -> str:
    kid = jwt.get_unverified_header(genuine)["kid"]
    address = f"{sandbox.login_url}/common/discovery/v2.0/keys"
    published = requests.get(address, verify=str(sandbox.ca_bundle), timeout=60).json()["keys"]
    [jwk] = [one for one in published if one["kid"] == kid]
    public = jwt.PyJWK(jwk).key
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def part(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    # By hand: PyJWT refuses to make such a token.
    claims = jwt.decode(genuine, options={"verify_signature": False})
    head = part(json.dumps({"alg": "HS256", "typ": "JWT", "kid": kid}).encode())
    signed = head + b"." + part(json.dumps(claims).encode())
    return (signed + b"." + part(hmac.digest(pem, signed, "sha256"))).decode()


def _signed_by_a_stranger(genuine: str, _: Sandbox) -> str:
    claims = jwt.decode(genuine, options={"verify_signature": False})
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(
        claims, key, algorithm="RS256", headers={"kid": jwt.get_unverified_header(genuine)["kid"]}
    )


def _with_a_changed_payload(genuine: str, _: Sandbox) -> str:
    head, payload, signature = genuine.split(".")
    return f"{head}.{payload[:-4]}AAAA.{signature}"


def _no_token(_: str, __: Sandbox) -> str:
    return ""


@pytest.mark.parametrize(
    "forge",
    [_unsigned, _signed_with_the_public_key, _signed_by_a_stranger, _with_a_changed_payload, _no_token],
    ids=lambda forge: forge.__name__.strip("_"),
)
def test_a_token_that_entra_did_not_sign_lets_nobody_in(
    answered_with: Callable[..., Any],
    sandbox: Sandbox,
    app: Application,
    forge: Callable[[str, Sandbox], str],
) -> None:
    def make(nonce: str) -> str:
        genuine = sandbox.validation_token(audience=app.client_id, claims=_claims({"nonce": nonce}))
        return forge(genuine, sandbox)

    assert (answered_with(make).status_code, User.objects.count()) == (403, 0)


def test_a_sign_in_service_out_of_reach_is_told_and_passwords_still_serve(
    client: Client, sandbox: Sandbox, app: Application
) -> None:
    User.objects.create_superuser("admin", "", "a-long-password")
    sandbox.add_fault(path="openid-configuration", status=503, times=None)

    page = client.get(reverse(BEGIN))
    signed_in = client.post(reverse("admin:login"), {"username": "admin", "password": "a-long-password"})

    assert page.status_code == 503
    assert "Not signed in" in page.content.decode()
    assert signed_in.status_code == 302


# What is shown, and signing out


def test_the_sign_in_page_offers_entra_only_where_it_is_set_up(client: Client, settings: Settings) -> None:
    assert "Sign in with Microsoft" not in client.get("/admin/login/").content.decode()
    assert client.get(reverse(BEGIN)).status_code == 403
    assert client.get(reverse(CALLBACK)).status_code == 403


def test_the_button_keeps_the_page_that_was_asked_for(client: Client, app: Application) -> None:
    page = client.get("/admin/login/?next=/admin/subscriptions/").content.decode()

    assert 'href="/admin/sign-in/?next=%2Fadmin%2Fsubscriptions%2F"' in page


def test_signing_out_leads_to_the_sign_out_of_entra(
    sign_in: Callable[..., Any], client: Client, zoe: Person, sandbox: Sandbox
) -> None:
    sign_in(zoe)

    page = client.post(reverse("admin:logout"))

    address = page["Refresh"].partition("; url=")[2]
    assert address.startswith(f"{sandbox.login_url}/{sandbox.tenant_id}/oauth2/v2.0/logout?")
    assert "post_logout_redirect_uri=http%3A%2F%2Ftestserver%2Fadmin%2Flogin%2F" in address
    assert client.get("/admin/").status_code == 302


def test_who_signed_in_by_password_signs_out_here_only(administrator: Client, app: Application) -> None:
    page = administrator.post(reverse("admin:logout"))

    assert page.status_code == 200
    assert "Refresh" not in page


def test_no_secret_of_the_sign_in_is_on_a_page_or_in_the_log(
    sign_in: Callable[..., Any],
    client: Client,
    zoe: Person,
    app: Application,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")

    page = sign_in(zoe)

    assert app.client_secret not in caplog.text + page.content.decode() + str(dict(client.session))
    assert Group.objects.filter(name="Operators").exists()
