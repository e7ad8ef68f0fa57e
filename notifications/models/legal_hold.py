"""Legal holds: what must not be lost, because somebody may have to show it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from notifications.models.change_notification import ChangeNotification
from subscriptions.models import AppRegistration, Subscription

_NO_CRITERION = Q(
    subscription__isnull=True,
    app_registration__isnull=True,
    tenant_id="",
    mentioning="",
    received_since__isnull=True,
    received_until__isnull=True,
)


class LegalHoldQuerySet(models.QuerySet["LegalHold"]):
    """Named filters."""

    def standing(self) -> "LegalHoldQuerySet":
        """Keep those that are not released."""
        return self.filter(released_at__isnull=True)


class LegalHold(models.Model):
    """A hold on picked notifications, or on all that meet every criterion, those still to come included.

    Rows stay for good. What they name by a key is let go with the release; `selection` says it in words.
    """

    name = models.CharField(max_length=200, help_text="The matter, such as its file number.")
    reason = models.TextField(help_text="Who asked for it, and why.")
    placed_at = models.DateTimeField(editable=False)
    placed_by = models.CharField(max_length=200, editable=False)
    selection = models.TextField(editable=False, help_text="What it holds, in words.")
    count_when_placed = models.PositiveBigIntegerField(null=True, editable=False)

    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, null=True, blank=True, related_name="legal_holds"
    )
    app_registration = models.ForeignKey(
        AppRegistration, on_delete=models.PROTECT, null=True, blank=True, related_name="legal_holds"
    )
    tenant_id = models.CharField("tenant ID", max_length=128, blank=True)
    mentioning = models.CharField(
        max_length=500,
        blank=True,
        help_text="An ID or address of a person or item: all that names it in content or resource.",
    )
    received_since = models.DateTimeField(null=True, blank=True)
    received_until = models.DateTimeField(null=True, blank=True, help_text="Not included.")

    is_of_picked = models.BooleanField(default=False, editable=False)
    picked = models.ManyToManyField(ChangeNotification, related_name="legal_holds", editable=False)

    released_at = models.DateTimeField(null=True, editable=False)
    released_by = models.CharField(max_length=200, blank=True, editable=False)
    release_reason = models.TextField(blank=True, editable=False)

    objects = LegalHoldQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        # Neither changed nor deleted.
        default_permissions = ("add", "view")
        permissions: ClassVar = [("release_legalhold", "Can release a legal hold")]
        constraints: ClassVar = [
            # Without a criterion it would hold everything.
            models.CheckConstraint(
                name="legal_hold_of_something",
                condition=Q(released_at__isnull=False)
                | (Q(is_of_picked=True) & _NO_CRITERION)
                | (Q(is_of_picked=False) & ~_NO_CRITERION),
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=("id",), name="legal_hold_standing", condition=Q(released_at__isnull=True))
        ]

    def __str__(self) -> str:
        return self.name
