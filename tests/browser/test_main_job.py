"""The main job, by clicking: register an app, make a certificate, subscribe, and read what arrived."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from notifications.models import ChangeNotification
from notifications.services import engine
from subscriptions.models import AppRegistration
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.browser

LogIn = Callable[[Page], None]


def register_app(page: Page, sandbox: Sandbox) -> None:
    page.get_by_role("link", name="Register an app").click()
    page.get_by_label("Name").fill("Contoso")
    page.get_by_label("Cloud").select_option("custom")
    page.get_by_label("Tenant ID").fill(sandbox.tenant_id)
    page.get_by_label("Client ID").fill(sandbox.application.client_id)
    page.get_by_label("Client secret").fill(sandbox.application.client_secret)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("table").get_by_role("link", name="Contoso").click()
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator(".messagelist .success")).to_contain_text("Connected.")


def make_certificate(page: Page, address: str) -> None:
    page.goto(f"{address}/admin/subscriptions/encryptioncertificate/add/")
    page.get_by_label("Name").fill("hooks-2026")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("hooks-2026")


def subscribe(page: Page, address: str, resource: str) -> None:
    page.goto(f"{address}/admin/subscriptions/subscription/add/")
    page.get_by_label("App registration").select_option(label="Contoso")
    page.get_by_label("Resource:").fill(resource)
    page.get_by_label("created", exact=True).check()
    page.get_by_label("Include content").check()
    page.get_by_label("Encryption certificate").select_option(label="hooks-2026")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist .success")).to_contain_text("Graph created the subscription")
    expect(page.locator(".gsm-badge", has_text="Active").first).to_be_visible()


@pytest.mark.usefixtures("custom_cloud")
def test_an_administrator_subscribes_and_reads_what_arrives(
    window: Any, webhook: str, sandbox: Sandbox, log_in: LogIn
) -> None:
    mailbox = f"/users/{sandbox.users[0].id}/messages"

    with window.open() as page:
        log_in(page)
        expect(page.get_by_role("heading", name="Start here")).to_be_visible()
        register_app(page, sandbox)
        make_certificate(page, webhook)
        subscribe(page, webhook, f"{mailbox}?$select=subject")
    sandbox.make_change(mailbox, "created", {"subject": "An offer from <b>Zo\u00eb</b>"})
    sandbox.flush()
    engine.work_once()
    with window.open() as page:
        page.goto(f"{webhook}/admin/notifications/changenotification/")
        page.get_by_role("link", name="created \u00b7 message").click()
        expect(page.locator(".gsm-json").first).to_contain_text("An offer from <b>Zo\u00eb</b>")
        expect(page.locator(".gsm-checks .gsm-good")).to_have_count(3)

    assert window.complaints == []
    assert AppRegistration.objects.get().check_succeeded


@pytest.mark.usefixtures("custom_cloud")
def test_no_page_is_wider_than_a_telephone(
    window: Any, webhook: str, make_subscription: Any, sandbox: Sandbox, log_in: LogIn
) -> None:
    subscription = make_subscription()
    sandbox.make_change(subscription.resource, "created")
    sandbox.flush()
    engine.work_once()
    notification = ChangeNotification.objects.get()
    paths = (
        "",
        "subscriptions/appregistration/",
        "subscriptions/encryptioncertificate/add/",
        "subscriptions/subscription/",
        "subscriptions/subscription/add/",
        f"subscriptions/subscription/{subscription.pk}/change/",
        f"subscriptions/subscription/{subscription.pk}/remove/",
        "subscriptions/operation/",
        "subscriptions/subscription/catalogue/",
        "subscriptions/subscription/catalogue/entry/?path=/users/{user-id}/chats/getAllMessages",
        "subscriptions/subscription/add/?resource=/chats/allMessages",
        "subscriptions/subscription/upload/",
        "subscriptions/delegatedaccount/add/",
        "subscriptions/appregistration/self-test/",
        "notifications/changenotification/",
        f"notifications/changenotification/{notification.pk}/change/",
        "notifications/delivery/",
    )

    with window.open(width=390) as page:
        log_in(page)
        too_wide = [path for path in paths if _overflow(page, f"{webhook}/admin/{path}")]

    assert too_wide == []
    assert window.complaints == []


def _overflow(page: Page, address: str) -> bool:
    page.goto(address)
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
