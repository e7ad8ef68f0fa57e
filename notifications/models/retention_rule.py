"""How long is kept what arrived and what was said to Graph."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import BigIntegerField, Value
from django.db.models.functions import Coalesce

from subscriptions.models import AppRegistration

LONGEST_DAYS = 36_500


def _days(verbose_name: str, help_text: str) -> "models.PositiveIntegerField[int | None, int | None]":
    """Return a column for a number of days; empty keeps for good. Repetitions are known for less than a day."""
    return models.PositiveIntegerField(
        verbose_name,
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_DAYS)],
        help_text=help_text,
    )


class RetentionRule(models.Model):
    """The days for which each kind is kept: for one app registration, or for all without a rule of their own."""

    app_registration = models.ForeignKey(
        AppRegistration,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="retention_rules",
        help_text="Empty: the default, for all that have no rule of their own and for what belongs to none.",
    )
    content_days = _days("content, days", "Decrypted or fetched resource data. The notification stays.")
    accepted_days = _days("genuine notifications, days", "They go with their content.")
    refused_days = _days(
        "refused notifications, days",
        "Rejected or given up. Mostly kept for longer than the genuine ones, since somebody may still ask why.",
    )
    delivery_days = _days(
        "deliveries, days",
        "Bodies as they came. One from which something waits or was given up stays as long as that does.",
    )
    operation_days = _days("operations, days", "The log of calls to Graph.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                Coalesce("app_registration", Value(0), output_field=BigIntegerField()),
                name="one_retention_rule_each",
                violation_error_message="There is such a rule already. Change that one.",
            )
        ]

    def __str__(self) -> str:
        return f"Retention of {self.app_registration}" if self.app_registration else "Default retention"

    def clean(self) -> None:
        """Refuse to keep the encrypted form of content for longer than the content.

        Raises:
            ValidationError: deliveries would outlive the content.

        """
        if self.content_days and (self.delivery_days is None or self.delivery_days > self.content_days):
            raise ValidationError(
                {
                    "delivery_days": "A delivery holds the content as Graph encrypted it: enter "
                    f"{self.content_days} days or fewer, as for content."
                }
            )

    def limit(self, field: str, *, now: datetime) -> datetime | None:
        """Return up to when what was received is no longer kept under the days of `field`; None: it is kept."""
        days = getattr(self, field)
        return None if days is None else now - timedelta(days=days)
