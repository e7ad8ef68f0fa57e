"""A member of staff signs in by Entra with a click, and out again."""

import os
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from subscriptions.sandbox import Sandbox
from subscriptions.sandbox.tenants import Application

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Where pictures go, for who wants to look at the pages.
PICTURES = os.environ.get("PICTURES", "")


@pytest.fixture
def app(custom_cloud: Sandbox, settings: Settings, webhook: str) -> Application:
    """Set up the sign-in."""
    app = custom_cloud.add_application(client_id="7d1b5c90-3e84-4f2a-b6d7-0c9e8f1a2b34")
    settings.SIGN_IN_CLOUD = "custom"
    settings.SIGN_IN_TENANT_ID = custom_cloud.tenant_id
    settings.SIGN_IN_CLIENT_ID = app.client_id
    settings.SIGN_IN_CLIENT_SECRET = app.client_secret
    return app


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES, f"{name}.png"), full_page=True)


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")], ids=["wide", "narrow"])
def test_staff_sign_in_and_out_with_clicks(
    window: Any,
    webhook: str,
    custom_cloud: Sandbox,
    app: Application,
    width: int,
    theme: Literal["light", "dark"],
) -> None:
    person, stranger = custom_cloud.users[:2]
    custom_cloud.assign_roles(app.client_id, person.id, "Administrators")

    with window.open(width=width, theme=theme) as page:
        page.goto(f"{webhook}/admin/subscriptions/subscription/")
        picture(page, f"login-{width}")
        page.get_by_role("link", name="Sign in with Microsoft").click()
        page.get_by_role("button", name=person.name).click()
        expect(page.get_by_role("heading", name="Select subscription")).to_be_visible()

        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("link", name="Sign in with Microsoft")).to_be_visible()
        assert page.url == f"{webhook}/admin/login/"

        page.get_by_role("link", name="Sign in with Microsoft").click()
        page.get_by_role("button", name=stranger.name).click()
        expect(page.get_by_text("has no role here")).to_be_visible()
        picture(page, f"refused-{width}")

    assert [text for text in window.complaints if "403" not in text] == []
