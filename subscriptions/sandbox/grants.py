"""What users have granted: authorization codes, device codes and refresh tokens."""

import base64
import hashlib
import secrets
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from subscriptions.sandbox.clock import Clock
from subscriptions.sandbox.errors import EntraProblem
from subscriptions.sandbox.tenants import User

CODE_LIFE = timedelta(minutes=10)
DEVICE_CODE_LIFE = timedelta(minutes=15)
REFRESH_TOKEN_LIFE = timedelta(days=90)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One thing that can be redeemed for tokens of a user, once one has agreed (`user` is set)."""

    client_id: str
    scopes: frozenset[str]
    issued_at: datetime
    user: User | None = None
    redirect_uri: str = ""
    nonce: str | None = None
    code_challenge: str = field(default="", repr=False)
    code_challenge_method: str = "plain"
    user_code: str = ""
    is_redeemed: bool = False
    is_refused: bool = False


class Grants:
    """All grants by the code or token that stands for them; safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: dict[str, Grant] = {}
        self._devices: dict[str, Grant] = {}
        self._refresh_tokens: dict[str, Grant] = {}

    def add_code(self, grant: Grant) -> str:
        """Keep a grant and return its authorization code."""
        return self._keep(self._codes, grant)

    def add_device(self, grant: Grant) -> str:
        """Keep a grant that waits for its user and return its device code."""
        return self._keep(self._devices, grant)

    def add_refresh_token(self, grant: Grant) -> str:
        """Keep a grant and return its refresh token."""
        return self._keep(self._refresh_tokens, grant)

    def redeem_code(self, code: str, *, client_id: str, redirect_uri: str, verifier: str) -> Grant:
        """Use up an authorization code.

        Raises:
            EntraProblem: it is unknown, used, expired, or belongs to another client, URI or verifier.
        """
        with self._lock:
            grant = self._codes.get(code)
            if grant is None or grant.client_id != client_id:
                raise _invalid("AADSTS70000: The provided authorization code is not valid.")
            if grant.is_redeemed:
                raise _invalid("AADSTS54005: OAuth2 Authorization code was already redeemed.")
            self._codes[code] = replace(grant, is_redeemed=True)
        if grant.issued_at + CODE_LIFE <= self._clock.now():
            raise _invalid("AADSTS70008: The provided authorization code has expired.")
        if grant.redirect_uri != redirect_uri:
            raise _invalid("AADSTS500112: The reply address does not match the one of the authorization.")
        if grant.code_challenge and _challenge(verifier, grant.code_challenge_method) != grant.code_challenge:
            raise _invalid("AADSTS501481: The Code_Verifier does not match the code_challenge.")
        return grant

    def redeem_device(self, code: str, *, client_id: str) -> Grant:
        """Use up a device code that its user has approved.

        Raises:
            EntraProblem: approval is still awaited, was refused, or the code is expired or unknown.
        """
        with self._lock:
            grant = self._devices.get(code)
            if grant is None or grant.client_id != client_id or grant.is_redeemed:
                raise EntraProblem(
                    error="bad_verification_code",
                    description="AADSTS70018: Bad verification code received.",
                )
            if grant.issued_at + DEVICE_CODE_LIFE <= self._clock.now():
                raise EntraProblem(error="expired_token", description="AADSTS70020: The device code expired.")
            if grant.is_refused:
                text = "AADSTS70017: The user has denied the authorization."
                raise EntraProblem(error="authorization_declined", description=text)
            if grant.user is None:
                text = "AADSTS70016: OAuth 2.0 device flow error. Authorization is pending. Continue polling."
                raise EntraProblem(error="authorization_pending", description=text)
            self._devices[code] = replace(grant, is_redeemed=True)
            return grant

    def redeem_refresh_token(self, token: str, *, client_id: str) -> Grant:
        """Return the grant behind a refresh token, which stays good as Entra's do.

        Raises:
            EntraProblem: it is unknown, expired or revoked.
        """
        with self._lock:
            grant = self._refresh_tokens.get(token)
        if grant is None or grant.client_id != client_id:
            raise _invalid("AADSTS70000: The provided refresh token is not valid.")
        if grant.is_refused:
            raise _invalid("AADSTS50173: The provided grant has expired due to it being revoked.")
        if grant.issued_at + REFRESH_TOKEN_LIFE <= self._clock.now():
            raise _invalid("AADSTS700082: The refresh token has expired due to inactivity.")
        return grant

    def answer_device(self, user_code: str, user: User | None) -> bool:
        """Approve a device code as this user, or refuse it with None; return whether the code is known."""
        with self._lock:
            for code, grant in self._devices.items():
                if secrets.compare_digest(grant.user_code.encode(), user_code.strip().upper().encode()):
                    self._devices[code] = replace(grant, user=user, is_refused=user is None)
                    return True
        return False

    def revoke(self, user_id: str) -> None:
        """End all of a user's refresh tokens, as a change of password does."""
        with self._lock:
            for token, grant in self._refresh_tokens.items():
                if grant.user is not None and grant.user.id == user_id:
                    self._refresh_tokens[token] = replace(grant, is_refused=True)

    def _keep(self, shelf: dict[str, Grant], grant: Grant) -> str:
        token = secrets.token_urlsafe(32)
        with self._lock:
            shelf[token] = grant
        return token


def _challenge(verifier: str, method: str) -> str:
    if method == "plain":
        return verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _invalid(description: str) -> EntraProblem:
    return EntraProblem(error="invalid_grant", description=description)
