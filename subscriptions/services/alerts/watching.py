"""Watch: every check looks, what is new is raised, what is over is resolved, and each is told."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from subscriptions.models import Alert
from subscriptions.services.alerts import raising, telling
from subscriptions.services.alerts.checks import Check, Finding, registered
from subscriptions.services.watching import turns

logger = logging.getLogger(__name__)

TURN = "watch"
# Of all processes that look, one looks so often. A little less than the minute after which they come back.
EVERY = timedelta(seconds=55)
KEPT_FOR = timedelta(days=365)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a watch changed, and how many alerts are open after it."""

    raised: int
    resolved: int
    open: int


def watch(*, now: datetime) -> Summary:
    """Bring the alerts in step with how things stand at `now`, and tell what has not been told.

    A check that breaks off stops no other, leaves its own alerts as they are and becomes an alert itself. Of several
    watches at once, one raises and one resolves each alert. What was over a year ago is forgotten.
    """
    turns.take(TURN, now=now)
    findings: list[Finding] = []
    done: list[Check] = [Check(find=_broken, kinds=(Alert.Kind.CHECK_FAILED,), calm=timedelta(0))]
    for name, check in registered().items():
        try:
            findings += check.find(now)
        except Exception as error:
            logger.exception("check broke off name=%s", name)
            findings.append(_broken_off(name, error))
        else:
            done.append(check)
    changed = raising.settle(findings, checks=done, now=now)
    telling.tell(now=now)
    Alert.objects.filter(resolved_at__lt=now - KEPT_FOR).delete()
    return Summary(raised=changed.raised, resolved=changed.resolved, open=Alert.objects.open().count())


def watch_in_turn(*, now: datetime) -> Summary | None:
    """Watch unless some process has done so within the last minute."""
    return watch(now=now) if turns.take(TURN, now=now, every=EVERY) else None


def watched_at() -> datetime | None:
    """Return when somebody last watched; what the alerts say is as old as that."""
    return turns.taken_at(TURN)


def _broken(now: datetime) -> list[Finding]:
    del now
    return []


def _broken_off(name: str, error: Exception) -> Finding:
    return Finding(
        kind=Alert.Kind.CHECK_FAILED,
        key=f"check:{name}"[:100],
        title=f"The check {name.rpartition('.')[2]} broke off",
        what_to_do=(
            f"Nobody is told of what it looks for. It ended with {type(error).__name__}; "
            "the log of the process that watched says where."
        ),
    )
