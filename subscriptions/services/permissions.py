"""Says which of Graph's permissions a resource needs, and whether a token carries one of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from subscriptions import catalogue
from subscriptions.catalogue import Permissions
from subscriptions.catalogue.rules import Access
from subscriptions.graph.tokens import unverified_claims_of
from subscriptions.models import AppRegistration, DelegatedAccount, Subscription
from subscriptions.services.access.clients import access_token, account_token
from subscriptions.services.wishes import access_of

# A team, chat or user grants these one by one; they are no part of the app's token.
# Source: Microsoft Learn, the permission tables on subscription-post-subscriptions.md (2026-05-05).
_RESOURCE_SPECIFIC = (".Group", ".Chat", ".User")


@dataclass(frozen=True, kw_only=True)
class PermissionReport:
    """What a token carries of the permissions for one resource; one of them is enough.

    `least` is the least privileged that can be granted for the whole tenant, empty where Microsoft's pages name
    none. `missing` holds it when the token carries none. `may_be_granted_elsewhere` says that the owner of a
    team or chat may have granted what the token cannot show.
    """

    resource: str
    access: Access
    present: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    least: str = ""
    may_be_granted_elsewhere: bool = False
    advice: str = ""

    @property
    def is_known(self) -> bool:
        """Say whether Microsoft's pages name a permission for this access."""
        return bool(self.least)


def missing_permissions(
    unverified_claims: Mapping[str, Any], resource: str, access: Access = "application"
) -> PermissionReport:
    """Compare what a token says of itself (`roles`, `scp`) with what watching `resource` needs.

    Source: Microsoft Learn, the create pages that the catalogue's entries name.
    """
    entry = catalogue.entry_for(resource)
    names = _names(entry.permissions, access) if entry else None
    if not names:
        return PermissionReport(resource=resource, access=access, advice=_unknown(names, access))
    granted = granted_in(unverified_claims, access)
    present = tuple(name for name in names if name in granted)
    tenant_wide = [name for name in names if not name.endswith(_RESOURCE_SPECIFIC)]
    least = (tenant_wide or names)[0]
    return PermissionReport(
        resource=resource,
        access=access,
        present=present,
        missing=() if present else (least,),
        least=least,
        may_be_granted_elsewhere=not present and len(tenant_wide) < len(names),
        advice="" if present else how_to_grant((least,), access),
    )


def permissions_held(
    app_registration: AppRegistration, *, account: DelegatedAccount | None, resource: str
) -> PermissionReport:
    """Get a token as the app, or as the account that signed in to it, and say what it permits for `resource`.

    Raises:
        GraphError, UseCaseError: no token is to be had.

    """
    token = account_token(account) if account else access_token(app_registration)
    return missing_permissions(unverified_claims_of(token.value), resource, access_of(account))


def reports_for(
    unverified_claims: Mapping[str, Any],
    app_registration: AppRegistration,
    account: DelegatedAccount | None = None,
) -> list[PermissionReport]:
    """Compare a token with what the subscriptions need that the app, or one of its accounts, keeps alive."""
    wanted = app_registration.subscriptions.filter(delegated_account=account, is_enabled=True)
    wanted = wanted.exclude(status=Subscription.Status.REMOVED)
    return [
        missing_permissions(unverified_claims, resource, access_of(account))
        for resource in sorted(wanted.values_list("resource", flat=True).distinct())
    ]


def granted_in(unverified_claims: Mapping[str, Any], access: Access) -> frozenset[str]:
    """Return the permissions that a token says it carries: roles for an app, scopes for a signed-in user."""
    if access == "application":
        roles = unverified_claims.get("roles")
        return frozenset(map(str, roles)) if isinstance(roles, list) else frozenset()
    return frozenset(str(unverified_claims.get("scp") or "").split())


def how_to_grant(names: tuple[str, ...], access: Access) -> str:
    """Say where in Entra's portal an administrator adds the permissions."""
    wanted = ", ".join(names)
    if access == "application":
        return (
            "In the Entra admin center, open App registrations > your app > API permissions > Add a permission > "
            f"Microsoft Graph > Application permissions, add {wanted}, then choose Grant admin consent."
        )
    return (
        "In the Entra admin center, open App registrations > your app > API permissions > Add a permission > "
        f"Microsoft Graph > Delegated permissions and add {wanted}. Then let the account sign in again and ask for it."
    )


def _names(permissions: Permissions, access: Access) -> tuple[str, ...] | None:
    match access:
        case "application":
            return permissions.application
        case "delegated_work":
            return permissions.delegated_work
        case "delegated_personal":
            return permissions.delegated_personal


def _unknown(names: tuple[str, ...] | None, access: Access) -> str:
    if names is None:
        return "Microsoft's pages do not say which permission this needs. Graph tells when the subscription is created."
    if access == "application":
        return "Graph offers this to signed-in users only: choose a signed-in account for it."
    return "Graph does not offer this to this kind of account. Watch it as the app itself, or with another account."
