"""Tokens of signed-in accounts: got without the user, with the newest refresh token kept."""

from datetime import datetime

from subscriptions.graph import sign_in
from subscriptions.graph.sign_in import Refreshed, SignInApp, SignInNeededError
from subscriptions.graph.tokens import AccessToken
from subscriptions.models import DelegatedAccount

# Each try but the last is lost to another process that wrote in between.
TRIES = 3
PROBLEM_LENGTH = 2000


def access_token(account_pk: int, app: SignInApp, *, force: bool, now: datetime) -> AccessToken:
    """Return a token of the account, from its cache while one lasts; `force` gets a fresh one.

    The row is read anew, because another process may have put a newer refresh token there. Only the user can mend a
    `SignInNeededError`: the account is marked so, and unmarked by the next token.

    Raises:
        SignInNeededError: the account has to sign in again.
        GraphError: no token is to be had now.
        FieldDecryptionError: FIELD_ENCRYPTION_KEYS lacks the key with which the cache was saved.

    """
    account = DelegatedAccount.objects.get(pk=account_pk)
    for _ in range(TRIES - 1):
        try:
            refreshed = sign_in.acquire_silently(app, account.token_cache.reveal(), force=force, now=now)
        except SignInNeededError as error:
            if _mark(account, error):
                raise
            # What was refused is an old token: somebody has kept another one meanwhile.
            account = DelegatedAccount.objects.get(pk=account_pk)
            continue
        _keep(account, refreshed)
        return refreshed.access_token
    return sign_in.acquire_silently(app, account.token_cache.reveal(), force=force, now=now).access_token


class Session:
    """An account's tokens during a run: got in any thread without the database, kept by the thread that has it."""

    def __init__(self, account: DelegatedAccount) -> None:
        """Read what is kept now.

        Raises:
            FieldDecryptionError: FIELD_ENCRYPTION_KEYS lacks the key with which the cache was saved.

        """
        self._account = DelegatedAccount.objects.select_related("app_registration").get(pk=account.pk)
        self._token_cache = self._account.token_cache.reveal()
        self._refreshed: Refreshed | None = None
        self._refusal: SignInNeededError | None = None

    def acquire(self, app: SignInApp, *, force: bool, now: datetime) -> AccessToken:
        """Return a token of the account; one thread at a time.

        Raises:
            SignInNeededError: the account has to sign in again, unless `keep` says otherwise.
            GraphError: no token is to be had now.

        """
        try:
            refreshed = sign_in.acquire_silently(app, self._token_cache, force=force, now=now)
        except SignInNeededError as error:
            self._refusal = error
            raise
        self._token_cache, self._refreshed = refreshed.token_cache, refreshed
        return refreshed.access_token

    def keep(self) -> bool:
        """Write what came of it; False says that what was refused is old, and somebody has kept another one."""
        refreshed, self._refreshed = self._refreshed, None
        if refreshed:
            _keep(self._account, refreshed)
            self._account.refresh_from_db()
        refusal, self._refusal = self._refusal, None
        return refusal is None or _mark(self._account, refusal)


def _mark(account: DelegatedAccount, error: SignInNeededError) -> bool:
    """Mark that the account has to sign in again; say whether its cache was still the one that failed."""
    problem = f"{error} {error.explanation}"[:PROBLEM_LENGTH]
    unchanged = DelegatedAccount.objects.filter(pk=account.pk, token_cache=account.token_cache)
    return unchanged.update(needs_sign_in=True, problem=problem) == 1


def _keep(account: DelegatedAccount, refreshed: Refreshed) -> None:
    """Write the cache back unless somebody has kept a refresh token that was received later."""
    for _ in range(TRIES):
        if refreshed.token_cache == account.token_cache.reveal() and not account.needs_sign_in:
            return
        unchanged = DelegatedAccount.objects.filter(pk=account.pk, token_cache=account.token_cache)
        if unchanged.update(token_cache=refreshed.token_cache, needs_sign_in=False, problem=""):
            return
        signed_in_at = account.signed_in_at
        account.refresh_from_db()
        # Who signed in again has perhaps allowed more, which an older refresh token does not carry.
        if account.signed_in_at != signed_in_at or not sign_in.is_newer(
            refreshed.token_cache, account.token_cache.reveal()
        ):
            return
