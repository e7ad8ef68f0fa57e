"""Debian's Chromium, which holds every page to the policy that the product sends with it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect, sync_playwright

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PASSWORD = "correct horse battery"


class Window:
    """Opens a page, keeps the session from one opening to the next, and remembers what the console complained of.

    While a page is open, its event loop keeps Django's models from being used in the same thread: close it first.
    """

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self._session: object = None

    @contextmanager
    def open(
        self, *, width: int = 1280, has_scripts: bool = True, theme: Literal["light", "dark"] = "light"
    ) -> Iterator[Page]:
        """Open a page; leaving the block closes the browser."""
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                storage_state=self._session,  # type: ignore[arg-type] # what `storage_state` returned
                java_script_enabled=has_scripts,
                color_scheme=theme,
                ignore_https_errors=True,  # the sandbox is its own authority
            )
            yield self._watched(context)
            self._session = context.storage_state()
            browser.close()

    def _watched(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _note(self, message: ConsoleMessage) -> None:
        is_about_us = "favicon.ico" not in message.location["url"]
        if message.type in {"error", "warning"} and is_about_us:
            self.complaints.append(message.text)


@pytest.fixture
def window() -> Window:
    """Return a browser that is not open yet."""
    if not CHROMIUM.exists():
        pytest.skip(f"Chromium is not at {CHROMIUM}")
    return Window()


def sign_in(page: Page, webhook: str, username: str) -> None:
    """Sign somebody in, and wait until the overview and its charts are there."""
    page.goto(f"{webhook}/admin/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.wait_for_load_state("load")


@pytest.fixture
def log_in(webhook: str, db: None) -> Callable[[Page], None]:
    """Return a function that logs the administrator in at a page."""
    User.objects.create_superuser("admin", password=PASSWORD)
    return lambda page: sign_in(page, webhook, "admin")


@pytest.fixture
def log_in_as(webhook: str, db: None) -> Callable[[Page, str], None]:
    """Return a function that logs a member of a group in at a page."""
    for group in Group.objects.all():
        User.objects.create_user(group.name, password=PASSWORD, is_staff=True).groups.add(group)
    return lambda page, group: sign_in(page, webhook, group)
