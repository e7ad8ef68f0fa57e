"""Accounts sign in from the admin: who may, what is refused, and what is shown."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from subscriptions.admin.delegated_account import SESSION_KEY
from subscriptions.models import AppRegistration, DelegatedAccount
from subscriptions.sandbox import Sandbox

Browser = Callable[[str, str], dict[str, str]]
SignIn = Callable[..., DelegatedAccount]

LIST = "admin:subscriptions_delegatedaccount_changelist"
ADD = "admin:subscriptions_delegatedaccount_add"
CALLBACK = "admin:subscriptions_delegatedaccount_callback"

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> Callable[..., Client]:
    """Return a function that logs in a member of staff who has the named permissions."""

    def log_in(*codenames: str) -> Client:
        user = User.objects.create_user(f"staff{User.objects.count()}", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def start(app_registration: AppRegistration, sandbox: Sandbox) -> Callable[..., Any]:
    """Return a function that posts the form of a sign-in; the app lists the redirect address."""
    sandbox.add_application(
        client_id=sandbox.application.client_id,
        client_secret=sandbox.application.client_secret,
        redirect_uris=("http://testserver" + reverse(CALLBACK),),
    )

    def start(client: Client, query: str = "", **changes: str) -> Any:
        data = {"app_registration": str(app_registration.pk), "kind": "work", "permissions": "", **changes}
        return client.post(reverse(ADD) + query, data)

    return start


def messages_of(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def address_in(page: Any) -> str:
    """Return where a page moves on to by itself."""
    moment, _, address = page["Refresh"].partition("; url=")
    assert moment == "0"
    return str(address)


def come_back(client: Client, answer: dict[str, str]) -> Any:
    return client.get(reverse(CALLBACK), answer, follow=True)


def test_an_account_signs_in(
    admin_client: Client, start: Callable[..., Any], browser: Browser, sandbox: Sandbox
) -> None:
    begun = start(admin_client, permissions="Presence.Read.All")

    page = come_back(admin_client, browser(address_in(begun), sandbox.users[1].username))

    account = DelegatedAccount.objects.get()
    assert (account.username, account.kind) == (sandbox.users[1].username, "work")
    assert f"Signed in: {account.username}." in messages_of(page)
    assert "Presence.Read.All User.Read" in page.content.decode()
    assert LogEntry.objects.get().change_message == "Signed in."


def test_the_sign_in_uses_pkce_state_and_nonce(admin_client: Client, start: Callable[..., Any]) -> None:
    begun = start(admin_client)

    sent = dict(parse_qsl(urlsplit(address_in(begun)).query))
    assert (sent["code_challenge_method"], sent["response_mode"]) == ("S256", "query")
    assert sent["prompt"] == "select_account"
    assert min(len(sent[name]) for name in ("state", "nonce", "code_challenge")) > 20
    assert "openid" in sent["scope"]
    assert "offline_access" in sent["scope"]


@pytest.mark.parametrize(
    ("codenames", "status"),
    [((), 403), (("view_delegatedaccount",), 403), (("add_delegatedaccount",), 200)],
)
def test_only_who_may_add_accounts_begins_a_sign_in(
    staff: Callable[..., Client],
    start: Callable[..., Any],
    codenames: tuple[str, ...],
    status: int,
) -> None:
    assert start(staff(*codenames)).status_code == status


def test_a_stranger_is_sent_to_the_log_in(client: Client, start: Callable[..., Any]) -> None:
    assert "/login/" in start(client)["Location"]
    assert "/login/" in client.get(reverse(CALLBACK))["Location"]


def test_only_who_may_add_accounts_finishes_a_sign_in(staff: Callable[..., Client]) -> None:
    assert staff("view_delegatedaccount").get(reverse(CALLBACK)).status_code == 403


def test_looking_at_the_form_begins_nothing(admin_client: Client, sandbox: Sandbox) -> None:
    asked = len(sandbox.requests)

    page = admin_client.get(reverse(ADD), {"resource": "/communications/presences/1"})

    assert page.context["adminform"].form["permissions"].value() == "User.Read Presence.Read.All"
    assert len(sandbox.requests) == asked
    assert SESSION_KEY not in admin_client.session


def test_the_redirect_address_is_the_public_one_where_the_admin_is_reached_there(
    admin_client: Client, settings: Settings
) -> None:
    settings.PUBLIC_BASE_URL = "https://testserver"

    page = admin_client.get(reverse(ADD))

    assert page.context["redirect_uri"] == "https://testserver" + reverse(CALLBACK)


def test_the_redirect_address_is_that_of_the_request_elsewhere(
    admin_client: Client, settings: Settings
) -> None:
    settings.PUBLIC_BASE_URL = "https://hooks.example"

    page = admin_client.get(reverse(ADD))

    assert page.context["redirect_uri"] == "http://testserver" + reverse(CALLBACK)


def test_a_word_that_is_no_permission_is_refused_before_anything_is_asked(
    admin_client: Client, start: Callable[..., Any], sandbox: Sandbox
) -> None:
    asked = len(sandbox.requests)

    page = start(admin_client, permissions="Presence.Read https://elsewhere.example/x")

    assert "is no name of a permission" in page.content.decode()
    assert len(sandbox.requests) == asked


def test_a_sign_in_service_out_of_reach_is_told_on_the_form(
    admin_client: Client, start: Callable[..., Any], settings: Settings
) -> None:
    settings.CUSTOM_LOGIN_URL = "https://127.0.0.1:9"

    page = start(admin_client)

    assert "refused the connection" in page.content.decode()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"state": "forged"}, "does not belong to the sign-in"),
        ({"state": ""}, "does not belong to the sign-in"),
        ({"code": ""}, "neither a code nor a reason"),
        ({"code": "made-up"}, "AADSTS70000"),
        ({"code": "", "error": "access_denied"}, "cancelled or refused"),
        ({"code": "", "error": "<script>", "error_description": "<b>bold</b>"}, "&lt;b&gt;bold"),
    ],
)
def test_a_wrong_answer_is_told_and_nothing_is_kept(
    admin_client: Client,
    start: Callable[..., Any],
    browser: Browser,
    sandbox: Sandbox,
    change: dict[str, str],
    told: str,
) -> None:
    answer = browser(address_in(start(admin_client)), sandbox.users[0].username)

    page = come_back(admin_client, answer | change)

    assert told in page.content.decode()
    assert page.status_code == 200
    assert not DelegatedAccount.objects.exists()
    assert SESSION_KEY not in admin_client.session


def test_an_answer_serves_once(
    admin_client: Client, start: Callable[..., Any], browser: Browser, sandbox: Sandbox
) -> None:
    answer = browser(address_in(start(admin_client)), sandbox.users[0].username)
    come_back(admin_client, answer)

    page = come_back(admin_client, answer)

    assert "or it was finished already" in messages_of(page)


def test_an_answer_is_of_no_use_in_the_session_of_another_administrator(
    admin_client: Client,
    staff: Callable[..., Client],
    start: Callable[..., Any],
    browser: Browser,
    sandbox: Sandbox,
) -> None:
    answer = browser(address_in(start(admin_client)), sandbox.users[0].username)
    other = staff("add_delegatedaccount", "view_delegatedaccount")
    start(other)

    page = come_back(other, answer)

    assert "does not belong to the sign-in" in messages_of(page)
    assert not DelegatedAccount.objects.exists()


def test_a_sign_in_ends_after_ten_minutes(
    admin_client: Client, start: Callable[..., Any], browser: Browser, sandbox: Sandbox
) -> None:
    answer = browser(address_in(start(admin_client)), sandbox.users[0].username)
    session = admin_client.session
    begun_at = datetime.now(UTC) - timedelta(minutes=10, seconds=1)
    session[SESSION_KEY] = session[SESSION_KEY] | {"begun_at": begun_at.isoformat()}
    session.save()

    page = come_back(admin_client, answer)

    assert "longer than ten minutes" in messages_of(page)
    assert not DelegatedAccount.objects.exists()


def test_who_has_to_sign_in_again_is_shown_and_may(
    admin_client: Client,
    sign_in: SignIn,
    start: Callable[..., Any],
    browser: Browser,
) -> None:
    account = sign_in("Presence.Read.All")
    DelegatedAccount.objects.update(needs_sign_in=True, problem="The password was changed.")
    shown = admin_client.get(reverse(LIST)).content.decode()
    own = reverse("admin:subscriptions_delegatedaccount_change", args=(account.pk,))
    offered = admin_client.get(own).content.decode()
    begun = start(admin_client, query=f"?account={account.pk}", permissions="Presence.Read.All")

    page = come_back(admin_client, browser(address_in(begun), account.username))

    assert "Needs to sign in again" in shown
    assert f"?account={account.pk}" in offered
    assert "login_hint=" in address_in(begun)
    assert "Needs to sign in again" not in page.content.decode()
    assert not DelegatedAccount.objects.get().needs_sign_in


def test_signing_in_again_offers_the_permissions_that_were_granted(
    admin_client: Client, sign_in: SignIn
) -> None:
    account = sign_in("Presence.Read.All")

    form = admin_client.get(reverse(ADD), {"account": account.pk}).context["adminform"].form

    assert form["permissions"].value() == "User.Read Presence.Read.All"
    assert form.fields["app_registration"].disabled


def test_somebody_else_cannot_sign_in_for_an_account(
    admin_client: Client,
    sign_in: SignIn,
    start: Callable[..., Any],
    browser: Browser,
    sandbox: Sandbox,
) -> None:
    account = sign_in()
    begun = start(admin_client, query=f"?account={account.pk}")

    page = come_back(admin_client, browser(address_in(begun), sandbox.users[1].username))

    assert "another account has to sign in again" in messages_of(page)
    assert DelegatedAccount.objects.get().username == account.username


def test_the_page_of_an_account_shows_no_secret_and_takes_no_change(
    admin_client: Client, sign_in: SignIn
) -> None:
    account = sign_in()
    url = reverse("admin:subscriptions_delegatedaccount_change", args=(account.pk,))

    page = admin_client.get(url).content.decode()
    refused = admin_client.post(url, {"username": "somebody else"})

    cache = DelegatedAccount.objects.get().token_cache
    assert "eyJ" not in page
    assert cache.sealed() not in page
    assert refused.status_code == 403


def test_the_session_is_all_that_holds_the_verifier(
    admin_client: Client, start: Callable[..., Any], browser: Browser, sandbox: Sandbox
) -> None:
    begun = start(admin_client)
    verifier = admin_client.session[SESSION_KEY]["flow"]["code_verifier"]

    come_back(admin_client, browser(address_in(begun), sandbox.users[0].username))

    assert verifier not in address_in(begun)
    assert all(SESSION_KEY not in session.get_decoded() for session in Session.objects.all())


def test_the_connection_of_an_account_is_tested(admin_client: Client, sign_in: SignIn) -> None:
    account = sign_in("Presence.Read.All")
    url = reverse("admin:subscriptions_delegatedaccount_test_connection", args=(account.pk,))

    page = admin_client.post(url, follow=True)

    assert "The account has 0 subscriptions at Graph." in messages_of(page)
    assert "Presence.Read.All, User.Read" in messages_of(page)
    assert admin_client.get(url).status_code == 405


def test_the_test_of_an_account_says_that_it_has_to_sign_in_again(
    admin_client: Client, sign_in: SignIn, sandbox: Sandbox
) -> None:
    account = sign_in()
    sandbox.revoke_sign_ins(sandbox.users[0].id)
    url = reverse("admin:subscriptions_delegatedaccount_test_connection", args=(account.pk,))

    page = admin_client.post(url, follow=True)

    assert "has to sign in again" in messages_of(page)
    assert "This account needs to sign in again" in page.content.decode()


@pytest.mark.parametrize(
    ("codenames", "status"),
    [
        (("view_delegatedaccount",), 403),
        (("test_connection",), 403),
        (("view_delegatedaccount", "test_connection"), 302),
    ],
)
def test_only_who_may_test_connections_tests_an_account(
    staff: Callable[..., Client], sign_in: SignIn, codenames: tuple[str, ...], status: int
) -> None:
    url = reverse("admin:subscriptions_delegatedaccount_test_connection", args=(sign_in().pk,))

    assert staff(*codenames).post(url).status_code == status


def test_the_list_asks_the_database_as_often_for_many_accounts_as_for_one(
    admin_client: Client, app_registration: AppRegistration
) -> None:
    def queries(number: int) -> int:
        DelegatedAccount.objects.create(
            app_registration=app_registration,
            username=f"user{number}",
            home_account_id=str(number),
            signed_in_at=datetime.now(UTC),
        )
        with CaptureQueriesContext(connection) as context:
            admin_client.get(reverse(LIST))
        return len(context)

    counts = [queries(number) for number in range(3)]

    assert counts[1] == counts[2]
