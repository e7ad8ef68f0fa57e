"""Encryption certificates: make, import, and hand out the loaded private key."""

from datetime import datetime
from functools import lru_cache
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from subscriptions.graph.documents import RemoteSubscription
from subscriptions.keys import certificates
from subscriptions.keys.certificates import KeyPair
from subscriptions.models import EncryptionCertificate, Subscription

LOADED_KEYS = 64
KeySize = Literal[2048, 3072, 4096]


def generate(encryption_certificate_id: str, *, key_size: KeySize, now: datetime) -> EncryptionCertificate:
    """Make a key pair with a self-signed certificate, valid for two years, and save it.

    `key_size` is 2048, 3072 or 4096 bits.

    Raises:
        UnusableCertificateError: Graph would not take such a key.
        ValidationError: the name is not fit or taken.

    """
    pair = certificates.generate(encryption_certificate_id, key_size=key_size, now=now)
    return save(encryption_certificate_id, pair)


def save(encryption_certificate_id: str, pair: KeyPair) -> EncryptionCertificate:
    """Save a key pair under the name that Graph will repeat in each notification.

    Raises:
        ValidationError: the name is not fit or taken, or the certificate is here under another name.

    """
    certificate = EncryptionCertificate(encryption_certificate_id=encryption_certificate_id)
    fill(certificate, pair)
    # A certificate may name its owner elsewhere than in the subject.
    certificate.full_clean(exclude={"subject"})
    certificate.save(force_insert=True)
    return certificate


def fill(certificate: EncryptionCertificate, pair: KeyPair) -> None:
    """Set the columns that follow from a key pair."""
    facts = certificates.describe(pair.certificate_pem)
    certificate.certificate = pair.certificate_pem
    certificate.private_key = pair.private_key_pem
    certificate.thumbprint = facts.thumbprint
    certificate.subject = facts.subject[:500]
    certificate.key_size = facts.key_size
    certificate.not_before_at = facts.not_before_at
    certificate.not_after_at = facts.not_after_at


def wished_for(subscription: Subscription) -> EncryptionCertificate | None:
    """Return the certificate with which Graph shall encrypt, if the subscription is one with content."""
    return subscription.encryption_certificate if subscription.include_resource_data else None


def standing_for(encryption_certificate_id: str) -> EncryptionCertificate | None:
    """Return the certificate of a name, or the one that has taken its place, so that scripts outlive a rotation."""
    found = EncryptionCertificate.objects.filter(encryption_certificate_id=encryption_certificate_id).first()
    while found and found.state != EncryptionCertificate.State.ACTIVE and found.replaced_by:
        found = found.replaced_by
    return found


def to_be_sent(subscription: Subscription, *, now: datetime) -> EncryptionCertificate | None:
    """Return the certificate that Graph does not encrypt with yet and shall at `now`; none that has expired."""
    wished = wished_for(subscription)
    if wished is None or wished.pk == subscription.certificate_at_graph_id:
        return None
    return wished if wished.is_valid_at(now) else None


def public_base64(certificate: EncryptionCertificate) -> str:
    """Return the public part as Graph wants it."""
    return certificates.public_base64(certificate.certificate)


def mark_used(certificate: EncryptionCertificate, *, now: datetime) -> None:
    """Keep when Graph is first told of it: from then on its name must never mean another key."""
    if certificate.first_used_at is None:
        EncryptionCertificate.objects.filter(pk=certificate.pk, first_used_at=None).update(first_used_at=now)


def at_graph(
    remote: RemoteSubscription, *, sent: EncryptionCertificate | None
) -> EncryptionCertificate | None:
    """Return with which certificate Graph encrypts: the one that its answer names, else the one that it was sent.

    None where Graph names one that is not here.
    """
    named = remote.encryption_certificate_id
    if not named or (sent and sent.encryption_certificate_id == named):
        return sent
    return EncryptionCertificate.objects.filter(encryption_certificate_id=named).first()


def private_key_for(encryption_certificate_id: str) -> tuple[RSAPrivateKey, str] | None:
    """Return the private key and thumbprint of the certificate that a notification names, if it is here.

    Raises:
        FieldDecryptionError: FIELD_ENCRYPTION_KEYS lacks the key with which it was saved.

    """
    certificate = EncryptionCertificate.objects.filter(encryption_certificate_id=encryption_certificate_id)
    private_key, thumbprint = certificate.values_list("private_key", "thumbprint").first() or (None, "")
    return (_loaded(private_key.reveal()), thumbprint) if private_key else None


def is_key_destroyed(encryption_certificate_id: str) -> bool:
    """Say whether the certificate of that name is here and somebody had its private key destroyed."""
    return EncryptionCertificate.objects.filter(
        encryption_certificate_id=encryption_certificate_id, key_destroyed_at__isnull=False
    ).exists()


def forget_loaded_keys() -> None:
    """Drop the private keys that this process holds in memory."""
    _loaded.cache_clear()


# Reading a PEM costs a hundred times what opening one notification does.
@lru_cache(maxsize=LOADED_KEYS)
def _loaded(private_key_pem: str) -> RSAPrivateKey:
    return certificates.load_private_key(private_key_pem)
