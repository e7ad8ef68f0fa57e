"""What an administrator must know: one row for each cause, from when it was found until it is gone."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from subscriptions.models.app_registration import AppRegistration
from subscriptions.models.delegated_account import DelegatedAccount
from subscriptions.models.encryption_certificate import EncryptionCertificate
from subscriptions.models.subscription import Subscription


class AlertQuerySet(models.QuerySet["Alert"]):
    """Named filters."""

    def open(self) -> "AlertQuerySet":
        """Keep those whose cause is still there."""
        return self.filter(resolved_at__isnull=True)

    def about(self, subscription: Subscription) -> "AlertQuerySet":
        """Keep those in which a subscription is, or was, concerned."""
        return self.filter(concerned__subscription=subscription)


class Alert(models.Model):
    """One cause of trouble. Rows are written by the watch alone and stay as history."""

    class Kind(models.TextChoices):
        """What was found; each is decided by one check."""

        WILL_LAPSE = "will_lapse", "Subscription about to lapse"
        LAPSED = "lapsed", "Subscription lapsed"
        MISSING = "missing", "Subscription not at Graph"
        REFUSED = "refused", "Renewal refused"
        CREDENTIAL_REFUSED = "credential_refused", "Credential refused"
        CREDENTIAL_ENDS = "credential_ends", "Credential ends"
        SIGN_IN_NEEDED = "sign_in_needed", "Account must sign in again"
        CERTIFICATE_ENDS = "certificate_ends", "Encryption certificate ends"
        NOT_RECOVERED = "not_recovered", "Missed changes not looked up"
        RENEWAL_STOPPED = "renewal_stopped", "Renewal does not run"
        WORKER_STOPPED = "worker_stopped", "Inbox not worked through"
        SILENT = "silent", "Subscription fell silent"
        UNREACHABLE = "unreachable", "Our address is not reached"
        ENDPOINT_SLOW = "endpoint_slow", "Graph is answered slowly"
        CHECK_FAILED = "check_failed", "A check broke off"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    key = models.CharField(max_length=100, editable=False, help_text="Names the cause; unique while open.")
    stage = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="How far it has come: each step up is told again."
    )
    title = models.CharField(max_length=300)
    what_to_do = models.TextField()
    app_registration = models.ForeignKey(
        AppRegistration, on_delete=models.SET_NULL, null=True, related_name="alerts"
    )
    delegated_account = models.ForeignKey(
        DelegatedAccount, on_delete=models.SET_NULL, null=True, related_name="alerts"
    )
    encryption_certificate = models.ForeignKey(
        EncryptionCertificate, on_delete=models.SET_NULL, null=True, related_name="alerts"
    )
    subscriptions = models.ManyToManyField(Subscription, through="AlertedSubscription", related_name="alerts")

    raised_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    announced_at = models.DateTimeField(help_text="When somebody was last to be told of it.")
    resolved_at = models.DateTimeField(null=True)
    superseded = models.BooleanField(
        default=False, help_text="It ended because the same subscriptions are in another alert now."
    )

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        permissions: ClassVar = [("test_alert", "Can send a test alert")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("key",), condition=Q(resolved_at__isnull=True), name="one_open_alert_per_cause"
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_urgent(self) -> bool:
        """Say whether something is lost, or will be, unless somebody acts soon."""
        return self.kind not in _CAN_WAIT or self.stage > 0


_CAN_WAIT = frozenset(
    {Alert.Kind.CREDENTIAL_ENDS, Alert.Kind.CERTIFICATE_ENDS, Alert.Kind.SILENT, Alert.Kind.CHECK_FAILED}
)


class AlertedSubscription(models.Model):
    """A subscription that an alert concerns, since when and until when."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="concerned")
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="alerted")
    since_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("alert", "subscription"),
                condition=Q(until_at__isnull=True),
                name="a_subscription_is_in_an_alert_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} in alert {self.alert_id}"
