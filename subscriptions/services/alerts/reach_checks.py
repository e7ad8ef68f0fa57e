"""Finds that our public address is not reached."""

from collections.abc import Iterator
from datetime import datetime

from subscriptions import conf
from subscriptions.models import Alert
from subscriptions.services.alerts.checks import Finding
from subscriptions.services.watching import reach

# A single failure may be a restart.
FEWEST = 2


def address_not_reached(now: datetime) -> Iterator[Finding]:
    """Find that our public address was not reached by the last checks."""
    del now
    span = reach.standing() if conf.configuration().public_address_check else None
    if span is None or span.is_reachable or span.checks < FEWEST:
        return
    since = f"since {span.follows.last_at:%Y-%m-%d %H:%M} UTC" if span.follows else "so far"
    yield Finding(
        kind=Alert.Kind.UNREACHABLE,
        key=Alert.Kind.UNREACHABLE,
        title=f"Graph cannot reach our address: its handshake has failed {since}",
        what_to_do=(
            f"{span.problem}\nGraph tries again for up to four hours; what it cannot deliver until then is looked up "
            "by delta query where there is one. If Graph does reach the address and only this machine does not (some "
            "networks let nobody out and in again), set PUBLIC_ADDRESS_CHECK=off."
        ),
    )
