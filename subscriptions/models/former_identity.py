"""Graph ids that a subscription had before it was recreated."""

from datetime import datetime
from typing import ClassVar

from django.db import models

from subscriptions.models.fields import EncryptedTextField
from subscriptions.models.subscription import Subscription


class FormerIdentityQuerySet(models.QuerySet["FormerIdentity"]):
    """Named filters."""

    def accepted(self, now: datetime) -> "FormerIdentityQuerySet":
        """Keep those whose late notifications still count as genuine at `now`."""
        return self.filter(accepted_until__gt=now)

    def wipeable(self, now: datetime) -> "FormerIdentityQuerySet":
        """Keep those that are over at `now` and still hold their clientState."""
        return self.filter(accepted_until__lte=now).exclude(client_state="")


class FormerIdentity(models.Model):
    """An id and clientState under which late notifications may still arrive for a while."""

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="former_identities")
    graph_id = models.CharField(max_length=64, unique=True, help_text="In lower case.")
    client_state = EncryptedTextField()
    accepted_until = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FormerIdentityQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        verbose_name_plural: ClassVar = "former identities"

    def __str__(self) -> str:
        return f"{self.graph_id} of {self.subscription_id}"
