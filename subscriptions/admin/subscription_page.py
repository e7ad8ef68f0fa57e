"""What the pages of a subscription show besides its form, as plain values for the templates."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.urls import reverse
from django.utils.safestring import SafeString

from subscriptions import catalogue
from subscriptions.admin import badges
from subscriptions.admin.calls import Call, offered_for
from subscriptions.catalogue import Entry
from subscriptions.models import Operation, Subscription

OPERATIONS_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Button:
    """A button at the top of the page; `posts` at once, or leads to another page."""

    label: str
    url: str
    posts: bool
    is_dangerous: bool = False


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something to know before anything else on the page, with what support will ask for."""

    kind: str
    title: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class OperationLine:
    """One call of the log."""

    url: str
    started: str
    action: str
    actor: str
    outcome: SafeString
    status: str
    code: str
    request_id: str
    duration: str


@dataclass(frozen=True, kw_only=True)
class ResourceLine:
    """One path of the catalogue, as help for the form."""

    path: str
    title: str
    change_types: str
    content: str
    longest_life: str
    permission: str


def buttons(subscription: Subscription, *, may: Callable[[Call], bool], may_add: bool) -> list[Button]:
    """Return what the user may do about it where it stands."""
    offered = [
        Button(
            label=call.label,
            url=reverse(f"admin:subscriptions_subscription_{call.name}", args=(subscription.pk,)),
            posts=not call.asks_first,
            is_dangerous=call.permission == "remove",
        )
        for call in offered_for(subscription)
        if may(call)
    ]
    clone_url = f"{reverse('admin:subscriptions_subscription_add')}?clone={subscription.pk}"
    return [*offered, *([Button(label="Clone", url=clone_url, posts=False)] if may_add else ())]


def notes(subscription: Subscription) -> list[Note]:
    """Return what went wrong last, and what was missed."""
    found = []
    if subscription.error_at:
        facts = (
            ("Code", subscription.error_code),
            ("request-id", subscription.error_request_id),
            ("At", badges.to_the_second(subscription.error_at)),
            ("Failures in a row", str(subscription.failures or "")),
        )
        found.append(
            Note(
                kind="bad",
                title="The last call to Graph failed",
                text=subscription.error_message,
                facts=tuple((name, value) for name, value in facts if value),
            )
        )
    if subscription.missed_at:
        since = badges.to_the_second(subscription.missed_at)
        text = f"Some changes since {since} were not notified."
        found.append(Note(kind="warn", title="Changes were missed", text=text))
    return found


def last_operations(subscription: Subscription) -> list[OperationLine]:
    """Return the latest calls to Graph for it, newest first."""
    return [_line(operation) for operation in subscription.operations.order_by("-pk")[:OPERATIONS_SHOWN]]


def watchable_resources() -> list[ResourceLine]:
    """Return every path that Graph can watch with the app's own access, as help for the form."""
    return [_resource(entry) for entry in catalogue.entries() if not entry.is_delegated_only]


def _line(operation: Operation) -> OperationLine:
    return OperationLine(
        url=reverse("admin:subscriptions_operation_change", args=(operation.pk,)),
        started=badges.to_the_second(operation.started_at),
        action=operation.get_action_display(),
        actor=operation.actor,
        outcome=badges.of_operation(operation).html(),
        status=str(operation.status_code or ""),
        code=operation.error_code,
        request_id=operation.request_id,
        duration=f"{operation.duration_ms:,} ms",
    )


def _resource(entry: Entry) -> ResourceLine:
    contents = {True: "possible", False: "no", None: "not published"}
    return ResourceLine(
        path=entry.path,
        title=entry.title,
        change_types=", ".join(entry.change_types) or "not published",
        content="required" if entry.is_rich_only else contents[entry.rich_data],
        longest_life=_life(entry.max_expiration_rich if entry.is_rich_only else entry.max_expiration),
        permission=(entry.permissions.application or ("not published",))[0],
    )


def _life(duration: timedelta | None) -> str:
    return badges.in_words(duration) if duration else "not published"
