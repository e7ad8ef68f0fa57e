"""Tables of this app: the inbox, what was found in it, the content, and how fast we answered."""

from notifications.models.change_notification import ChangeNotification
from notifications.models.delivery import Delivery
from notifications.models.endpoint_minute import EndpointMinute
from notifications.models.notification_content import NotificationContent

__all__ = ["ChangeNotification", "Delivery", "EndpointMinute", "NotificationContent"]
