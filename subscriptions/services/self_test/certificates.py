"""Whether what Graph encrypts with, and what we sign in with, has expired or will soon."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from subscriptions.models import AppRegistration, EncryptionCertificate, Subscription
from subscriptions.services import findings
from subscriptions.services.findings import Finding

ENCRYPTION = "encryption certificates"
CREDENTIAL = "credential expiry"
SOON = timedelta(days=30)


def check(*, now: datetime) -> Iterator[Finding]:
    """Look at the encryption certificates that are active, or with which a subscription is at Graph."""
    at_graph = Subscription.objects.filter(status=Subscription.Status.ACTIVE)
    used = set(at_graph.values_list("encryption_certificate_id", flat=True).distinct())
    for certificate in EncryptionCertificate.objects.defer("certificate", "private_key"):
        if certificate.pk in used or certificate.state == EncryptionCertificate.State.ACTIVE:
            yield _judged(
                ENCRYPTION,
                certificate.encryption_certificate_id,
                certificate.not_after_at,
                now=now,
                advice="Open it and choose Rotate, or run rotate_certificate: Graph refuses one that has expired.",
            )


def of_credential(app_registration: AppRegistration, *, now: datetime) -> Iterator[Finding]:
    """Look at the credential with which the app signs in, if it is known when that one ends."""
    if app_registration.credential_expires_at is None:
        return
    yield _judged(
        CREDENTIAL,
        app_registration.name,
        app_registration.credential_expires_at,
        what=app_registration.get_credential_type_display().lower(),
        now=now,
        advice=(
            "Make a second one for the app in Entra, and enter it as the next credential of the app registration: it "
            "takes over when this one is refused."
        ),
    )


def _judged(
    check: str,
    subject: str,
    not_after_at: datetime,
    *,
    now: datetime,
    advice: str,
    what: str = "certificate",
) -> Finding:
    day = f"{not_after_at:%Y-%m-%d}"
    if not_after_at <= now:
        return findings.error(check, subject, f"The {what} expired on {day}.", advice)
    if not_after_at - now <= SOON:
        left = (not_after_at - now).days
        return findings.warning(check, subject, f"The {what} expires on {day}, in {left} days.", advice)
    return findings.good(check, subject, f"The {what} is valid until {day}.")
