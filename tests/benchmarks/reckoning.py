"""What became of a load: every acknowledged item stored once, and counted as often as it was received."""

import time
from collections import Counter
from dataclasses import dataclass

from tests.benchmarks.sender import Sender


@dataclass(frozen=True, kw_only=True)
class Reckoning:
    """Figures of a run; all items are counted by their ids."""

    sent: int
    acknowledged: int
    stored: int
    lost: int
    doubled: int
    not_accepted: int
    copies_received: int
    copies_counted: int

    @property
    def is_good(self) -> bool:
        """Say whether nothing was lost or doubled, and each copy counted once."""
        bad = self.lost or self.doubled or self.not_accepted
        return bool(self.acknowledged) and not bad and self.copies_received == self.copies_counted

    def in_words(self) -> str:
        """Return the figures on a line."""
        return (
            f"items: sent {self.sent}, acknowledged {self.acknowledged}, stored {self.stored}, lost {self.lost}, "
            f"doubled {self.doubled}, not accepted {self.not_accepted}; "
            f"copies: received {self.copies_received}, counted {self.copies_counted}"
        )


def wait_until_drained(*, seconds: float) -> float:
    """Wait until no delivery has work left and return how long it took; old connections are given up first.

    Raises:
        TimeoutError: it took longer than `seconds`.

    """
    from django.db import connection

    from notifications.models import Delivery

    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined] # of this database only
    started = time.monotonic()
    while Delivery.objects.open().exists():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"{Delivery.objects.open().count()} deliveries have work left")
        time.sleep(0.5)
    return time.monotonic() - started


def reckon(sender: Sender) -> Reckoning:
    """Compare what was acknowledged with what is stored."""
    from notifications.models import ChangeNotification, Delivery
    from notifications.services import intake

    rows = ChangeNotification.objects.values_list("notification_id", "state", "times_delivered")
    stored = Counter(key for key, _, _ in rows)
    received = sum(len(intake.read(delivery).items) for delivery in Delivery.objects.iterator(500))
    return Reckoning(
        sent=len(sender.sent),
        acknowledged=len(sender.acknowledged),
        stored=len(stored),
        lost=len(sender.acknowledged - stored.keys()),
        doubled=sum(count - 1 for count in stored.values()),
        not_accepted=sum(state != "accepted" for _, state, _ in rows),
        copies_received=received,
        copies_counted=sum(times for _, _, times in rows),
    )
