"""An account signs in, and the self-test says how things stand, by clicking."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from subscriptions.models import AppRegistration, DelegatedAccount
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.browser

LogIn = Callable[[Page], None]


@pytest.mark.usefixtures("app_registration")
def test_an_account_signs_in_and_its_connection_is_tested(
    window: Any, webhook: str, sandbox: Sandbox, log_in: LogIn
) -> None:
    user = sandbox.users[1]

    with window.open() as page:
        log_in(page)
        page.get_by_role("link", name="Signed-in accounts", exact=True).click()
        page.locator("#content").get_by_role("link", name="Sign in an account").click()
        page.get_by_label("App registration").select_option(label="Contoso")
        page.get_by_label("Permissions to ask for").fill("Presence.Read.All")
        page.get_by_role("button", name="Go to the sign-in page").click()
        page.get_by_role("button", name=user.name).click()
        expect(page.locator(".messagelist .success")).to_have_text(f"Signed in: {user.username}.")
        page.get_by_role("button", name="Test connection").click()
        expect(page.locator(".messagelist .success")).to_contain_text("Connected.")

    assert window.complaints == []
    assert DelegatedAccount.objects.get().username == user.username


def test_the_self_test_shows_what_it_found(
    window: Any, webhook: str, app_registration: AppRegistration, log_in: LogIn
) -> None:
    with window.open() as page:
        log_in(page)
        page.get_by_role("link", name="App registrations", exact=True).click()
        page.get_by_role("link", name="Self-test").click()
        page.get_by_role("button", name="Run the self-test").click()
        expect(page.get_by_role("heading", name="What was found")).to_be_visible()
        expect(page.locator("main .gsm-table")).to_contain_text(app_registration.name)
        expect(page.locator("main .gsm-table .gsm-bad")).to_have_count(0)

    assert window.complaints == []
