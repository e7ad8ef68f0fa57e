"""Certificates with which Graph encrypts resource data for us."""

from datetime import datetime
from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models

from subscriptions.models.fields import EncryptedTextField


class EncryptionCertificateQuerySet(models.QuerySet["EncryptionCertificate"]):
    """Named filters."""

    def usable(self, now: datetime) -> "EncryptionCertificateQuerySet":
        """Keep those that a new subscription may use at `now`."""
        return self.filter(
            state=EncryptionCertificate.State.ACTIVE, not_before_at__lte=now, not_after_at__gt=now
        )


class EncryptionCertificate(models.Model):
    """A key pair: Graph gets the certificate, we keep the private key."""

    class State(models.TextChoices):
        """Active: for new subscriptions. Draining: kept to open what still arrives. Retired: no longer needed."""

        ACTIVE = "active", "Active"
        DRAINING = "draining", "Draining"
        RETIRED = "retired", "Retired"

    encryption_certificate_id = models.CharField(
        "name",
        max_length=128,
        unique=True,
        validators=[
            RegexValidator(
                r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
                "Use letters, digits, dots, dashes and underscores; begin with a letter or digit.",
            )
        ],
        help_text=(
            "Sent to Graph as encryptionCertificateId; every notification names it. "
            "A name is never used again for another key."
        ),
    )
    certificate = models.TextField(editable=False)
    private_key = EncryptedTextField()
    thumbprint = models.CharField(max_length=40, editable=False)
    subject = models.CharField(max_length=500, editable=False)
    key_size = models.PositiveIntegerField(editable=False)
    not_before_at = models.DateTimeField("valid from", editable=False)
    not_after_at = models.DateTimeField("valid until", editable=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)

    # Its end: replaced by another, used by nothing, retired, its private key destroyed.
    first_used_at = models.DateTimeField(
        "first used", null=True, editable=False, help_text="When Graph was first told of it."
    )
    rotated_at = models.DateTimeField(null=True, editable=False)
    replaced_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, editable=False, related_name="replaces"
    )
    subscriptions_to_move = models.PositiveIntegerField(
        default=0, editable=False, help_text="How many used it at Graph when its replacement began."
    )
    unused_since_at = models.DateTimeField(
        "unused since", null=True, editable=False, help_text="Since when no subscription at Graph uses it."
    )
    retired_at = models.DateTimeField(null=True, editable=False)
    key_destroyed_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EncryptionCertificateQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        permissions: ClassVar = [
            ("rotate_encryptioncertificate", "Can replace an encryption certificate by another"),
            ("destroy_private_key", "Can destroy the private key of an encryption certificate"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("thumbprint",),
                name="one_row_per_encryption_certificate",
                violation_error_message="This certificate is here already, under another name.",
            )
        ]

    def __str__(self) -> str:
        return self.encryption_certificate_id

    def is_valid_at(self, now: datetime) -> bool:
        """Say whether `now` lies within the certificate's validity."""
        return self.not_before_at <= now < self.not_after_at
