"""Tables of this app: the wish, the facts at Graph, and the log of what was said."""

from subscriptions.models.absence_span import AbsenceSpan
from subscriptions.models.alert import Alert, AlertedSubscription
from subscriptions.models.alert_message import AlertMessage
from subscriptions.models.app_registration import AppRegistration
from subscriptions.models.delegated_account import DelegatedAccount
from subscriptions.models.delta import DeltaLink, DeltaTracking
from subscriptions.models.encryption_certificate import EncryptionCertificate
from subscriptions.models.former_identity import FormerIdentity
from subscriptions.models.gap import Gap
from subscriptions.models.operation import Operation
from subscriptions.models.reach_span import ReachSpan
from subscriptions.models.run import Run, Turn
from subscriptions.models.sighting import Look, Sighting
from subscriptions.models.staff_identity import StaffIdentity
from subscriptions.models.subscription import Subscription

__all__ = [
    "AbsenceSpan",
    "Alert",
    "AlertMessage",
    "AlertedSubscription",
    "AppRegistration",
    "DelegatedAccount",
    "DeltaLink",
    "DeltaTracking",
    "EncryptionCertificate",
    "FormerIdentity",
    "Gap",
    "Look",
    "Operation",
    "ReachSpan",
    "Run",
    "Sighting",
    "StaffIdentity",
    "Subscription",
    "Turn",
]
