"""The register of checks: who looks for what."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One cause of trouble, as it is now.

    `key` names the cause: as long as a finding with this key comes, there is one alert. `stage` grows as it gets worse,
    and each step up is told again. `subscriptions` are the keys of those that suffer from it. All texts may be shown.
    """

    kind: str
    key: str
    title: str
    what_to_do: str
    stage: int = 0
    subscriptions: frozenset[int] = frozenset()
    app_registration: int | None = None
    delegated_account: int | None = None
    encryption_certificate: int | None = None


Find = Callable[[datetime], Iterable[Finding]]


@dataclass(frozen=True, kw_only=True)
class Check:
    """A function that finds what is wrong at a time, and the kinds of alerts that it alone decides about.

    An alert of these kinds is over when the check has not found it for `calm`.
    """

    find: Find
    kinds: tuple[str, ...]
    calm: timedelta


_checks: dict[str, Check] = {}


def register(find: Find, *, kinds: Iterable[str], calm: timedelta = timedelta(0)) -> None:
    """Have `find` called by every watch from now on; to register the same function again changes nothing.

    `find` takes the time as aware UTC and returns the findings. `calm` is for figures that go up and down.
    """
    _checks[f"{find.__module__}.{find.__qualname__}"] = Check(find=find, kinds=tuple(kinds), calm=calm)


def registered() -> dict[str, Check]:
    """Return all checks by their names."""
    return dict(_checks)
