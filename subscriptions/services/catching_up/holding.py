"""Who follows the delta queries of a subscription: one run at a time, and one that died is followed by the next."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import QuerySet

from subscriptions.graph.errors import GraphError
from subscriptions.models import DeltaTracking, Subscription
from subscriptions.services import gaps, outcomes
from subscriptions.services.errors import BusyError
from subscriptions.services.gaps.recovery import REFRESH_AFTER

# Longer than one page may take with all waits between its tries.
CLAIM_LASTS = timedelta(minutes=5)
SHORTEST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)


@dataclass(frozen=True, kw_only=True)
class Hold:
    """One run's hold on the delta queries of a subscription, with what the row said when it was taken."""

    subscription: Subscription
    clock: Callable[[], datetime]
    token: str
    taken_at: datetime
    missed_at: datetime | None
    failures: int

    @classmethod
    def take(cls, subscription: Subscription, *, clock: Callable[[], datetime]) -> "Hold":
        """Take them.

        Raises:
            BusyError: another run has them.

        """
        now = clock()
        rows = DeltaTracking.objects.filter(subscription=subscription)
        token = secrets.token_hex(16)
        # If this process dies, the run is due again when its claim is over.
        end = now + CLAIM_LASTS
        claim = partial(rows.unclaimed(now).update, claim=token, claimed_until=end, due_at=end)
        if not claim():
            _, is_new = DeltaTracking.objects.get_or_create(
                subscription=subscription, defaults={"due_at": now}
            )
            if not is_new or not claim():
                raise BusyError
        failures, subscription.missed_at = rows.values_list("failures", "subscription__missed_at").get()
        return cls(
            subscription=subscription,
            clock=clock,
            token=token,
            taken_at=now,
            missed_at=subscription.missed_at,
            failures=failures,
        )

    def renew(self, **facts: object) -> None:
        """Let the claim last anew, inside the transaction that relies on it; write facts with it.

        Raises:
            BusyError: it was over, and another run has taken it.

        """
        if not self._rows().update(claimed_until=self.clock() + CLAIM_LASTS, **facts):
            raise BusyError

    def finish(self, *, covers_from: datetime | None) -> None:
        """Write that everything from then up to the beginning of this run is known.

        What was wanted again meanwhile stays due.

        Raises:
            BusyError: another run has taken over.

        """
        with transaction.atomic():
            self.renew(
                recovered_at=self.taken_at,
                not_before=None,
                failures=0,
                error_at=None,
                error_code="",
                error_message="",
            )
            if covers_from:
                gaps.recovered(self.subscription, since=covers_from, until=self.taken_at, now=self.clock())
            # Whoever wanted it meanwhile has set another time.
            undisturbed = self._rows().filter(due_at=self.taken_at + CLAIM_LASTS)
            if undisturbed.update(due_at=self.taken_at + REFRESH_AFTER):
                rows = Subscription.objects.filter(pk=self.subscription.pk, missed_at=self.missed_at)
                rows.update(missed_at=None)
        self.subscription.refresh_from_db(fields=["missed_at"])

    def put_off(self, error: GraphError) -> None:
        """Write why the run stopped, and when the next one goes on: not before Graph allows it."""
        now = self.clock()
        wait = min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** min(self.failures, 10))
        self._rows().update(
            failures=self.failures + 1,
            due_at=now + max(error.retry_after or timedelta(0), wait),
            # Whoever wants it earlier has to wait as well.
            not_before=now + error.retry_after if error.retry_after else None,
            error_at=now,
            error_code=error.code[:200],
            error_message=outcomes.told(error)[: outcomes.MESSAGE_LENGTH],
        )

    def give_back(self) -> None:
        """End the claim; what another run has taken over is left to it."""
        self._rows().update(claim="", claimed_until=None)

    def _rows(self) -> QuerySet[DeltaTracking]:
        return DeltaTracking.objects.filter(subscription=self.subscription, claim=self.token)
