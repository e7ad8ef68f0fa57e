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
