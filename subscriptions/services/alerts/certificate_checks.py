"""Finds encryption certificates that end while Graph still encrypts with them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from subscriptions.models import Alert, EncryptionCertificate, Subscription
from subscriptions.services.alerts.checks import Finding

# Time to make a new one and move subscriptions at ease; then time to hurry; then it has ended.
STAGES = (timedelta(days=30), timedelta(days=7), timedelta(0))


def certificates_that_end(now: datetime) -> Iterator[Finding]:
    """Find the certificates in use that end within 30 days; told again at 7 days and at the end."""
    in_use = Subscription.objects.filter(is_enabled=True).exclude(status=Subscription.Status.REMOVED)
    ending = EncryptionCertificate.objects.filter(
        Exists(in_use.filter(encryption_certificate=OuterRef("pk"))), not_after_at__lte=now + STAGES[0]
    )
    for certificate in ending.order_by("not_after_at", "pk"):
        users = frozenset(in_use.filter(encryption_certificate=certificate).values_list("pk", flat=True))
        stage = stage_at(certificate.not_after_at, now=now)
        verb = "ended" if certificate.not_after_at <= now else "ends"
        yield Finding(
            kind=Alert.Kind.CERTIFICATE_ENDS,
            key=f"{Alert.Kind.CERTIFICATE_ENDS}:{certificate.pk}",
            stage=stage,
            title=f"The encryption certificate {certificate} {verb} on {certificate.not_after_at:%Y-%m-%d %H:%M} UTC",
            what_to_do=(
                f"Graph encrypts for it what {len(users):,} subscription(s) bring. Open it and choose Rotate: a new "
                "certificate takes its place, and the subscriptions move to it as they are renewed."
            ),
            encryption_certificate=certificate.pk,
            subscriptions=users,
        )


def stage_at(ends_at: datetime, *, now: datetime) -> int:
    """Say how many of the stages something that ends is past; the first counts as none."""
    return sum(ends_at - now <= stage for stage in STAGES[1:])
