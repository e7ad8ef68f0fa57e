"""Who a user of the admin is at Entra."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class StaffIdentity(models.Model):
    """A member of staff who signs in by Entra, known by ids that are never given to somebody else; in lower case."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="staff_identity"
    )
    tenant_id = models.CharField(max_length=36)
    object_id = models.CharField(max_length=36)
    signed_in_at = models.DateTimeField()

    class Meta:
        # Nothing here is managed by hand: users are.
        default_permissions = ()
        verbose_name_plural: ClassVar = "staff identities"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("tenant_id", "object_id"), name="one_user_of_a_person")
        ]

    def __str__(self) -> str:
        return f"{self.object_id} of {self.tenant_id}"
