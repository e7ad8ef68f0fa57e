"""Tables of this app: the inbox, what was found in it, and the content."""

from notifications.models.change_notification import ChangeNotification
from notifications.models.delivery import Delivery
from notifications.models.notification_content import NotificationContent

__all__ = ["ChangeNotification", "Delivery", "NotificationContent"]
