"""Test connection: really gets a token and calls Graph, and says in plain words what is wrong."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from subscriptions.graph.errors import AccessDeniedError, GraphError, TokenRefusedError
from subscriptions.graph.tokens import unverified_claims_of
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models import AppRegistration, DelegatedAccount, Operation
from subscriptions.services import permissions
from subscriptions.services.access import credentials
from subscriptions.services.access.clients import access_token, account_token, client_for, token_by
from subscriptions.services.errors import UseCaseError
from subscriptions.services.operations import CallLog
from subscriptions.services.outcomes import told
from subscriptions.services.permissions import PermissionReport

SHOWN_PERMISSIONS = 8
CHANGED_PLACES = (
    " Entra refused the credential that was in use and took the next one, which is in use from now on. "
    "Remove the refused one."
)


@dataclass(frozen=True, kw_only=True)
class ConnectionReport:
    """What the test found; `message` may be shown to staff."""

    succeeded: bool
    message: str


def test_connection(app_registration: AppRegistration, *, now: datetime, actor: str) -> ConnectionReport:
    """Get a fresh token, list the app's own subscriptions, and keep the outcome on the row.

    A next credential is tried too; where Entra refuses the one in use and takes the next, they change places.
    """
    before = app_registration.client_secret, app_registration.credential_private_key
    report = _try(app_registration, actor=actor)
    has_changed = before != (app_registration.client_secret, app_registration.credential_private_key)
    note = CHANGED_PLACES if has_changed else _word_on_next(app_registration, now=now)
    report = replace(report, message=f"{report.message}{note}")
    app_registration.checked_at = now
    app_registration.check_succeeded = report.succeeded
    app_registration.check_message = report.message
    app_registration.save(update_fields=["checked_at", "check_succeeded", "check_message"])
    return report


def test_account(account: DelegatedAccount, *, actor: str) -> ConnectionReport:
    """Get a fresh token of a signed-in account without the user, and list the account's own subscriptions."""
    app_registration = account.app_registration
    log = CallLog(Operation.Action.TEST, actor=actor, app_registration=app_registration, subscription=None)
    try:
        token = account_token(account, force=True)
        subscriptions = client_for(app_registration, account=account, on_call=log).list_subscriptions()
    except (GraphError, UseCaseError) as error:
        return ConnectionReport(succeeded=False, message=told(error))
    claims = unverified_claims_of(token.value)
    scopes = str(claims.get("scp") or "").split()
    known = (
        f"The account has {len(subscriptions)} subscription{'' if len(subscriptions) == 1 else 's'} at Graph."
    )
    listed = _listed(sorted(scopes)) if scopes else "not told"
    # Tokens of personal accounts may be unreadable for all but Graph.
    lacking = _lacking(permissions.reports_for(claims, app_registration, account)) if claims else ""
    return ConnectionReport(
        succeeded=True, message=f"Connected. {known} Delegated permissions in the token: {listed}.{lacking}"
    )


def _word_on_next(app_registration: AppRegistration, *, now: datetime) -> str:
    """Sign in with the next credential alone, keep whether it was refused, and say so; begins with a blank if any."""
    refused_at, word = None, " The next credential works too."
    try:
        credential = credentials.upcoming(app_registration)
        if credential is None:
            return ""
        token_by(app_registration, credential, force=True)
    except TokenRefusedError as error:
        refused_at, word = now, f" The next credential is refused: {told(error)}"
    except (GraphError, UseCaseError) as error:
        return f" The next credential could not be tried: {told(error)}"
    app_registration.next_credential_refused_at = refused_at
    app_registration.save(update_fields=["next_credential_refused_at"])
    return word


def _try(app_registration: AppRegistration, *, actor: str) -> ConnectionReport:
    log = CallLog(Operation.Action.TEST, actor=actor, app_registration=app_registration, subscription=None)
    try:
        token = access_token(app_registration, force=True)
        client = client_for(app_registration, on_call=log)
        subscriptions = client.list_subscriptions()
    except AccessDeniedError as error:
        return ConnectionReport(
            succeeded=False,
            message=(
                f"Signing in works, but Graph refuses to list subscriptions ({error}). Grant the read permission of "
                "what you want to watch as an application permission, and give admin consent."
            ),
        )
    except (GraphError, UseCaseError, FieldDecryptionError) as error:
        return ConnectionReport(succeeded=False, message=told(error))
    claims = unverified_claims_of(token.value)
    lacking = _lacking(permissions.reports_for(claims, app_registration))
    return ConnectionReport(
        succeeded=True, message=_success(len(subscriptions), claims.get("roles")) + lacking
    )


def _success(count: int, roles: object) -> str:
    known = f"The app has {count} subscription{'' if count == 1 else 's'} at Graph."
    if isinstance(roles, list) and roles:
        return f"Connected. {known} Application permissions in the token: {_listed(sorted(map(str, roles)))}."
    return (
        f"Connected. {known} The token carries no application permission yet: in the Entra admin center, open the "
        "app's API permissions, add Microsoft Graph application permissions and grant admin consent."
    )


def _lacking(reports: Iterable[PermissionReport]) -> str:
    """Say which permissions the subscriptions need and the token does not carry; begins with a blank if any."""
    lacking = [report for report in reports if report.missing]
    if not lacking:
        return ""
    names = tuple(sorted({name for report in lacking for name in report.missing}))
    return f" Missing for its subscriptions: {', '.join(names)}. {permissions.how_to_grant(names, lacking[0].access)}"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN_PERMISSIONS])
    more = len(names) - SHOWN_PERMISSIONS
    return f"{shown} and {more} more" if more > 0 else shown
