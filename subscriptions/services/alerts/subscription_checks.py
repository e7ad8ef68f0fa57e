"""Finds the subscriptions that are in danger, and parts them by what somebody can do about it.

Each subscription counts for one cause. A credential that is refused is one alert for its app registration, whatever the
number of subscriptions that suffer from it, and however close to their end they are.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from subscriptions.catalogue import lifetimes
from subscriptions.models import Alert, AppRegistration, DelegatedAccount, Subscription
from subscriptions.services.alerts.checks import Finding
from subscriptions.services.alerts.subscription_words import words
from subscriptions.services.watching.attention import RENEWAL_OVERDUE

Kind = Alert.Kind
Status = Subscription.Status
Cause = Subscription.ErrorCause

KINDS = (
    Kind.WILL_LAPSE,
    Kind.LAPSED,
    Kind.MISSING,
    Kind.REFUSED,
    Kind.CREDENTIAL_REFUSED,
    Kind.SIGN_IN_NEEDED,
)
# Cron comes every 5 to 15 minutes, so at most two runs can still save what ends within this time.
LAST_RUNS = timedelta(minutes=30)
# What lives long is told of earlier, so that somebody can act: when so small a share of its life is left.
LAST_SHARE = 0.1
# A service that fails longer than this many tries (about an hour, see `outcomes.failed`) is not having a hiccup.
PATIENCE = 6
# There may be thousands of them every minute.
_READ = (
    "app_registration",
    "delegated_account",
    "resource",
    "status",
    "error_cause",
    "failures",
    "auto_renew",
    "granted_at",
    "expires_at",
    "may_end_at",
    "renew_at",
)
REFUSALS = (Cause.PERMISSION, Cause.QUOTA, Cause.REQUEST, Cause.OURS)
MOST_NAMED = 5
# One cause for all of an app registration, or of an account.
_WHO_WE_ARE = {Cause.CREDENTIAL: Kind.CREDENTIAL_REFUSED, Cause.ACCOUNT: Kind.SIGN_IN_NEEDED}

# Stages of a subscription, and of what it suffers from.
IN_TROUBLE, ABOUT_TO_LAPSE, LAPSED = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class _Case:
    """One subscription in danger: the kind of alert and the cause that it counts for."""

    kind: Kind
    cause: str
    row: Subscription
    stage: int = 0


def in_danger(now: datetime) -> Iterator[Finding]:
    """Find one alert for each cause."""
    groups: dict[tuple[Kind, int, str], list[_Case]] = defaultdict(list)
    for row in _candidates(now):
        if case := _case(row, now=now):
            groups[case.kind, _owner(case), case.cause].append(case)
    names = AppRegistration.objects.in_bulk({cases[0].row.app_registration_id for cases in groups.values()})
    for (kind, owner, cause), cases in groups.items():
        if kind != Kind.SIGN_IN_NEEDED:
            yield _finding(kind, owner, cause, cases, app=names[cases[0].row.app_registration_id])
    yield from _accounts(
        {owner: cases for (kind, owner, _), cases in groups.items() if kind == Kind.SIGN_IN_NEEDED}
    )


def _candidates(now: datetime) -> Iterable[Subscription]:
    """Return the rows that may be in danger: few of many, each branch of the condition by its own index."""
    ends_soon = Q(status=Status.ACTIVE, expires_at__lte=now + LAST_SHARE * lifetimes.LONGEST_OF_ALL)
    has_ended = Q(expires_at__lte=now)
    is_overdue = Q(renew_at__lte=now - RENEWAL_OVERDUE)
    worth_a_look = has_ended | is_overdue | Q(failures__gt=0) | Q(auto_renew=False)
    lost = Q(status__in=(Status.FAILED, Status.GONE))
    return (
        Subscription.objects.filter(
            ~Q(error_cause="") & ~Q(status=Status.REMOVED) | lost | ends_soon & worth_a_look
        )
        .filter(is_enabled=True)
        .order_by("expires_at", "pk")
        .only(*_READ)
    )


def _case(row: Subscription, *, now: datetime) -> _Case | None:
    """Say for which cause a subscription counts; None where nothing has to be told yet."""
    stage = _stage(row, now=now)
    if row.error_cause in _WHO_WE_ARE:
        return _Case(kind=_WHO_WE_ARE[Cause(row.error_cause)], cause="", row=row, stage=stage)
    if row.status != Status.ACTIVE:
        is_missing = _is_missing(row, now=now)
        return _Case(kind=Kind.MISSING, cause=row.error_cause, row=row) if is_missing else None
    if stage == LAPSED:
        return _Case(kind=Kind.LAPSED, cause="", row=row)
    if row.failures and (row.error_cause in REFUSALS or row.failures >= PATIENCE):
        return _Case(kind=Kind.REFUSED, cause=row.error_cause, row=row, stage=stage)
    return _Case(kind=Kind.WILL_LAPSE, cause=_why_it_lapses(row, now=now), row=row) if stage else None


def _is_missing(row: Subscription, *, now: datetime) -> bool:
    """Say whether a subscription is not at Graph, and will hardly be there after the next run."""
    if row.status == Status.PENDING:
        return row.failures >= PATIENCE
    is_overdue = row.renew_at is None or row.renew_at <= now - RENEWAL_OVERDUE
    return row.status == Status.FAILED or row.failures > 0 or is_overdue


def _stage(row: Subscription, *, now: datetime) -> int:
    """Say how close to its end a subscription is that is not being renewed as it should."""
    if row.expires_at is None or row.status != Status.ACTIVE:
        return LAPSED if row.status == Status.GONE else IN_TROUBLE
    if row.expires_at <= now:
        return LAPSED
    is_overdue = row.renew_at is not None and row.renew_at <= now - RENEWAL_OVERDUE
    is_in_trouble = row.failures > 0 or is_overdue or not row.auto_renew
    is_near = row.expires_at - now <= _last_part(row) or _may_end_soon(row, now=now)
    return ABOUT_TO_LAPSE if is_in_trouble and is_near else IN_TROUBLE


def _last_part(row: Subscription) -> timedelta:
    if row.expires_at is None or row.granted_at is None:
        return LAST_RUNS
    return max(LAST_RUNS, (row.expires_at - row.granted_at) * LAST_SHARE)


def _may_end_soon(row: Subscription, *, now: datetime) -> bool:
    """Say whether an end that nobody knows of may be near; a hiccup is over before that."""
    return row.may_end_at is not None and row.may_end_at - now <= LAST_RUNS


def _why_it_lapses(row: Subscription, *, now: datetime) -> str:
    if not row.auto_renew:
        return "not_renewed"
    if _may_end_soon(row, now=now):
        return "unanswered"
    return "service" if row.failures else "untried"


def _owner(case: _Case) -> int:
    if case.kind == Kind.SIGN_IN_NEEDED:
        return case.row.delegated_account_id or 0
    return case.row.app_registration_id


def _finding(kind: Kind, owner: int, cause: str, cases: list[_Case], *, app: AppRegistration) -> Finding:
    told = words(kind, cause)
    return Finding(
        kind=kind,
        key=f"{kind}:{owner}:{cause}".rstrip(":"),
        stage=max(case.stage for case in cases),
        title=f"{app}: {told.title.format(count=_counted(cases))}",
        what_to_do="\n".join(part for part in (told.advice, _last_error(cases), _named(cases)) if part),
        subscriptions=frozenset(case.row.pk for case in cases),
        app_registration=app.pk,
    )


def _accounts(cases: dict[int, list[_Case]]) -> Iterator[Finding]:
    """Find the accounts that have to sign in again, whether or not a subscription has already suffered."""
    in_trouble = Q(needs_sign_in=True) | Q(pk__in=cases)
    for account in (
        DelegatedAccount.objects.filter(in_trouble).select_related("app_registration").order_by("pk")
    ):
        theirs = cases.get(account.pk, [])
        advice = account.problem or "In the admin, open Signed-in accounts, choose it and sign in again."
        suffering = f"{_counted(theirs)} cannot be renewed until then." if theirs else ""
        yield Finding(
            kind=Kind.SIGN_IN_NEEDED,
            key=f"{Kind.SIGN_IN_NEEDED}:{account.pk}",
            stage=max((case.stage for case in theirs), default=0),
            title=f"{account.app_registration}: {account.username} must sign in again",
            what_to_do="\n".join(part for part in (advice, suffering, _named(theirs)) if part),
            subscriptions=frozenset(case.row.pk for case in theirs),
            app_registration=account.app_registration_id,
            delegated_account=account.pk,
        )


def _counted(cases: list[_Case]) -> str:
    return "1 subscription" if len(cases) == 1 else f"{len(cases):,} subscriptions"


def _named(cases: list[_Case]) -> str:
    """Name those that end first."""
    named = [_name(case.row) for case in cases[:MOST_NAMED]]
    if len(cases) > MOST_NAMED:
        named.append(f"and {len(cases) - MOST_NAMED:,} more")
    return "; ".join(named)


def _name(row: Subscription) -> str:
    if row.ends_at is None or row.status != Status.ACTIVE:
        return str(row)
    return f"{row}, {'may end' if row.may_end_at else 'ends'} {row.ends_at:%Y-%m-%d %H:%M} UTC"


def _last_error(cases: list[_Case]) -> str:
    """Return what was answered to one of them."""
    texts = Subscription.objects.filter(pk__in=[case.row.pk for case in cases[:MOST_NAMED]]).exclude(
        error_message=""
    )
    text = texts.order_by("-error_at").values_list("error_message", flat=True).first()
    return f"The last answer: {text}" if text else ""
