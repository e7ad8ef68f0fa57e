"""Turn what an administrator names into a subscription to be, and check it against Graph's rules first."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, get_args

from subscriptions import conf
from subscriptions.catalogue import entry_for, lifetimes, normalise, rules
from subscriptions.catalogue.rules import Access, Problem
from subscriptions.models import AppRegistration, DelegatedAccount, EncryptionCertificate, Subscription
from subscriptions.services import certificates
from subscriptions.services.errors import UseCaseError

CHANGE_TYPES = ("created", "updated", "deleted")
NAMES_SHOWN = 10
LONGEST_MINUTES = lifetimes.LONGEST_OF_ALL // timedelta(minutes=1)


class WrongWishError(UseCaseError):
    """Graph would refuse it, or it names something that is not here."""


def named(  # noqa: PLR0913 -- what a wish may say, all by name
    *,
    app: str,
    resource: str,
    change_type: str,
    is_rich: bool,
    certificate: str,
    minutes: int | None,
    now: datetime,
    account: str = "",
    options: Mapping[str, Any] | None = None,
) -> Subscription:
    """Return the unsaved subscription that these names describe; `account` is a user name, empty for the app itself.

    `options` are columns of `Subscription` for Graph's options, by name.

    Raises:
        WrongWishError: a name is unknown, or a rule of Graph is broken; the text names all that is wrong.

    """
    app_registration = AppRegistration.objects.filter(name=app).first()
    if app_registration is None:
        raise WrongWishError(f"There is no app registration named {app!r}.")
    if minutes is not None and not 0 < minutes <= LONGEST_MINUTES:
        raise WrongWishError(
            f"Ask for 1 to {LONGEST_MINUTES:,} minutes, or leave the minutes out for the longest."
        )
    subscription = Subscription(
        app_registration=app_registration,
        delegated_account=_account(account, app_registration),
        resource=resource,
        change_type=in_order(change_type),
        include_resource_data=is_rich,
        encryption_certificate=_certificate(certificate, is_rich=is_rich, now=now),
        lifetime_minutes=minutes,
        **(options or {}),
    )
    if subscription.fetch_content and (reason := why_not_to_fetch(subscription)):
        raise WrongWishError(f"Content cannot be fetched. {reason}")
    entry = entry_for(normalise(resource)) if _is_path(resource) else None
    if entry and entry.is_beta_only:
        subscription.api_version = Subscription.ApiVersion.BETA
    errors = [problem.message for problem in problems(subscription) if problem.is_error]
    if errors:
        raise WrongWishError(" ".join(errors))
    subscription.resource = normalise(resource)
    return subscription


def problems(subscription: Subscription) -> tuple[Problem, ...]:
    """Return what Graph's rules say against a subscription to be: errors first, then warnings."""
    minutes = subscription.lifetime_minutes
    lifecycle_url = subscription.lifecycle_notification_url or conf.configuration().lifecycle_notification_url
    return rules.check(
        rules.Wish(
            resource=subscription.resource,
            change_type=subscription.change_type,
            include_resource_data=subscription.include_resource_data,
            api_version=subscription.api_version,
            lifetime=None if minutes is None else timedelta(minutes=minutes),
            has_lifecycle_url=bool(lifecycle_url),
            access=access_of(subscription.delegated_account),
            cloud=subscription.app_registration.cloud,
            options=frozenset(option for option in get_args(rules.Option) if getattr(subscription, option)),
        )
    )


def why_not_to_fetch(subscription: Subscription) -> str:
    """Return why reading each changed item at Graph makes no sense for a subscription; empty where it does."""
    if subscription.include_resource_data:
        return "Content comes with the notifications already: leave this off."
    entry = entry_for(subscription.resource)
    if entry is not None and entry.names_no_item:
        return (
            "Graph tells that something changed there, not what: leave this off. The changed items become known by "
            "recovery (recover_changes)."
        )
    return ""


def access_of(account: DelegatedAccount | None) -> Access:
    """Return the kind of access to Graph that an account has, or the app itself without one."""
    if account is None:
        return "application"
    return "delegated_personal" if account.kind == DelegatedAccount.Kind.PERSONAL else "delegated_work"


def in_order(change_type: str) -> str:
    """Return the change types as Graph spells them, known ones in one order, so that one wish has one form."""
    given = [name.strip().lower() for name in change_type.split(",") if name.strip()]
    known = [name for name in CHANGE_TYPES if name in given]
    return ",".join([*known, *(name for name in given if name not in CHANGE_TYPES)])


def _is_path(resource: str) -> bool:
    try:
        normalise(resource)
    except ValueError:
        return False
    return True


def _account(name: str, app_registration: AppRegistration) -> DelegatedAccount | None:
    if not name:
        return None
    signed_in = app_registration.accounts.select_related("app_registration")
    found = list(signed_in.filter(username__iexact=name))
    if len(found) == 1:
        return found[0]
    if found:
        raise WrongWishError(
            f"{len(found)} accounts named {name!r} are signed in to {app_registration}. Use the admin to choose one."
        )
    names = ", ".join(signed_in.values_list("username", flat=True)[:NAMES_SHOWN]) or "none"
    raise WrongWishError(
        f"No account named {name!r} is signed in to {app_registration}. There is: {names}. "
        "Sign one in with the command sign_in, or in the admin."
    )


def _certificate(name: str, *, is_rich: bool, now: datetime) -> EncryptionCertificate | None:
    if not is_rich:
        if name:
            raise WrongWishError("A certificate is used for content only: add --rich, or leave it out.")
        return None
    usable = EncryptionCertificate.objects.usable(now)
    if not name:
        raise WrongWishError("Content needs an encryption certificate: name one with --certificate.")
    certificate = certificates.standing_for(name)
    if certificate is None or certificate not in usable:
        names = ", ".join(usable.values_list("encryption_certificate_id", flat=True)) or "none"
        raise WrongWishError(f"There is no active, valid certificate named {name!r}. There is: {names}.")
    return certificate
