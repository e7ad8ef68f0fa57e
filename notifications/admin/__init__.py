"""The user interface of this app, in Django's own admin: for reading, but for tokens and retention."""

from notifications.admin.api_token import ApiTokenAdmin
from notifications.admin.change_notification import ChangeNotificationAdmin
from notifications.admin.content_access import ContentAccessAdmin
from notifications.admin.content_erasure import ContentErasureAdmin
from notifications.admin.delivery import DeliveryAdmin
from notifications.admin.endpoint_minute import EndpointMinuteAdmin
from notifications.admin.legal_hold import LegalHoldAdmin
from notifications.admin.retention_rule import RetentionRuleAdmin

__all__ = [
    "ApiTokenAdmin",
    "ChangeNotificationAdmin",
    "ContentAccessAdmin",
    "ContentErasureAdmin",
    "DeliveryAdmin",
    "EndpointMinuteAdmin",
    "LegalHoldAdmin",
    "RetentionRuleAdmin",
]
