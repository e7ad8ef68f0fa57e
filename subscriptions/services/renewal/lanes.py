"""One lane for each owner, so that nobody waits because another is throttled, refused or out of reach."""

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from django.utils import timezone

from subscriptions.graph.client import GraphClient
from subscriptions.graph.errors import GraphError, TokenRefusedError
from subscriptions.graph.pace import Pace
from subscriptions.graph.tokens import AccessToken, Credential
from subscriptions.models import AppRegistration, DelegatedAccount
from subscriptions.services import trouble
from subscriptions.services.access import account_tokens, clients, credentials
from subscriptions.services.renewal.bearers import Bearer
from subscriptions.services.renewal.items import Due, Item, Stage
from subscriptions.services.renewal.planning import BATCH_SIZE

# Of all the calls that a run has under way, one owner may have so many: an owner that hangs leaves room for others.
IN_FLIGHT_OF_ONE = 4

Parcel = list[Item]


@dataclass(kw_only=True, eq=False)
class Lane:
    """The work of one owner in a run, and how the owner fares.

    Until a first call has succeeded, and after each that failed as a whole, one call is under way at a time. A lane
    with `error` is closed: nothing is sent any more.
    """

    app_registration: AppRegistration
    account: DelegatedAccount | None
    pace: Pace
    planned: deque[list[Due]] = field(default_factory=deque)
    claimed: deque[Parcel] = field(default_factory=deque)
    again: list[Item] = field(default_factory=list)
    urgency: int = 0
    in_flight: int = 0
    error: GraphError | None = None
    _failures_in_row: int = 0
    _has_succeeded: bool = False
    _held_until: float = 0.0
    _client: GraphClient | None = None
    _credentials: credentials.Pair | None = None
    _session: account_tokens.Session | None = None

    def __str__(self) -> str:
        return f"{self.app_registration}, {self.account}" if self.account else str(self.app_registration)

    @property
    def has_work(self) -> bool:
        """Say whether something is left to be sent."""
        return bool(self.planned or self.claimed or self.again)

    @property
    def waiting(self) -> int:
        """How many subscriptions are left to be sent."""
        return len(self.again) + sum(map(len, self.claimed)) + sum(map(len, self.planned))

    def free_at(self, now: float) -> float:
        """Return the second at which the next call may go; infinity while that depends on answers, or on nothing."""
        if not self.has_work:
            return math.inf
        if self.error:
            return now
        if self.in_flight >= self._limit:
            return math.inf
        first = min((item.not_before for item in self.again), default=math.inf)
        at = max(now, self._held_until, 0.0 if self.planned or self.claimed else first)
        return max(at, self.pace.free_at(self._writes(at), at))

    def next_planned(self, now: float, *, most: int) -> list[list[Due]]:
        """Take batches to be claimed: at least one, and of up to `most` those that could all be sent now."""
        taken: list[list[Due]] = []
        writes = 0
        while self.planned and len(taken) < min(most, self._limit):
            writes += len(self.planned[0])
            if taken and self.pace.free_at(writes, now) > now:
                break
            taken.append(self.planned.popleft())
        return taken

    def keep(self, parcel: Parcel) -> None:
        """Take in what was claimed for this lane, until it is its turn."""
        for item in parcel:
            item.subscription.app_registration = self.app_registration
            item.subscription.delegated_account = self.account
        if parcel:
            self.claimed.append(parcel)

    def next_parcel(self, now: float) -> Parcel:
        """Take what is to be sent now; empty when nothing is that has been claimed."""
        return self._next_again(now) or (self.claimed.popleft() if self.claimed else [])

    def _next_again(self, now: float) -> Parcel:
        """Take what is to be sent again now and goes together; empty when nothing does."""
        ready = [item for item in self.again if item.not_before <= now or self.error]
        if not ready:
            return []
        kind = _kind_of(ready[0])
        parcel = [item for item in ready if _kind_of(item) == kind]
        parcel = parcel[: BATCH_SIZE if ready[0].stage == Stage.RENEW else 1]
        self.again = [item for item in self.again if item not in parcel]
        return parcel

    def client(self) -> GraphClient:
        """Return the client that all calls of this lane share.

        Raises:
            GraphError: the lane is closed, or no call can be made at all.

        """
        if self.error:
            raise self.error
        if self._client is None:
            self._client = clients.impatient_client(
                self.app_registration, access_token=Bearer(self._tokens())
            )
        return self._client

    def _tokens(self) -> Callable[[bool], str]:
        app, account = self.app_registration, self.account
        pair = self._credentials = credentials.Pair(app)
        if account is None:
            return lambda force: pair.use(partial(clients.token_by, app, force=force)).value
        session, kind = clients.account_session(account), account.kind
        self._session = session

        def as_account(credential: Credential, *, force: bool) -> AccessToken:
            proven = clients.sign_in_app(app, kind=kind, credential=credential)
            return session.acquire(proven, force=force, now=timezone.now())

        return lambda force: pair.use(partial(as_account, force=force)).value

    def keep_tokens(self) -> None:
        """Write what came of credentials and tokens; where somebody else has kept better ones, go on with those."""
        if self._credentials:
            self._credentials.keep(now=timezone.now())
        if self._session and not self._session.keep():
            self._client = self._session = None

    def is_reopened(self, error: GraphError | None) -> bool:
        """Say whether a refusal was about tokens that have been replaced since."""
        return isinstance(error, TokenRefusedError) and self.account is not None and self._client is None

    def note(self, errors: Iterable[GraphError | None], *, now: float) -> GraphError | None:
        """Take note of what a call came to, and return the error with which the lane is to be closed, if it is."""
        common = _common(list(errors))
        if common is None:
            self._failures_in_row, self._has_succeeded = 0, True
            return None
        self._failures_in_row += 1
        if common.retry_after:
            self._held_until = max(self._held_until, now + common.retry_after.total_seconds())
        is_enough = trouble.is_final(common) or self._failures_in_row >= trouble.FAILURES_BORNE
        return common if is_enough else None

    @property
    def _limit(self) -> int:
        return IN_FLIGHT_OF_ONE if self._has_succeeded and not self._failures_in_row else 1

    def _writes(self, at: float) -> int:
        """Return how many writes the next call may bring at most."""
        ready = [item for item in self.again if item.not_before <= at]
        if ready:
            kind = _kind_of(ready[0])
            alike = sum(_kind_of(item) == kind for item in ready)
            return min(alike, BATCH_SIZE) if ready[0].stage == Stage.RENEW else 1
        return len((self.claimed or self.planned or [[None]])[0])


def _kind_of(item: Item) -> tuple[Stage, str]:
    return item.stage, item.subscription.api_version


def _common(errors: list[GraphError | None]) -> GraphError | None:
    """Return an error that speaks of the owner and not of single subscriptions: of all, and of such a kind."""
    for kinds in (trouble.FINAL, trouble.PASSING):
        if errors and all(isinstance(error, kinds) for error in errors):
            found = [error for error in errors if error]
            return max(
                found, key=lambda error: error.retry_after.total_seconds() if error.retry_after else 0.0
            )
    return None
