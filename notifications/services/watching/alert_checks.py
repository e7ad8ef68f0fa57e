"""What this side of the wire has the watch look for: a stopped worker, unusual silence, slow answers."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from notifications.services.intake import endpoint_health, inbox
from notifications.services.intake.endpoint_health import Level
from notifications.services.watching import traffic
from notifications.services.watching.readiness import INBOX_LATE
from notifications.services.watching.traffic import Silence
from subscriptions.models import Alert
from subscriptions.services import alerts
from subscriptions.services.alerts import Finding

Kind = Alert.Kind
# Graph looks at ten minutes at a time: what was slow is over after two of them without it.
CALM = timedelta(minutes=20)
# Of few answers a single slow one is a large share.
FEWEST_SLOW = 3
MOST_NAMED = 5

_SLOW_WORDS = {
    Level.WARNING: "Graph will soon hold notifications back",
    Level.SLOW: "Graph holds notifications back, for ten minutes at a time",
    Level.DROPPING: "Graph discards notifications, which it never sends again",
}
_SLOW_STAGES = {level: stage for stage, level in enumerate(_SLOW_WORDS)}


def register() -> None:
    """Have every watch look for all of it."""
    alerts.register(worker_has_stopped, kinds=(Kind.WORKER_STOPPED,), calm=timedelta(minutes=2))
    alerts.register(silent_subscriptions, kinds=(Kind.SILENT,))
    alerts.register(slow_answers, kinds=(Kind.ENDPOINT_SLOW,), calm=CALM)


def worker_has_stopped(now: datetime) -> Iterator[Finding]:
    """Find that what is due in the inbox is not worked through."""
    lag = inbox.lag(now=now)
    if lag >= INBOX_LATE:
        yield Finding(
            kind=Kind.WORKER_STOPPED,
            key=Kind.WORKER_STOPPED,
            title=f"The inbox has not been worked through since {now - lag:%Y-%m-%d %H:%M} UTC",
            what_to_do=(
                "Notifications are taken and kept, but nobody proves and opens them. Check that a worker runs: the web "
                "process itself, or with EMBEDDED_WORKER=off 'manage.py process_notifications --loop'. If one runs and "
                "cannot keep up, start more of them."
            ),
        )


def silent_subscriptions(now: datetime) -> Iterator[Finding]:
    """Find the subscriptions that used to talk and do not, together for each app registration."""
    traffic.learn(now=now)
    groups: dict[int, list[Silence]] = defaultdict(list)
    for silence in traffic.silent(now=now):
        groups[silence.subscription.app_registration_id].append(silence)
    for app, silences in groups.items():
        count = len(silences)
        yield Finding(
            kind=Kind.SILENT,
            key=f"{Kind.SILENT}:{app}",
            title=(
                f"{silences[0].subscription.app_registration}: "
                f"{count:,} subscription{'s have' if count > 1 else ' has'} fallen silent"
            ),
            what_to_do=(
                "They are alive at Graph, but have sent nothing for more than twice their longest pause of the last "
                "weeks. Perhaps nothing happens there; perhaps Graph no longer reaches us: press 'Self-test', and "
                f"change something that one of them watches.\n{_named(silences)}"
            ),
            subscriptions=frozenset(silence.subscription.pk for silence in silences),
            app_registration=app,
        )


def slow_answers(now: datetime) -> Iterator[Finding]:
    """Find that Graph is answered too slowly, or nearly so; each level is a stage."""
    standing = endpoint_health.standing(now=now)
    if standing.level in _SLOW_WORDS and standing.over_3_s >= FEWEST_SLOW:
        yield Finding(
            kind=Kind.ENDPOINT_SLOW,
            key=Kind.ENDPOINT_SLOW,
            stage=_SLOW_STAGES[standing.level],
            title=f"{_SLOW_WORDS[standing.level]}: {standing.share_over_3_s:.0%} of our answers took over 3 seconds",
            what_to_do="Look at the database and at the number of threads and processes of the web server.",
        )


def _named(silences: list[Silence]) -> str:
    named = [
        f"{one.subscription}, last heard of {one.last_at:%Y-%m-%d %H:%M} UTC" for one in silences[:MOST_NAMED]
    ]
    if len(silences) > MOST_NAMED:
        named.append(f"and {len(silences) - MOST_NAMED:,} more")
    return "; ".join(named)
