"""A subscription: the wish of an administrator beside the facts at Graph."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from subscriptions.models.app_registration import AppRegistration
from subscriptions.models.delegated_account import DelegatedAccount
from subscriptions.models.encryption_certificate import EncryptionCertificate
from subscriptions.models.fields import EncryptedTextField

# Graph may grant more again one day; asking costs one refused call.
CEILING_KNOWN = timedelta(days=7)


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """Named filters; each takes the time as `now`."""

    def due(self, now: datetime, *, within: timedelta | None = None) -> "SubscriptionQuerySet":
        """Keep those that need Graph at `now`: to be renewed, made again or made after a first try that broke off.

        Without `auto_renew` nothing is renewed or made again, but a create call that was begun is brought to its end.
        `within` adds those that end before `now + within`, whatever their own time.
        """
        deadline = Q(renew_at__lte=now)
        if within is not None:
            deadline |= Q(status=Subscription.Status.ACTIVE, expires_at__lte=now + within)
        return self.filter(
            deadline,
            Q(auto_renew=True) | Q(status=Subscription.Status.PENDING),
            is_enabled=True,
            status__in=(Subscription.Status.PENDING, Subscription.Status.ACTIVE, Subscription.Status.GONE),
        )

    def unclaimed(self, now: datetime) -> "SubscriptionQuerySet":
        """Keep those on which nobody works at `now`."""
        return self.filter(Q(claimed_until__isnull=True) | Q(claimed_until__lte=now))

    def known_as(self, graph_ids: Iterable[str]) -> "SubscriptionQuerySet":
        """Keep those that Graph knows under one of `graph_ids`, in whatever case."""
        lowered = [graph_id.lower() for graph_id in graph_ids]
        return self.annotate(graph_id_lower=Lower("graph_id")).filter(graph_id_lower__in=lowered)

    def encrypted_for(self, certificate: EncryptionCertificate, now: datetime) -> "SubscriptionQuerySet":
        """Keep those for which Graph may encrypt with `certificate` at `now`, also where a call was not answered."""
        return self.filter(
            ~Q(status=Subscription.Status.ACTIVE, expires_at__lte=now),
            certificate_at_graph=certificate,
            status__in=(
                Subscription.Status.PENDING,
                Subscription.Status.ACTIVE,
                Subscription.Status.GONE,
            ),
        )

    def expired(self, now: datetime) -> "SubscriptionQuerySet":
        """Keep those that Graph has let lapse although the row still says active."""
        return self.filter(status=Subscription.Status.ACTIVE, expires_at__lte=now)


class Subscription(models.Model):
    """What we want Graph to tell us, and what Graph made of it."""

    class Status(models.TextChoices):
        """Where the subscription stands at Graph."""

        PENDING = "pending", "Pending"
        ACTIVE = "active", "Active"
        FAILED = "failed", "Failed"
        GONE = "gone", "Gone"
        REMOVED = "removed", "Retired"

    class ApiVersion(models.TextChoices):
        """Graph's API versions."""

        V1 = "v1.0", "v1.0"
        BETA = "beta", "beta"

    class ErrorCause(models.TextChoices):
        """Who can do something about the last error; what has one cause is told once."""

        CREDENTIAL = "credential", "The app's credential"
        ACCOUNT = "account", "The account's sign-in"
        PERMISSION = "permission", "A permission"
        QUOTA = "quota", "A quota"
        REQUEST = "request", "What was asked for"
        SERVICE = "service", "The service or the way to it"
        OURS = "ours", "This application"

    # The wish
    app_registration = models.ForeignKey(
        AppRegistration, on_delete=models.PROTECT, related_name="subscriptions"
    )
    delegated_account = models.ForeignKey(
        DelegatedAccount,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="subscriptions",
        help_text="In whose name to watch. Empty: as the app itself.",
    )
    resource = models.TextField(help_text="Path of what to watch, for example /users/{id}/messages.")
    change_type = models.CharField(max_length=40)
    include_resource_data = models.BooleanField("include content", default=False)
    encryption_certificate = models.ForeignKey(
        EncryptionCertificate, on_delete=models.PROTECT, null=True, blank=True, related_name="subscriptions"
    )
    fetch_content = models.BooleanField(
        default=False,
        help_text="Where Graph sends no content: read each changed item at Graph, as it is by then.",
    )
    api_version = models.CharField(max_length=5, choices=ApiVersion.choices, default=ApiVersion.V1)
    lifetime_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Minutes to ask for. Empty: the longest that Graph grants."
    )
    latest_supported_tls_version = models.CharField(
        "latest TLS version",
        max_length=4,
        blank=True,
        choices=(("v1_0", "1.0"), ("v1_1", "1.1"), ("v1_2", "1.2"), ("v1_3", "1.3")),
        help_text="The newest that our endpoint speaks. Empty: Graph takes 1.2.",
    )
    notification_query_options = models.CharField(
        max_length=1000, blank=True, help_text="OData expression; Universal Print asks for it."
    )
    use_immutable_ids = models.BooleanField(
        "immutable IDs", default=False, help_text="Outlook: ids that stay when an item is moved."
    )
    include_security_webhooks = models.BooleanField(
        "permission changes", default=False, help_text="OneDrive for work: also tell when permissions change."
    )
    include_unknown_enum_members = models.BooleanField(
        "system messages",
        default=False,
        help_text="Teams chat messages: also tell the kind of system messages.",
    )
    auto_renew = models.BooleanField(default=True)
    is_enabled = models.BooleanField(
        "enabled", default=True, help_text="Off: paused, which is to say ended at Graph until it is resumed."
    )
    notification_url = models.URLField(max_length=1000, editable=False)
    lifecycle_notification_url = models.URLField(max_length=1000, editable=False)
    client_state = EncryptedTextField()
    wish_key = models.CharField(max_length=64, editable=False)

    # The facts
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING, editable=False)
    graph_id = models.CharField("Graph's ID", max_length=64, null=True, editable=False)
    first_granted_at = models.DateTimeField(null=True, editable=False)
    granted_at = models.DateTimeField(null=True, editable=False)
    seen_at = models.DateTimeField(
        null=True, editable=False, help_text="When Graph last confirmed that it had the subscription."
    )
    expires_at = models.DateTimeField(null=True, editable=False)
    may_end_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When it ends at the earliest, after a renewal to which no answer came: Graph may have granted less.",
    )
    certificate_at_graph = models.ForeignKey(
        EncryptionCertificate,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="subscriptions_at_graph",
        help_text="With which Graph encrypts; during a rotation not yet the one that is wished.",
    )
    renew_at = models.DateTimeField(null=True, editable=False)
    renewed_at = models.DateTimeField(null=True, editable=False)
    reauthorized_at = models.DateTimeField(null=True, editable=False)
    ceiling_minutes = models.PositiveIntegerField(
        null=True,
        editable=False,
        help_text="The longest life that Graph allowed when it refused a longer one.",
    )
    ceiling_learnt_at = models.DateTimeField(null=True, editable=False)
    missed_at = models.DateTimeField(
        null=True, editable=False, help_text="Since when Graph says that changes were missed."
    )
    failures = models.PositiveIntegerField(default=0, editable=False)
    error_at = models.DateTimeField(null=True, editable=False)
    error_cause = models.CharField(max_length=10, choices=ErrorCause.choices, blank=True, editable=False)
    error_code = models.CharField(max_length=200, blank=True, editable=False)
    error_message = models.TextField(blank=True, editable=False)
    error_request_id = models.CharField(max_length=100, blank=True, editable=False)

    # Who works on it now
    claim = models.CharField(max_length=32, blank=True, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        permissions: ClassVar = [
            ("renew_subscription", "Can renew, reauthorize and recreate subscriptions at Graph"),
            ("recover_subscription", "Can have missed changes looked up by delta query"),
            ("pause_subscription", "Can pause and resume subscriptions"),
            ("remove_subscription", "Can retire subscriptions and remove unknown ones at Graph"),
        ]
        indexes: ClassVar = [
            models.Index(fields=("status", "renew_at"), name="subscription_due"),
            models.Index(fields=("status", "expires_at"), name="subscription_expiry"),
            models.Index(fields=("id",), name="subscription_in_trouble", condition=~Q(error_cause="")),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("wish_key",),
                condition=~Q(status="removed"),
                name="one_subscription_per_wish",
                violation_error_message=(
                    "There is a subscription for this app registration, resource and change type already. "
                    "Graph allows one: open that one, or remove it first."
                ),
            ),
            # Graph's ids are GUIDs, which notifications may spell in another case than the create answer.
            models.UniqueConstraint(Lower("graph_id"), name="one_row_per_graph_id"),
            models.CheckConstraint(
                condition=Q(include_resource_data=False) | Q(encryption_certificate__isnull=False),
                name="content_needs_a_certificate",
                violation_error_message="Choose the encryption certificate with which Graph encrypts the content.",
            ),
            models.CheckConstraint(
                condition=~Q(status="active") | Q(graph_id__isnull=False, expires_at__isnull=False),
                name="active_has_facts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.resource}"

    def save(self, *args: Any, **options: Any) -> None:
        """Keep the key under which one wish exists once."""
        self.wish_key = self.key_of_wish()
        super().save(*args, **options)

    def clean(self) -> None:
        """Derive what the constraints need before they are checked."""
        self.wish_key = self.key_of_wish()

    def key_of_wish(self) -> str:
        """Return a digest of what Graph allows once: app or user, resource and change type."""
        owner = f"{self.app_registration_id}/{self.delegated_account_id or 'app'}"
        wish = "\n".join((owner, self.resource.lstrip("/"), self.change_type))
        return hashlib.sha256(wish.encode()).hexdigest()

    def new_client_state(self) -> str:
        """Return a fresh clientState that also names this row.

        The row's id in front lets the webhook know a notification that is faster than Graph's answer to the create
        call, when Graph's id is not known here yet. 128 characters at most.
        Source: resources/subscription.md (2026-09-17).
        """
        return f"{self.pk}.{secrets.token_urlsafe(48)}"

    def ceiling(self, now: datetime) -> timedelta | None:
        """Return the longest life that Graph lately allowed, or None; what it said a week ago is forgotten."""
        if self.ceiling_minutes is None or self.ceiling_learnt_at is None:
            return None
        is_recent = now - self.ceiling_learnt_at < CEILING_KNOWN
        return timedelta(minutes=self.ceiling_minutes) if is_recent else None

    @property
    def prefer(self) -> tuple[str, ...]:
        """Return the Prefer headers to create it with.

        Source: outlook-change-notifications-overview.md, onedrive and teams-changenotifications-chatmessage.md (2026).
        """
        wanted = {
            'IdType="ImmutableId"': self.use_immutable_ids,
            "includesecuritywebhooks": self.include_security_webhooks,
            "include-unknown-enum-members": self.include_unknown_enum_members,
        }
        return tuple(preference for preference, is_wanted in wanted.items() if is_wanted)

    @property
    def ends_at(self) -> datetime | None:
        """Return when it ends at Graph, at the earliest."""
        return self.may_end_at or self.expires_at

    @property
    def is_at_graph(self) -> bool:
        """Say whether Graph is believed to have it."""
        return self.status == self.Status.ACTIVE

    @property
    def is_paused(self) -> bool:
        """Say whether it is not to be at Graph for the time being."""
        return not self.is_enabled and self.status != self.Status.REMOVED
