"""A certificate is rotated by clicking, from its page to the subscription that has moved."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_certificate_is_rotated(
    window: Any,
    make_subscription: Callable[..., Subscription],
    certificate: EncryptionCertificate,
    sandbox: Sandbox,
    log_in: Callable[[Page], None],
    has_scripts: bool,
) -> None:
    row = make_subscription(
        resource="/teams/getAllMessages",
        change_type="created",
        include_resource_data=True,
        encryption_certificate=certificate,
    )

    with window.open(has_scripts=has_scripts) as page:
        log_in(page)
        page.get_by_role("link", name="Encryption certificates", exact=True).click()
        page.get_by_role("link", name="hooks", exact=True).click()
        page.get_by_role("link", name="Rotate").click()
        page.get_by_label("Name of a new one").fill("hooks-2")
        page.get_by_role("button", name="Rotate").click()
        expect(page.locator(".gsm-panel")).to_contain_text("0 of 1")
        page.get_by_role("link", name=row.resource).click()
        page.get_by_role("button", name="Renew now").click()
        expect(page.locator(".messagelist .success")).to_contain_text("Renewed")

    assert window.complaints == []
    assert [one.encryption_certificate_id for one in sandbox.subscriptions.values()] == ["hooks-2"]
