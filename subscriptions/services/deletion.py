"""Delete: rows of ours, and never one that Graph still acts on.

What was received and what was said to Graph outlives the subscription that it was for; what only makes sense with it,
such as its former ids and gaps, goes with it.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, models, transaction
from django.db.models import F, ProtectedError, QuerySet

from subscriptions.graph.errors import GraphError
from subscriptions.models import AppRegistration, DelegatedAccount, Sighting, Subscription
from subscriptions.services import removal
from subscriptions.services.errors import UseCaseError
from subscriptions.services.long_lists import count_up_to
from subscriptions.services.outcomes import told
from subscriptions.services.reconciliation.comparison import ABOUT_ONE

logger = logging.getLogger(__name__)

Status = Subscription.Status
MOST_COUNTED = 10_000
REASONS_KEPT = 10


# Given subscriptions, says why some of them must stay, by their keys. What arrived belongs to an app above this one, so
# it registers what it has against it.
Objection = Callable[[QuerySet[Subscription]], dict[int, str]]
_objections: list[Objection] = []


def register(objection: Objection) -> None:
    """Have `objection` asked before subscriptions are deleted, from now on."""
    if objection not in _objections:
        _objections.append(objection)


class NotDeletableError(UseCaseError):
    """Something of it is at Graph, or is being worked on."""


@dataclass(frozen=True, kw_only=True)
class History:
    """What becomes of what is kept about subscriptions when they are deleted: numbers in words, by name."""

    goes: dict[str, str]
    stays: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Departure:
    """What became of removing an owner's subscriptions at Graph and then the owner."""

    is_deleted: bool
    removed: int
    left: int
    reasons: tuple[str, ...]


def history_of(rows: QuerySet[Subscription]) -> History:
    """Say what would go with subscriptions and what would stay; counted up to 10,000 each."""
    goes: dict[str, str] = {}
    stays: dict[str, str] = {}
    for relation in Subscription._meta.related_objects:  # noqa: SLF001 -- Django's documented API
        if relation.related_model is Sighting:
            # What Graph had is asked for anew at any time.
            continue
        name = relation.field.name
        related = relation.related_model._default_manager.filter(**{f"{name}__in": rows})  # noqa: SLF001 -- the same
        if number := count_up_to(related, MOST_COUNTED):
            shown = f"more than {MOST_COUNTED:,}" if number > MOST_COUNTED else f"{number:,}"
            words = str(relation.related_model._meta.verbose_name_plural)  # noqa: SLF001 -- the same
            (goes if relation.on_delete is models.CASCADE else stays)[words] = shown
    return History(goes=goes, stays=stays)


def why_not(subscription: Subscription) -> str:
    """Return why a subscription cannot be deleted; nothing for one that can."""
    if subscription.status == Status.REMOVED:
        return _why_they_stay(Subscription.objects.filter(pk=subscription.pk)).get(subscription.pk, "")
    state = "paused" if subscription.is_paused else Status(subscription.status).label.lower()
    return f"Subscription {subscription} is {state}. Retire it first, so that nothing of it stays at Graph."


def delete_retired(keys: Iterable[int], *, now: datetime) -> int:
    """Delete those of the subscriptions that are retired and in nobody's hands, and return how many."""
    with transaction.atomic():
        chosen = Subscription.objects.filter(pk__in=list(keys), status=Status.REMOVED).unclaimed(now)
        kept = _why_they_stay(chosen)
        deletable = list(chosen.exclude(pk__in=kept).select_for_update().values_list("pk", flat=True))
        Subscription.objects.filter(pk__in=deletable).delete()
    logger.info("subscriptions deleted ids=%s", deletable)
    return len(deletable)


def _why_they_stay(rows: QuerySet[Subscription]) -> dict[int, str]:
    return {pk: reason for objection in _objections for pk, reason in objection(rows).items()}


def _refuse_what_must_stay(owner: AppRegistration | DelegatedAccount) -> None:
    for reason in _why_they_stay(owner.subscriptions.all()).values():
        raise NotDeletableError(reason)


def delete_owner(
    owner: AppRegistration | DelegatedAccount,
    *,
    clock: Callable[[], datetime],
    actor: str,
    until: datetime | None = None,
) -> Departure:
    """Remove all subscriptions of an app registration or signed-in account at Graph, then delete it with its history.

    When one cannot be removed, or the time `until` has come, what was removed stays so and nothing is deleted: do it
    again for the rest.

    Raises:
        NotDeletableError: something of it must stay, or somebody works on it; the text says what.

    """
    _refuse_what_must_stay(owner)
    removed, reasons = 0, []
    # What has lapsed comes first: it goes even where Graph can no longer be asked.
    for row in _not_retired(owner).order_by(F("expires_at").asc(nulls_last=True), "pk"):
        now = clock()
        if until is not None and now >= until:
            break
        try:
            removal.remove(row, now=now, actor=actor)
        except (*ABOUT_ONE, UseCaseError) as error:
            reasons.append(f"{row}: {told(error)}")
        except GraphError as error:
            # It would be the same for all that follow.
            reasons.append(f"{row}: {told(error)}{_ends_by_itself(row)}")
            break
        else:
            removed += 1
    left = _not_retired(owner).count()
    if not left:
        _delete_with_history(owner, now=clock())
        logger.info("deleted %s id=%s actor=%s", type(owner).__name__, owner.pk, actor)
    return Departure(is_deleted=not left, removed=removed, left=left, reasons=tuple(reasons[:REASONS_KEPT]))


def _ends_by_itself(row: Subscription) -> str:
    if row.expires_at is None or not row.is_at_graph:
        return ""
    return (
        f" It lapses by itself at {row.expires_at:%Y-%m-%d %H:%M} UTC; then it can be retired without Graph."
    )


def _not_retired(owner: AppRegistration | DelegatedAccount) -> QuerySet[Subscription]:
    rows = owner.subscriptions.exclude(status=Status.REMOVED)
    return rows.select_related("app_registration", "delegated_account__app_registration")


def _delete_with_history(owner: AppRegistration | DelegatedAccount, *, now: datetime) -> None:
    try:
        with transaction.atomic():
            # Whoever objects may take locks of their own, which come before those on our rows.
            _refuse_what_must_stay(owner)
            keys = list(owner.subscriptions.select_for_update().values_list("pk", flat=True))
            if delete_retired(keys, now=now) != len(keys):
                raise NotDeletableError("Somebody works on one of its subscriptions. Try again.")
            if isinstance(owner, AppRegistration):
                owner.accounts.all().delete()
            # Queries, since the object is still needed for what is written about it.
            type(owner)._default_manager.filter(pk=owner.pk).delete()  # noqa: SLF001 -- Django's documented API
    except ProtectedError as error:
        names = ", ".join(sorted(str(one) for one in error.protected_objects))
        raise NotDeletableError(f"It is named by {names}: see to that first.") from error
    except IntegrityError as error:
        raise NotDeletableError("A subscription was added meanwhile. Try again.") from error
