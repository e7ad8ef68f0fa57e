"""When Graph was last asked, and what the answer was in figures: plain values for the page."""

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Count

from subscriptions.admin import badges
from subscriptions.models import AppRegistration, Look, Sighting

# In the order in which they deserve attention.
STATES = (
    Sighting.State.GONE,
    Sighting.State.DRIFTED,
    Sighting.State.UNKNOWN,
    Sighting.State.UNCLEAR,
    Sighting.State.IN_STEP,
)


@dataclass(frozen=True, kw_only=True)
class LookLine:
    """One app registration, with the accounts that are signed in to it."""

    pk: int
    name: str
    times: tuple[tuple[str, str, str], ...]
    figures: tuple[badges.Badge, ...]
    is_looked_at: bool
    is_in_step: bool


def looks_at(app: str) -> list[LookLine]:
    """Return a line for each app registration, or for the one with this row number."""
    rows = AppRegistration.objects.all()
    if app.isdecimal():
        rows = rows.filter(pk=int(app))
    chosen = Look.objects.filter(app_registration__in=rows)
    looks: dict[int, list[Look]] = defaultdict(list)
    for look in chosen.select_related("app_registration", "delegated_account").order_by("delegated_account"):
        looks[look.app_registration_id].append(look)
    counted = Sighting.objects.filter(look__in=chosen).values_list("look__app_registration", "state")
    counts = {(pk, state): number for pk, state, number in counted.annotate(Count("pk")).order_by()}
    return [_line(row, looks[row.pk], counts) for row in rows]


def _line(row: AppRegistration, looks: list[Look], counts: dict[tuple[int, str], int]) -> LookLine:
    numbers = {state: counts.get((row.pk, state), 0) for state in STATES}
    has_problem = any(look.problem for look in looks)
    is_looked_at = any(look.looked_at for look in looks)
    differing = sum(numbers.values()) - numbers[Sighting.State.IN_STEP]
    return LookLine(
        pk=row.pk,
        name=row.name,
        times=tuple(
            (
                str(look.delegated_account) if look.delegated_account else "The app itself",
                f"Looked at {badges.to_the_second(look.looked_at)}" if look.looked_at else "Never seen",
                f"Tried at {badges.to_the_second(look.tried_at)}: {look.problem}" if look.problem else "",
            )
            for look in looks
        ),
        figures=tuple(badges.of_seen(state, number) for state, number in numbers.items() if number),
        is_looked_at=is_looked_at,
        is_in_step=is_looked_at and not differing and not has_problem,
    )
