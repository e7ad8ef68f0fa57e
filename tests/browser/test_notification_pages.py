"""The page of a notification and the history of its item in a browser, for each role, by light and in the dark."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from notifications.models import ChangeNotification, Delivery, NotificationContent
from notifications.services import engine
from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox
from tests.browser.sight import faults

pytestmark = pytest.mark.browser

CHANNEL = "/teams/fbe2bf47-16c8-47cf-b4a5-4b9b187c508b/channels/19:4a95f7d8@thread.tacv2/messages"


@pytest.fixture
def notification(make_subscription: Callable[..., Subscription], certificate: Any, sandbox: Sandbox) -> int:
    """Let a chat message be written and changed twice, and return the key of its last state."""
    make_subscription(resource=CHANNEL, include_resource_data=True, encryption_certificate=certificate)
    link = "https://teams.microsoft.com/l/message/1"
    for change_type, text in (("created", "Tea?"), ("updated", "Tea & <b>cake</b>?"), ("updated", "Cake")):
        content = {"id": "1795478500191", "webUrl": link, "body": {"contentType": "html", "content": text}}
        sandbox.make_change(CHANNEL, change_type, content)
        sandbox.flush()
        engine.work_once()
    last = ChangeNotification.objects.latest("pk")
    assert NotificationContent.objects.count() == 3
    return last.pk


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("group", ["Analysts", "Operators"])
def test_the_pages_are_seen_and_reached_by_each_role(
    window: Any,
    webhook: str,
    notification: int,
    log_in_as: Callable[[Page, str], None],
    group: str,
    width: int,
    theme: Literal["light", "dark"],
) -> None:
    address = f"{webhook}/admin/notifications/changenotification/{notification}"
    found: dict[str, list[str]] = {}

    with window.open(width=width, theme=theme) as page:
        log_in_as(page, group)
        for name in ("change", "history"):
            page.goto(f"{address}/{name}/")
            for summary in page.locator("#content summary").all():
                if summary.is_visible() and summary.evaluate("one => !one.parentElement.open"):
                    summary.click()
            found[name] = faults(page)
            seen = page.locator("#content").inner_text()
            assert ("Cake" in seen) is (group == "Analysts")

    assert found == {"change": [], "history": []}
    assert window.complaints == []


def test_an_analyst_reads_folds_copies_and_follows_the_history(
    window: Any, webhook: str, notification: int, log_in_as: Callable[[Page, str], None]
) -> None:
    with window.open() as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        log_in_as(page, "Analysts")
        page.goto(f"{webhook}/admin/notifications/changenotification/{notification}/change/")
        expect(page.locator(".gsm-differences")).to_contain_text("body.content")
        body = page.locator(".gsm-tree details", has_text="body").first
        body.locator("summary").first.press("Enter")
        expect(body.get_by_text("Cake")).not_to_be_visible()
        page.get_by_text("As JSON").click()
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("status")).to_have_text("Copied.")
        assert '"content": "Cake"' in page.evaluate("navigator.clipboard.readText()")
        link = page.get_by_role("link", name="Open in Microsoft 365")
        assert link.get_attribute("rel") == "noopener noreferrer"
        page.get_by_role("link", name="History of this item").click()
        expect(page.locator(".gsm-history > li")).to_have_count(3)
        expect(page.locator(".gsm-history > li").nth(1)).to_contain_text("Tea & <b>cake</b>?")

    assert window.complaints == []


def test_without_scripts_everything_can_be_read(
    window: Any, webhook: str, notification: int, log_in_as: Callable[[Page, str], None]
) -> None:
    with window.open(has_scripts=False) as page:
        log_in_as(page, "Analysts")
        page.goto(f"{webhook}/admin/notifications/changenotification/{notification}/change/")
        page.get_by_text("As JSON").click()
        expect(page.locator("#content-json")).to_contain_text('"content": "Cake"')
        expect(page.get_by_role("button", name="Copy")).to_have_count(0)


def test_an_administrator_sees_what_came_and_what_its_tokens_say(
    window: Any, webhook: str, notification: int, log_in: Callable[[Page], None]
) -> None:
    with window.open(width=390) as page:
        log_in(page)
        page.goto(f"{webhook}/admin/notifications/changenotification/{notification}/change/")
        page.get_by_role("link", name="As it came").first.click()
        expect(page.locator("#item-json")).to_contain_text('"clientState": "(kept secret)"')
        expect(page.get_by_role("rowheader", name="aud")).to_be_visible()
        found = faults(page)

    assert found == []
    assert window.complaints == []
    assert Delivery.objects.exists()


def test_a_long_history_is_paged_by_keyboard(
    window: Any, webhook: str, notification: int, log_in: Callable[[Page], None]
) -> None:
    row = ChangeNotification.objects.get(pk=notification)
    copies = []
    for number in range(60):
        row.pk, row.duplicate_key = None, None
        row.received_at = datetime.now(UTC) - timedelta(minutes=number)
        copies.append(
            ChangeNotification(**{field.attname: getattr(row, field.attname) for field in row._meta.fields})
        )
    ChangeNotification.objects.bulk_create(copies)

    with window.open() as page:
        log_in(page)
        page.goto(f"{webhook}/admin/notifications/changenotification/{notification}/history/")
        pages = 1
        while page.get_by_role("link", name="Older").count():
            page.get_by_role("link", name="Older").press("Enter")
            page.wait_for_url("**older**")
            page.wait_for_load_state()
            pages += 1

    assert pages == 4
    assert window.complaints == []
