"""Whether an app registration and its accounts can sign in, and may do what their subscriptions need."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import jwt

from subscriptions.graph.errors import GraphError
from subscriptions.graph.tokens import AccessToken, unverified_claims_of
from subscriptions.models import AppRegistration, DelegatedAccount, Operation
from subscriptions.services import findings, permissions
from subscriptions.services.access.clients import access_token, account_token, client_for
from subscriptions.services.errors import UseCaseError
from subscriptions.services.findings import Finding
from subscriptions.services.operations import CallLog
from subscriptions.services.permissions import PermissionReport
from subscriptions.services.self_test import certificates
from subscriptions.services.wishes import access_of

CREDENTIALS = "credentials"
PERMISSIONS = "permissions"
SUBSCRIPTIONS = "subscriptions"
SHOWN_RESOURCES = 3


def check(app_registration: AppRegistration, *, now: datetime, actor: str) -> Generator[Finding, None, str]:
    """Sign in as the app and as each of its accounts, and look at permissions and subscriptions.

    Returns the id of the key that signed the app's token, empty if there is no token.
    """
    name = app_registration.name
    yield from certificates.of_credential(app_registration, now=now)
    key_id = ""
    try:
        token = access_token(app_registration, force=True)
    except (GraphError, UseCaseError) as error:
        yield _failed(CREDENTIALS, name, error)
    else:
        key_id = _key_id_of(token)
        yield findings.good(CREDENTIALS, name, "The app signs in.")
        yield from _permissions(name, unverified_claims_of(token.value), app_registration, None)
        yield _listed(app_registration, actor=actor)
    for account in app_registration.accounts.select_related("app_registration"):
        yield from _account(account)
    return key_id


def not_ready(app_registration: AppRegistration, error: UseCaseError) -> Finding:
    """Say that nothing can be asked in the name of the app registration."""
    return _failed(CREDENTIALS, app_registration.name, error)


def _account(account: DelegatedAccount) -> Iterator[Finding]:
    subject = f"{account.app_registration}: {account}"
    try:
        token = account_token(account, force=True)
    except (GraphError, UseCaseError) as error:
        yield _failed(CREDENTIALS, subject, error)
        return
    yield findings.good(CREDENTIALS, subject, "A token is to be had without the user.")
    claims = unverified_claims_of(token.value)
    # Tokens of personal accounts may be unreadable for all but Graph.
    if claims:
        yield from _permissions(subject, claims, account.app_registration, account)


def _listed(app_registration: AppRegistration, *, actor: str) -> Finding:
    log = CallLog(Operation.Action.TEST, actor=actor, app_registration=app_registration, subscription=None)
    try:
        subscriptions = client_for(app_registration, on_call=log).list_subscriptions()
    except (GraphError, UseCaseError) as error:
        return _failed(SUBSCRIPTIONS, app_registration.name, error)
    return findings.good(
        SUBSCRIPTIONS, app_registration.name, f"Graph lists the app's subscriptions: {len(subscriptions)}."
    )


def _permissions(
    subject: str,
    claims: Mapping[str, Any],
    app_registration: AppRegistration,
    account: DelegatedAccount | None,
) -> Iterator[Finding]:
    reports = permissions.reports_for(claims, app_registration, account)
    lacking = [report for report in reports if report.missing]
    for names in dict.fromkeys(report.missing for report in lacking):
        yield _missing(subject, [report for report in lacking if report.missing == names])
    if lacking:
        return
    access = access_of(account)
    granted = permissions.granted_in(claims, access)
    if not granted:
        yield findings.warning(
            PERMISSIONS,
            subject,
            "The token carries no permission yet.",
            permissions.how_to_grant(("the permission of what you want to watch",), access),
        )
        return
    yield findings.good(PERMISSIONS, subject, _sufficient(reports, count=len(granted)))


def _sufficient(reports: list[PermissionReport], *, count: int) -> str:
    used = sorted({name for report in reports for name in report.present})
    if not used:
        return (
            f"The token carries {count} permission{'' if count == 1 else 's'}; no subscription needs one yet."
        )
    return f"The token carries what the subscriptions need: {', '.join(used)}."


def _missing(subject: str, reports: list[PermissionReport]) -> Finding:
    first = reports[0]
    # What the owners of teams and chats grant is not in the token.
    is_certain = not all(report.may_be_granted_elsewhere for report in reports)
    make = findings.error if is_certain else findings.warning
    certainty = "" if is_certain else " unless the owner of the team or chat has granted it there"
    return make(
        PERMISSIONS,
        subject,
        f"{', '.join(first.missing)} is missing{certainty}: needed by {_shown(report.resource for report in reports)}.",
        first.advice,
    )


def _shown(resources: Iterable[str]) -> str:
    names = list(resources)
    more = len(names) - SHOWN_RESOURCES
    shown = ", ".join(names[:SHOWN_RESOURCES])
    return f"{shown} and {more} more" if more > 0 else shown


def _failed(check: str, subject: str, error: Exception) -> Finding:
    advice = error.explanation if isinstance(error, GraphError) else ""
    return findings.error(check, subject, str(error), advice)


def _key_id_of(token: AccessToken) -> str:
    try:
        return str(jwt.get_unverified_header(token.value).get("kid") or "")
    except jwt.InvalidTokenError:
        return ""
