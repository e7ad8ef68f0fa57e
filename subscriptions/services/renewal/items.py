"""What a run works on: subscriptions that are due, and those of them that it has claimed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from subscriptions.graph.errors import GraphError
from subscriptions.models import EncryptionCertificate, Operation, Subscription
from subscriptions.services import claims

# A longer wait is left to a later run; cron comes again within minutes.
LONGEST_WAIT_IN_RUN = timedelta(seconds=60)


class Stage(StrEnum):
    """Which call to Graph is next for a subscription."""

    RENEW = "renew"
    LOOK = "look"
    DELETE = "delete"
    CREATE = "create"


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A subscription that was found due, as it was then."""

    pk: int
    app_registration_id: int
    delegated_account_id: int | None
    api_version: str
    status: str
    graph_id: str | None
    renew_at: datetime | None

    @property
    def stage(self) -> Stage:
        """Return the first call: what Graph has is renewed, also after its time, for Graph knows best if it ended."""
        return Stage.RENEW if self.status == Subscription.Status.ACTIVE else Stage.CREATE

    def is_still(self, row: Subscription) -> bool:
        """Say whether nobody has served the row since it was found."""
        return (self.status, self.graph_id, self.renew_at) == (row.status, row.graph_id, row.renew_at)


@dataclass(kw_only=True, eq=False)
class Item:
    """A claimed subscription on its way through a run.

    `held_at` is when the claim was made or prolonged. `patience` bounds each wait for another try, `not_before` is a
    second of the run's stopwatch. `asked_at` is when a renewal was sent, and `certificate` what went along, if one
    did; after `keeps_certificate` none does. `is_parted` says that the row has already parted with the id of what is
    gone. `conflict` is why it is looked at.
    """

    subscription: Subscription
    token: str
    stage: Stage
    held_at: datetime
    patience: timedelta = LONGEST_WAIT_IN_RUN
    sendings: int = 0
    waits: int = 0
    not_before: float = 0.0
    asked_at: datetime | None = None
    certificate: EncryptionCertificate | None = None
    keeps_certificate: bool = False
    is_parted: bool = False
    conflict: GraphError | None = None

    @property
    def action(self) -> Operation.Action:
        """Return the word for it on the log."""
        if self.stage in (Stage.RENEW, Stage.LOOK):
            return Operation.Action.RENEW
        is_new = self.subscription.status == Subscription.Status.PENDING
        return Operation.Action.CREATE if is_new else Operation.Action.RECREATE


def take(dues: Sequence[Due], *, now: datetime) -> dict[int, Item]:
    """Claim what nobody else holds or has served since it was found, in two statements; return it by its key."""
    found = {due.pk: due for due in dues}
    token = claims.claim_all(found, now=now, statuses={due.status for due in dues}, is_enabled=True)
    rows = Subscription.objects.select_related("encryption_certificate", "certificate_at_graph")
    claimed = list(rows.filter(pk__in=found, claim=token))
    served = {row.pk for row in claimed if not found[row.pk].is_still(row)}
    if served:
        claims.release(served, token)
    return {
        row.pk: Item(subscription=row, token=token, stage=found[row.pk].stage, held_at=now)
        for row in claimed
        if row.pk not in served
    }
