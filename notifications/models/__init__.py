"""Tables of this app: the inbox, what was found in it, the content and who read it, and how we answered."""

from notifications.models.api_token import ApiToken
from notifications.models.change_notification import ChangeNotification
from notifications.models.content_access import ContentAccess
from notifications.models.content_erasure import ContentErasure
from notifications.models.content_fetch import ContentFetch
from notifications.models.delivery import Delivery
from notifications.models.endpoint_minute import EndpointMinute
from notifications.models.feed_counter import FeedCounter
from notifications.models.legal_hold import LegalHold
from notifications.models.notification_content import NotificationContent
from notifications.models.notification_count import NotificationCount
from notifications.models.retention_rule import RetentionRule
from notifications.models.saved_search import SavedSearch
from notifications.models.traffic import Traffic
from notifications.models.uptime_span import UptimeSpan

__all__ = [
    "ApiToken",
    "ChangeNotification",
    "ContentAccess",
    "ContentErasure",
    "ContentFetch",
    "Delivery",
    "EndpointMinute",
    "FeedCounter",
    "LegalHold",
    "NotificationContent",
    "NotificationCount",
    "RetentionRule",
    "SavedSearch",
    "Traffic",
    "UptimeSpan",
]
