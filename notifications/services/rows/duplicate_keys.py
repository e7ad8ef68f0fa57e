"""Duplicate keys: by one index a repeated change is known again, and what has an ID of Graph's own is found by it.

Graph's IDs come in no order. An index of their own would cost each new row among millions a page read and written.
"""

import hashlib

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat

from notifications.models import ChangeNotification

# Of the 32 hexadecimal digits of a key: with so many, hardly anything else begins like what has a certain ID.
_DIGITS_OF_ID = 12


def key(fingerprint: str, *, notification_id: str) -> str:
    """Return the key of a change: its fingerprint, in which Graph's own ID, if there is one, takes the first digits."""
    if not notification_id:
        return fingerprint
    return beginning(notification_id) + fingerprint[_DIGITS_OF_ID:]


def beginning(notification_id: str) -> str:
    """Return how the keys of all that has an ID of Graph's own begin."""
    words = notification_id.encode(errors="surrogatepass")
    return hashlib.md5(words, usedforsecurity=False).hexdigest()[:_DIGITS_OF_ID]


def retire(rows: QuerySet[ChangeNotification]) -> None:
    """Let what has the keys of these rows count as new from now on; by Graph's ID they are found as before."""
    rows.update(duplicate_key=Concat("duplicate_key", Value("-"), Cast("pk", CharField())))
