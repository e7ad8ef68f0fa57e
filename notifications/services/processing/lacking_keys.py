"""What in the inbox needs the private key of an encryption certificate."""

from datetime import datetime

from notifications.models import ChangeNotification, Delivery
from notifications.services.holds import held
from subscriptions.models import EncryptionCertificate
from subscriptions.services.certificate_needs import Need

State = ChangeNotification.State


def need_of(certificate: EncryptionCertificate, until: datetime) -> Need:
    """Count what names the certificate and is not opened, and what came before `until` and was never looked into."""
    naming = ChangeNotification.objects.filter(
        encryption_certificate_id=certificate.encryption_certificate_id
    )
    return Need(
        waiting=naming.filter(state=State.WAITING).count(),
        given_up=naming.filter(state=State.DEAD).count(),
        held=naming.filter(held.notifications(), state__in=(State.WAITING, State.DEAD)).count(),
        unread=Delivery.objects.filter(state=Delivery.State.QUEUED, received_at__lte=until).count(),
    )
