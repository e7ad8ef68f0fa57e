"""The list of notifications in a browser: searched, kept, paged and followed by somebody who looks at it all day."""

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from notifications.models import ChangeNotification, NotificationContent, SavedSearch
from subscriptions.models import Subscription
from tests.browser.sight import faults

pytestmark = pytest.mark.browser

LIST = "/admin/notifications/changenotification/"
ROWS = "#result_list tbody tr"


def store(subscription: Subscription, *, number: int, ago: timedelta = timedelta(0)) -> None:
    at = datetime.now(UTC) - ago
    notification = ChangeNotification.objects.create(
        subscription=subscription,
        change_type=("created", "updated")[number % 2],
        resource=f"Users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/Messages/AAMkAGI2TG93AAA{number}=",
        resource_id=f"AAMkAGI2TG93AAA{number}=",
        resource_type="#Microsoft.Graph.Message",
        tenant_id="5b0f9a31-7e62-4c1d-9f38-a6d2047be513",
        state=("accepted", "accepted", "waiting")[number % 3],
        reason="unknown_certificate" if number % 3 == 2 else "",
        proof=["clientState"],
        received_at=at,
        last_received_at=at,
        processed_at=at,
    )
    name = ("Zo\u00eb Adams", "Kim Lee")[number % 2]
    NotificationContent.objects.create(
        notification=notification,
        data={"subject": f"Quarterly figures {number}", "from": {"emailAddress": {"name": name}}},
        opened_at=at,
    )


def store_elsewhere(subscription: Subscription, *, number: int) -> None:
    """Store as a worker does: a page that is open keeps this thread from using the models."""

    def work() -> None:
        store(subscription, number=number)
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()


@pytest.fixture
def subscription(make_subscription: Callable[..., Subscription]) -> Subscription:
    """Subscribe, and store more than a page of what came."""
    made = make_subscription()
    for number in range(120):
        store(made, number=number, ago=timedelta(minutes=number + 1))
    return made


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.usefixtures("subscription")
def test_the_list_is_seen_and_reached_by_everybody(
    window: Any,
    webhook: str,
    log_in: Callable[[Page], None],
    width: int,
    theme: Literal["light", "dark"],
) -> None:
    with window.open(width=width, theme=theme) as page:
        log_in(page)
        page.goto(f"{webhook}{LIST}?content=importance+is+high")
        wrong = faults(page)
        page.goto(f"{webhook}{LIST}")
        page.get_by_text("How to search in content").click()
        page.get_by_text("Save this search").click()
        found = faults(page)

    assert (found, wrong) == ([], [])
    assert window.complaints == []


@pytest.mark.usefixtures("subscription")
def test_a_search_in_content_is_typed_kept_and_opened_again(
    window: Any, webhook: str, log_in: Callable[[Page], None]
) -> None:
    with window.open() as page:
        log_in(page)
        page.goto(f"{webhook}{LIST}")
        page.get_by_label("In content").fill(
            'from.emailAddress.name = "Kim Lee" and subject contains "figures 11"'
        )
        page.keyboard.press("Enter")
        expect(page.locator(ROWS)).to_have_count(6)
        expect(page.locator(ROWS).first).to_contain_text("by Kim Lee")
        page.get_by_text("Save this search").click()
        page.get_by_label("Name").fill("Kim's figures")
        page.get_by_role("button", name="Save", exact=True).click()
        page.goto(f"{webhook}{LIST}")
        page.get_by_role("link", name="Kim's figures").click()
        expect(page.locator(ROWS)).to_have_count(6)

    assert SavedSearch.objects.get().query.startswith("content=")
    assert window.complaints == []


@pytest.mark.usefixtures("subscription")
def test_pages_are_turned_and_a_time_is_jumped_to(
    window: Any, webhook: str, log_in: Callable[[Page], None]
) -> None:
    with window.open() as page:
        log_in(page)
        page.goto(f"{webhook}{LIST}")
        expect(page.locator(ROWS)).to_have_count(50)
        page.get_by_role("link", name="Older", exact=True).click()
        expect(page).to_have_url(re.compile("older="))
        expect(page.locator(ROWS)).to_have_count(50)
        page.get_by_role("link", name="Older", exact=True).click()
        expect(page.locator(ROWS)).to_have_count(20)
        expect(page.get_by_role("link", name="Older", exact=True)).to_have_count(0)
        page.get_by_role("link", name="Newer", exact=True).click()
        expect(page.locator(ROWS)).to_have_count(50)
        page.get_by_label("Up to (UTC)").fill(
            f"{datetime.now(UTC) - timedelta(minutes=100):%Y-%m-%dT%H:%M:%S}"
        )
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Newest")).to_be_visible()
        assert page.locator(ROWS).count() in {20, 21}

    assert window.complaints == []


def test_what_is_new_comes_by_itself_while_that_is_wished_and_the_page_is_seen(
    window: Any, webhook: str, log_in: Callable[[Page], None], subscription: Subscription
) -> None:
    asked: list[str] = []
    with window.open() as page:
        log_in(page)
        page.on("request", lambda request: asked.append(request.url) if "/newer/" in request.url else None)
        page.goto(f"{webhook}{LIST}?event=created")
        store_elsewhere(subscription, number=1000)
        store_elsewhere(subscription, number=1001)
        assert asked == []

        page.get_by_label("Follow what is new").check()

        expect(page.locator(ROWS).first).to_contain_text("Quarterly figures 1000", timeout=20_000)
        expect(page.get_by_role("status")).to_have_text("1 new since this page was opened.")
        store_elsewhere(subscription, number=1002)
        expect(page.locator(ROWS).first).to_contain_text("Quarterly figures 1002", timeout=20_000)
        assert page.locator(ROWS).count() == 52
        page.evaluate(
            "Object.defineProperty(document, 'hidden', {get: () => true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        page.wait_for_timeout(1000)
        before = len(asked)
        page.wait_for_timeout(6000)

    assert len(asked) == before
    assert "event=created" in asked[0]
    assert window.complaints == []
