"""Finds credentials of app registrations that end with nothing to take over, and those that have been replaced."""

from collections.abc import Iterator
from datetime import datetime

from subscriptions.models import Alert, AppRegistration
from subscriptions.services.alerts.certificate_checks import STAGES, stage_at
from subscriptions.services.alerts.checks import Finding


def credentials_in_trouble(now: datetime) -> Iterator[Finding]:
    """Find both sorts."""
    yield from credentials_that_end(now)
    yield from credentials_that_took_over()


def credentials_that_took_over() -> Iterator[Finding]:
    """Find where Entra refused the credential in use and the next took over: nothing is left to do so once more.

    That is over when another next credential is entered, or the refused one is taken away.
    """
    refused = AppRegistration.objects.exclude(next_credential_type="").filter(
        next_credential_refused_at__isnull=False
    )
    for app_registration in refused.order_by("pk"):
        yield Finding(
            kind=Alert.Kind.CREDENTIAL_ENDS,
            key=f"{Alert.Kind.CREDENTIAL_ENDS}:{app_registration.pk}:refused",
            title=(
                f"Entra refused a credential of {app_registration}; the next took over on "
                f"{app_registration.next_credential_refused_at:%Y-%m-%d %H:%M} UTC"
            ),
            what_to_do=(
                "Nothing stops. Make another secret or certificate for the app in Entra, and enter it as the next "
                "credential of the app registration; or choose None there, if one is enough."
            ),
            app_registration=app_registration.pk,
        )


def credentials_that_end(now: datetime) -> Iterator[Finding]:
    """Find the app registrations that cannot sign in any more within 30 days; told again at 7 days and at the end.

    A secret's end is known only where it was entered. A next credential counts unless Entra refused it.
    """
    ending = AppRegistration.objects.filter(credential_expires_at__lte=now + STAGES[0])
    for app_registration in ending.order_by("credential_expires_at", "pk"):
        ends_at = _last_end(app_registration)
        if ends_at is not None and ends_at <= now + STAGES[0]:
            yield _finding(app_registration, ends_at, now=now)


def _last_end(app_registration: AppRegistration) -> datetime | None:
    """Return when the last of the credentials ends, if that is known."""
    has_next = app_registration.next_credential_type and not app_registration.next_credential_refused_at
    ends = [app_registration.credential_expires_at]
    if has_next:
        ends.append(app_registration.next_credential_expires_at)
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def _finding(app_registration: AppRegistration, ends_at: datetime, *, now: datetime) -> Finding:
    verb = "ended" if ends_at <= now else "ends"
    return Finding(
        kind=Alert.Kind.CREDENTIAL_ENDS,
        key=f"{Alert.Kind.CREDENTIAL_ENDS}:{app_registration.pk}",
        stage=stage_at(ends_at, now=now),
        title=f"The credential of {app_registration} {verb} on {ends_at:%Y-%m-%d %H:%M} UTC",
        what_to_do=(
            "Make a second secret or certificate for the app in Entra, and enter it as the next credential of the app "
            "registration. It takes over when the first is refused, so nothing stops."
        ),
        app_registration=app_registration.pk,
    )
