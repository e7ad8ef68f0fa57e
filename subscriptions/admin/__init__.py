"""The user interface of this app, in Django's own admin: one module for each model."""

from subscriptions.admin.alert import AlertAdmin
from subscriptions.admin.app_registration import AppRegistrationAdmin
from subscriptions.admin.delegated_account import DelegatedAccountAdmin
from subscriptions.admin.encryption_certificate import EncryptionCertificateAdmin
from subscriptions.admin.gap import GapAdmin
from subscriptions.admin.operation import OperationAdmin
from subscriptions.admin.run import RunAdmin
from subscriptions.admin.sighting import SightingAdmin
from subscriptions.admin.subscription import SubscriptionAdmin

__all__ = [
    "AlertAdmin",
    "AppRegistrationAdmin",
    "DelegatedAccountAdmin",
    "EncryptionCertificateAdmin",
    "GapAdmin",
    "OperationAdmin",
    "RunAdmin",
    "SightingAdmin",
    "SubscriptionAdmin",
]
