"""Whether certificates have expired or will soon: those that Graph encrypts with, and those we sign in with."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from subscriptions.keys import certificates
from subscriptions.keys.certificates import UnusableCertificateError
from subscriptions.models import AppRegistration, EncryptionCertificate, Subscription
from subscriptions.services import findings
from subscriptions.services.findings import Finding

ENCRYPTION = "encryption certificates"
CREDENTIAL = "credential certificate"
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
                advice="Make a new certificate and move the subscriptions to it: Graph refuses one that has expired.",
            )


def of_credential(app_registration: AppRegistration, *, now: datetime) -> Iterator[Finding]:
    """Look at the certificate with which the app signs in, if it has one."""
    if app_registration.credential_type != AppRegistration.CredentialType.CERTIFICATE:
        return
    name = app_registration.name
    advice = "Make a new certificate, upload its public part to the app in Entra, and put it on the app registration."
    try:
        facts = certificates.describe(app_registration.credential_certificate)
    except UnusableCertificateError as error:
        yield findings.error(CREDENTIAL, name, str(error), advice)
        return
    yield _judged(CREDENTIAL, name, facts.not_after_at, now=now, advice=advice)


def _judged(check: str, subject: str, not_after_at: datetime, *, now: datetime, advice: str) -> Finding:
    day = f"{not_after_at:%Y-%m-%d}"
    if not_after_at <= now:
        return findings.error(check, subject, f"The certificate expired on {day}.", advice)
    if not_after_at - now <= SOON:
        left = (not_after_at - now).days
        return findings.warning(check, subject, f"The certificate expires on {day}, in {left} days.", advice)
    return findings.good(check, subject, f"The certificate is valid until {day}.")
