"""Search by what is typed into one box: an ID or the beginning of one, or else a name or subject in the content."""

import re

from django.db import connection
from django.db.models import F, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan, StartsWith

from notifications.models import ChangeNotification
from notifications.models.indexes import LENGTHS, Start
from notifications.services.browsing import content
from notifications.services.rows import duplicate_keys
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
        with_graph_id(text),
        # A whole path: sooner found by the item that it ends with than among all that begins like it.
        begins("resource_id", _item_at_the_end(text)) & begins("resource", text),
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


def with_graph_id(text: str) -> Q:
    """Return what keeps the notifications with an ID of Graph's own; of a form that finds an index."""
    return _begins(F("duplicate_key"), duplicate_keys.beginning(text)) & Q(notification_id=text)


def of_item(resource_id: str) -> Q:
    """Return what keeps the notifications of one item; of a form that finds its index, which is of its beginning."""
    length = LENGTHS["resource_id"]
    begins_so = Exact(Start("resource_id", length=length), Start(Value(resource_id), length=length))
    # SQLite would put the value of an equality into the beginning too, and not know that again.
    return Q(begins_so, resource_id__range=(resource_id, resource_id))


def begins(field: str, text: str) -> Q:
    """Return what keeps the rows in which a text begins so, in whatever capitals; of a form that finds its index."""
    length = LENGTHS[field]
    start, wanted = Start(field, length=length), text[:length].upper()
    found = _begins(start, wanted)
    return found & Q(**{f"{field}__istartswith": text}) if len(text) > length else found


def _begins(text: Combinable, wanted: str) -> Q:
    if connection.vendor == "postgresql":
        return Q(StartsWith(text, wanted))
    return Q(GreaterThanOrEqual(text, wanted)) & Q(LessThan(text, wanted + _LAST))


def _item_at_the_end(path: str) -> str:
    """Return the last name in a path; Graph writes items as `messages/ID` and as `messages('ID')`."""
    return re.split(r"[/']", path.rstrip("/')"))[-1]


def _can_be_found(text: str) -> bool:
    """Say whether a database can hold a text that was typed."""
    return 0 < len(text) <= LONGEST and "\0" not in text and text.isprintable()
