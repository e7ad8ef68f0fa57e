"""Accounts sign in, are proven, kept, refreshed and asked to sign in again."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import connection

from subscriptions.graph import sign_in as flows
from subscriptions.graph.errors import GraphError, TokenRefusedError
from subscriptions.graph.id_tokens import PERSONAL_TENANT_ID, IdTokenRefusedError
from subscriptions.graph.sign_in import SignInNeededError, WrongAnswerError
from subscriptions.models import AppRegistration, DelegatedAccount, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import accounts, clients
from subscriptions.services.accounts import PendingSignIn, SignInRefusedError

REDIRECT_URI = "http://127.0.0.1:8000/admin/subscriptions/delegatedaccount/callback/"

Browser = Callable[[str, str], dict[str, str]]
SignIn = Callable[..., DelegatedAccount]

pytestmark = pytest.mark.django_db


@pytest.fixture
def begin(app_registration: AppRegistration) -> Callable[..., PendingSignIn]:
    def begin(**changes: Any) -> PendingSignIn:
        values: dict[str, Any] = {
            "kind": "work",
            "permissions": ("User.Read",),
            "redirect_uri": REDIRECT_URI,
            "expected": None,
            "now": datetime.now(UTC),
        }
        return accounts.begin(app_registration, **(values | changes))

    return begin


def finish(
    kept: dict[str, Any] | None, answer: dict[str, str], *, now: datetime | None = None
) -> DelegatedAccount:
    return accounts.finish(kept, unverified_answer=answer, now=now or datetime.now(UTC))


def test_a_work_account_signs_in(sign_in: SignIn, sandbox: Sandbox) -> None:
    account = sign_in("Presence.Read.All")

    user = sandbox.users[0]
    assert (account.username, account.kind) == (user.username, "work")
    assert account.home_account_id == f"{user.id}.{sandbox.tenant_id}"
    assert accounts.granted_permissions(account) == ("Presence.Read.All", "User.Read")
    assert not account.needs_sign_in


def test_a_token_of_the_account_is_got_without_the_user(sign_in: SignIn, sandbox: Sandbox) -> None:
    account = sign_in("Presence.Read.All")
    asked = len(sandbox.requests)

    token = clients.account_token(account)

    assert jwt.decode(token.value, options={"verify_signature": False})["oid"] == sandbox.users[0].id
    assert len(sandbox.requests) == asked


def test_a_forced_token_is_fresh_and_the_cache_is_kept(sign_in: SignIn) -> None:
    account = sign_in("Presence.Read.All")
    first = clients.account_token(account).value

    forced = clients.account_token(account, force=True).value

    assert forced != first
    assert clients.account_token(account).value == forced
    assert "Presence.Read.All" in jwt.decode(forced, options={"verify_signature": False})["scp"]
