"""History: all that is known of one item, whichever subscription told of it.

An item is the same where tenant, kind and id are. Ids that are long enough are one of a kind in their tenant; the short
ones of chat messages and print jobs count only together with their path. What was refused says nothing about an item.
"""

from django.db.models import Q, QuerySet

from notifications.models import ChangeNotification
from notifications.services.browsing import pages, search
from notifications.services.browsing.pages import Place

State = ChangeNotification.State
# GUIDs, and the ids of Outlook and OneDrive, have more characters; those that count within one place have fewer.
UNIQUE_FROM = 30


def has_history(notification: ChangeNotification) -> bool:
    """Say whether a notification names an item and may be believed."""
    is_change = bool(notification.resource_id) and not notification.lifecycle_event
    return is_change and notification.state != State.REJECTED


def states_of(notification: ChangeNotification) -> QuerySet[ChangeNotification]:
    """Return all notifications of the item of one, the newest first; none where Graph names no item.

    The order is that of arrival: by time received, then by number.
    """
    rows = ChangeNotification.objects.order_by(*pages.NEWEST_FIRST)
    if not has_history(notification):
        return rows.none()
    same = search.of_item(notification.resource_id)
    same &= Q(resource_type__iexact=notification.resource_type)
    if len(notification.resource_id) < UNIQUE_FROM:
        same &= Q(resource__iexact=notification.resource)
    genuine = Q(state__in=(State.ACCEPTED, State.WAITING), lifecycle_event="")
    return rows.filter(same, genuine, tenant_id__in=_tenants(notification))


def previous(notification: ChangeNotification) -> ChangeNotification | None:
    """Return the last state before this one of which there is content, with it."""
    earlier = states_of(notification).filter(content__isnull=False).select_related("content")
    return next(iter(pages.older(earlier, than=Place.of(notification), size=1).rows), None)


def _tenants(notification: ChangeNotification) -> set[str]:
    """Return under which names the tenant is known: what a delta query told bears the one of the registration."""
    found = {notification.tenant_id}
    if notification.subscription:
        found.add(notification.subscription.app_registration.tenant_id)
    return found
