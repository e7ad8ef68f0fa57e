"""What a month showed: figures, and in words every promise that was not kept."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from subscriptions.models import Alert, AlertMessage, Operation
from subscriptions.sandbox import Sandbox
from tests.benchmarks.month import oracle, warned
from tests.benchmarks.month.journal import Journal
from tests.benchmarks.month.oracle import Lapse, Life, Verdict

# Cron comes every ten minutes; who waits for Graph longer than this has lost patience too late.
LONGEST_TURN = timedelta(minutes=30)


def of(journal: Journal, *, sandbox: Sandbox, at: datetime) -> tuple[dict[str, int], list[str]]:
    """Return the figures of a month that ended at `at`, and the broken promises."""
    verdict = oracle.judge(sandbox.history, journal, at=at)
    untold, unwatched = warned.silent(verdict.forced, journal)
    longest = max(tick.ended_at - tick.began_at for tick in journal.ticks)
    figures = {
        "wishes": verdict.wishes,
        "runs": len([tick for tick in journal.ticks if tick.is_whole]),
        **journal.figures,
        "created": verdict.created,
        "renewed": verdict.renewed,
        "removed by Graph": len(journal.removed),
        "lapses that had to happen": len(verdict.forced),
        "of these told before": len(verdict.forced) - len(untold) - unwatched,
        "of these while our machine was down": unwatched,
        "of these untold": len(untold),
        "lapses that need not have happened": len(verdict.avoidable),
        "two for one wish": len(verdict.doubles),
        "left dead": len(verdict.forgotten),
        "dead at the end": len(verdict.dead_at_last),
        "longest turn of cron in minutes": round(longest / timedelta(minutes=1)),
        "alerts": Alert.objects.count(),
        "messages told": AlertMessage.objects.filter(told_at__isnull=False).count(),
    }
    for kind in Alert.objects.open().order_by("pk").values_list("kind", flat=True):
        name = f"open at the end: {Alert.Kind(kind).label}"
        figures[name] = figures.get(name, 0) + 1
    broken = [*_broken(verdict, journal)]
    broken += [_untold(lapse, journal) for lapse in untold]
    if longest > LONGEST_TURN:
        broken.append(f"a turn of cron took {longest}")
    return figures, broken


def _broken(verdict: Verdict, journal: Journal) -> Iterator[str]:
    for lapse in verdict.avoidable:
        chances = ", ".join(_at(tick.began_at, journal) for tick in lapse.chances[:5])
        yield (
            f"lapsed in spite of {len(lapse.chances)} chances ({chances}): {_in_words(lapse.life, journal)}; "
            f"the log says: {_logged(lapse.life, journal)}"
        )
    for first, second in verdict.doubles:
        yield f"two at once: {_in_words(first, journal)}; and {_in_words(second, journal)}"
    for life, waited in verdict.forgotten:
        yield f"left dead for {waited} good runs: {_in_words(life, journal)}"
    for life in verdict.dead_at_last:
        yield f"dead at the end: {_in_words(life, journal)}"


def _logged(life: Life, journal: Journal) -> str:
    """Return what the product did about a subscription in the last part of its life."""
    calls = Operation.objects.filter(
        graph_id=life.subscription.id, started_at__range=(life.granted_at, life.ended_at)
    ).order_by("pk")
    words = [
        f"{one.action} {_at(one.started_at, journal)} {one.error_code or one.status_code}" for one in calls
    ]
    return ", ".join(words) or "nothing"


def _untold(lapse: Lapse, journal: Journal) -> str:
    told = [
        f"{one.alert.kind} {_at(one.since_at, journal)}"
        + (f" to {_at(one.until_at, journal)}" if one.until_at else "")
        for one in warned.told_of(lapse)
    ]
    return f"untold: {_in_words(lapse.life, journal)}; told was: {', '.join(told) or 'nothing'}"


def _in_words(life: Life, journal: Journal) -> str:
    subscription = life.subscription
    whose = "app" if subscription.user_id is None else "account"
    end = f"removed {_at(life.removed_at, journal)}" if life.removed_at else ""
    spells = {spell.trouble for spell in journal.spells if spell.touches(life.due_at, life.ended_at)}
    weather = ", ".join(sorted(spells)) or "fair weather"
    return (
        f"{subscription.resource.split('?')[0]} of an {whose} ({subscription.id[:8]}), "
        f"created {_at(life.began_at, journal)}, granted {_at(life.granted_at, journal)}, "
        f"due {_at(life.due_at, journal)}, to end {_at(life.expires_at, journal)} {end} [{weather}]"
    )


def _at(at: datetime, journal: Journal) -> str:
    """Return a time as days, hours and minutes since the month began."""
    minutes = int((at - journal.began_at).total_seconds() // 60)
    return f"{minutes // 1440}d{minutes // 60 % 24:02}:{minutes % 60:02}"
