"""Callers: in whose names one run asks Graph, one subscription after the other."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from subscriptions.graph.client import GraphClient
from subscriptions.graph.errors import GraphError
from subscriptions.models import Subscription
from subscriptions.services import trouble
from subscriptions.services.access.clients import client_of
from subscriptions.services.errors import NotReadyError

# An app registration, or an account that signed in to it.
_Owner = tuple[int, int | None]


class Callers:
    """One client for each owner, so that its connection is kept; and the owners for whom nothing works at present."""

    def __init__(self) -> None:
        self._clients: dict[_Owner, GraphClient] = {}
        self._failures_in_row: Counter[_Owner] = Counter()

    def client_of(self, subscription: Subscription) -> GraphClient:
        """Return the client of whoever watches by this subscription.

        Raises:
            NotConfiguredError: the addresses of its cloud are not set.

        """
        owner = _owner(subscription)
        if owner not in self._clients:
            self._clients[owner] = client_of(subscription)
        return self._clients[owner]

    def is_left_alone(self, subscription: Subscription) -> bool:
        """Say whether so many calls of its owner have failed in a row that the next would fail too."""
        return self._failures_in_row[_owner(subscription)] >= trouble.FAILURES_BORNE

    @contextmanager
    def noting(self, subscription: Subscription) -> Iterator[None]:
        """Take note of how the block fares that asks Graph about a subscription."""
        owner = _owner(subscription)
        try:
            yield
        except NotReadyError:
            # Graph was not even asked, which cost nobody any time.
            raise
        except GraphError as error:
            if trouble.is_final(error):
                self._failures_in_row[owner] = trouble.FAILURES_BORNE
            elif isinstance(error, trouble.PASSING):
                self._failures_in_row[owner] += 1
            else:
                # Graph has answered, for this one subscription.
                self._failures_in_row[owner] = 0
            raise
        self._failures_in_row[owner] = 0


def _owner(subscription: Subscription) -> _Owner:
    return subscription.app_registration_id, subscription.delegated_account_id
