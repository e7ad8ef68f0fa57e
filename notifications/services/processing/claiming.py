"""Claim: take deliveries from the inbox for one worker, as many as are read and written together."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, models, transaction
from django.db.models import ExpressionWrapper, F

from notifications import conf
from notifications.models import Delivery
from notifications.services.processing.leases import LEASE_LASTS
from notifications.services.rows import binding
from subscriptions.models.fields import cipher

# So many that what a group costs beside its items weighs little.
MOST_AT_ONCE = 1000
# Bodies that are read together, unless a single one is larger. A worker has two such groups in memory.
MOST_BYTES = 4 * 1024 * 1024


class Taken(NamedTuple):
    """What is needed of a delivery to work on it; a model's row costs several times as much."""

    pk: int
    state: str
    lease: str
    attempts: int
    received_at: datetime
    content_type: str
    content_encoding: str
    is_quarantined: bool
    sealed_body: bytes

    @property
    def body(self) -> bytes:
        """Open the body.

        Raises:
            FieldDecryptionError: none of FIELD_ENCRYPTION_KEYS opens it. That must not stop the others.

        """
        return cipher().unseal(bytes(self.sealed_body)) if self.sealed_body else b""


def claim(*, now: datetime, after: int | None) -> Sequence[Taken]:
    """Take some deliveries for this worker; no other worker gets the same while the lease lasts.

    With `after`, those of higher numbers in the order of arrival, whether their time has come or not.
    """
    token = secrets.token_hex(16)
    due = (
        Delivery.objects.due(now).order_by("next_attempt_at", "pk")
        if after is None
        else Delivery.objects.open().unleased(now).filter(pk__gt=after).order_by("pk")
    )
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        if connection.vendor == "postgresql":
            # A lease that is lost with the server is one that nobody holds any more: no need to wait for the disk.
            settings = ["SET LOCAL synchronous_commit = off"]
            if after is None:
                # It takes the inbox for as empty as it mostly is, and would sort all of a full one for each claim
                # instead of reading the index in its order.
                settings.append("SET LOCAL enable_sort = off")
            with connection.cursor() as cursor:
                cursor.execute("; ".join(settings))
        columns = ("pk", "size", "content_encoding", "received_at")
        keys = _first(binding.rows(due.values_list(*columns)[:MOST_AT_ONCE]))
        if not keys:
            return []
        taken = Delivery.objects.numbered(keys)
        taken.update(lease=token, leased_until=now + LEASE_LASTS, attempts=F("attempts") + 1)
    sealed = ExpressionWrapper(F("body"), output_field=models.BinaryField())
    rows = taken.filter(lease=token).annotate(sealed_body=sealed).order_by("pk")
    return [Taken(*row) for row in binding.rows(rows.values_list(*Taken._fields))]


def _first(rows: Iterable[tuple[Any, ...]]) -> list[int]:
    """Return the first ones that are small enough for the memory and close enough in time.

    Among what is written together the same words are one change, so it must not span more than the shortest window of
    repetition.
    """
    keys: list[int] = []
    left = MOST_BYTES
    earliest = latest = None
    for pk, size, content_encoding, received_at in rows:
        earliest = min(earliest or received_at, received_at)
        latest = max(latest or received_at, received_at)
        # A packed body may become as large as any.
        left -= MOST_BYTES if content_encoding else size
        if keys and (left < 0 or latest - earliest > conf.NOTICE_DUPLICATE_WINDOW):
            break
        keys.append(pk)
    return keys
