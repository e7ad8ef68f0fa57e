"""A browser with which somebody signs in at the stand-in."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from subscriptions.models import AppRegistration, DelegatedAccount
from subscriptions.sandbox import Sandbox
from subscriptions.services.access import accounts

REDIRECT_URI = "http://127.0.0.1:8000/admin/subscriptions/delegatedaccount/callback/"

Browser = Callable[[str, str], dict[str, str]]


@pytest.fixture
def browser(sandbox: Sandbox) -> Browser:
    """Return a function that signs a user in at an address and returns what the browser brings back."""

    def sign_in(address: str, username: str) -> dict[str, str]:
        answer = requests.post(
            address,
            data={"username": username},
            verify=str(sandbox.ca_bundle),
            timeout=60,
            allow_redirects=False,
        )
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    return sign_in


@pytest.fixture
def sign_in(
    app_registration: AppRegistration, sandbox: Sandbox, browser: Browser
) -> Callable[..., DelegatedAccount]:
    """Return a function that signs an account in: the stand-in's first user, unless another is named."""

    def make(*permissions: str, username: str = "", kind: str = "work") -> DelegatedAccount:
        pending = accounts.begin(
            app_registration,
            kind=kind,
            permissions=("User.Read", *permissions),
            redirect_uri=REDIRECT_URI,
            expected=None,
            now=datetime.now(UTC),
        )
        answer = browser(pending.address, username or sandbox.users[0].username)
        return accounts.finish(pending.kept, unverified_answer=answer, now=datetime.now(UTC))

    return make
