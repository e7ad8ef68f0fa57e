"""Every page that links lead somebody of each group to: it keeps to the policy, and can be read and reached."""

import pprint
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Page, expect

from notifications.models import ChangeNotification, Delivery, EndpointMinute, LegalHold, NotificationContent
from subscriptions.models import DelegatedAccount, EncryptionCertificate, Subscription
from subscriptions.services import alerts
from tests.browser.sight import faults

pytestmark = pytest.mark.browser

NOT_PAGES = re.compile(r"/admin/(logout|jsi18n)/|\.(csv|json|pem|cer|crt)$")
MOST_PAGES = 250
# With how many kinds of pages somebody of it is led to at least.
ROLES = {"Administrators": 40, "Operators": 20, "Analysts": 10, "Auditors": 20}
SIGHTS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((390, "dark"), (1280, "light"))


@pytest.fixture
def _a_row_of_each(
    make_subscription: Callable[..., Subscription], certificate: EncryptionCertificate
) -> None:
    now = datetime.now(UTC)
    subscription = make_subscription(
        resource="/teams/getAllMessages", include_resource_data=True, encryption_certificate=certificate
    )
    delivery = Delivery.objects.create(body=b"{}", size=2, received_at=now, next_attempt_at=now, state="dead")
    notification = ChangeNotification.objects.create(
        subscription=subscription,
        resource="/teams/getAllMessages",
        change_type="created",
        state="accepted",
        received_at=now,
        last_received_at=now,
        processed_at=now,
        delivery=delivery,
    )
    NotificationContent.objects.create(
        notification=notification, data={"body": "<b>hello</b>"}, opened_at=now
    )
    LegalHold.objects.create(name="Case 7", reason="r", tenant_id="t", placed_at=now, placed_by="ann")
    EndpointMinute.objects.create(minute=now.replace(second=0, microsecond=0), answers=3, over_3_s=1)
    DelegatedAccount.objects.create(
        app_registration=subscription.app_registration,
        username="somebody@contoso.example",
        needs_sign_in=True,
        signed_in_at=now,
    )
    alerts.watch(now=now)


def kind_of(address: str) -> str:
    """Return what an address has in common with those that show the same kind of page: a filter makes no other."""
    return re.sub(r"[\d_A-F]*\d[\d_A-F]*", "N", urlsplit(address).path)


def links_of(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    return [urljoin(page.url, link).partition("#")[0] for link in found]


@pytest.mark.usefixtures("_a_row_of_each")
@pytest.mark.parametrize("role", ROLES)
def test_each_page_keeps_to_the_policy_and_can_be_read_and_reached(
    role: str, window: Any, webhook: str, log_in_as: Callable[[Page, str], None]
) -> None:
    seen: dict[str, str] = {}
    wrong: dict[str, list[str]] = {}
    with window.open() as page:
        log_in_as(page, role)
        waiting = [f"{webhook}/admin/", f"{webhook}/admin/password_change/"]
        while waiting and len(seen) < MOST_PAGES:
            address = waiting.pop(0)
            is_page = address.startswith(f"{webhook}/admin/") and not NOT_PAGES.search(urlsplit(address).path)
            if not is_page or kind_of(address) in seen:
                continue
            answer = page.goto(address)
            seen[kind_of(address)] = address
            if answer is None or answer.status != 200:
                wrong[address] = [f"does not open: {answer and answer.status}"]
                window.complaints.clear()
                continue
            assert window.complaints == [], address
            waiting += links_of(page)
            for width, theme in SIGHTS:
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(color_scheme=theme)
                # Colours change gradually.
                page.evaluate("Promise.allSettled(document.getAnimations().map(one => one.finished))")
                if found := faults(page):
                    wrong[f"{address} at {width}, {theme}"] = found

    assert wrong == {}, pprint.pformat(wrong, width=200)
    assert len(seen) > ROLES[role], seen
    assert len(seen) < MOST_PAGES, seen


def test_the_documentation_of_the_api_keeps_to_the_policy(
    window: Any, webhook: str, log_in: Callable[[Page], None]
) -> None:
    with window.open() as page:
        log_in(page)
        page.goto(f"{webhook}/api/v1/docs/")
        expect(page.locator(".swagger-ui .opblock").first).to_be_visible()

    assert window.complaints == []
