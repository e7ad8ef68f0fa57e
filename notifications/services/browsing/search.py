"""Search by what is typed into one box: an ID or the beginning of one, or else a name or subject in the content."""

from django.db import connection
from django.db.models import Q
from django.db.models.lookups import GreaterThanOrEqual, LessThan, StartsWith

from notifications.models import ChangeNotification
from notifications.models.indexes import START_LENGTH, Start
from notifications.services.browsing import content
from subscriptions.models import Subscription

LONGEST = 500
# Where Graph's resources have what people call them by, and who they are from.
LABELS = ("subject", "topic", "displayName", "title", "name")
ACTORS = (
    "from.user.displayName",
    "from.emailAddress.name",
    "from.emailAddress.address",
    "organizer.emailAddress.name",
    "lastModifiedBy.user.displayName",
    "userPrincipalName",
)
_LAST = "\U0010ffff"


def by_id(text: str) -> Q | None:
    """Return what keeps the notifications with an ID that was entered, None where no ID and no path begins so.

    Graph's IDs of subscriptions and of notifications are taken as a whole; those of resources, and paths, also by how
    they begin. Capitals do not matter. A path may begin with the slash that Graph leaves out in notifications.
    """
    text = text.strip().lstrip("/")
    if not _can_be_found(text):
        return None
    rows = ChangeNotification.objects.order_by()
    subscriptions = Subscription.objects.filter(graph_id__iexact=text).values_list("pk", flat=True)
    for wanted in (
        Q(subscription__in=list(subscriptions)),
        Q(subscription__isnull=True, subscription_graph_id=text.lower()),
        Q(notification_id=text),
        begins("resource_id", text) | begins("resource", text),
    ):
        if rows.filter(wanted).exists():
            return wanted
    return None


def by_name(text: str) -> Q | None:
    """Return what keeps the notifications in whose content a subject or name contains a text, None for no text."""
    text = text.strip()
    if not _can_be_found(text):
        return None
    return content.contains(text, [tuple(path.split(".")) for path in (*LABELS, *ACTORS)])


def begins(field: str, text: str) -> Q:
    """Return what keeps the rows in which a text begins so, in whatever capitals; of a form that finds its index."""
    start, wanted = Start(field), text[:START_LENGTH].upper()
    if connection.vendor == "postgresql":
        found = Q(StartsWith(start, wanted))
    else:
        found = Q(GreaterThanOrEqual(start, wanted)) & Q(LessThan(start, wanted + _LAST))
    return found & Q(**{f"{field}__istartswith": text}) if len(text) > START_LENGTH else found


def _can_be_found(text: str) -> bool:
    """Say whether a database can hold a text that was typed."""
    return 0 < len(text) <= LONGEST and "\0" not in text and text.isprintable()
