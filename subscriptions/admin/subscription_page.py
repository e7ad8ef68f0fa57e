"""What the pages of a subscription show besides its form, as plain values for the templates."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.safestring import SafeString

from subscriptions.admin import badges
from subscriptions.admin.calls import Call, offered_for
from subscriptions.models import Alert, Operation, Subscription

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
    url: str = ""


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


def notes(subscription: Subscription, *, sees_alerts: bool) -> list[Note]:
    """Return the open alerts that concern it, what went wrong last, and what was missed."""
    found = list(_alerts(subscription)) if sees_alerts else []
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


def _alerts(subscription: Subscription) -> Iterator[Note]:
    """Lead to the alerts in which it is concerned now."""
    concerned = Alert.objects.open().filter(
        concerned__subscription=subscription, concerned__until_at__isnull=True
    )
    for alert in concerned.order_by("pk"):
        yield Note(
            kind=badges.of_alert(alert).kind,
            title=f"Alert: {alert.get_kind_display()}",
            text=f"Open since {badges.to_the_second(alert.raised_at)}. What to do is on its page.",
            url=reverse("admin:subscriptions_alert_change", args=(alert.pk,)),
        )


def last_operations(subscription: Subscription, *, is_linked: bool) -> list[OperationLine]:
    """Return the latest calls to Graph for it, newest first, linked to their pages for those who may open them."""
    latest = subscription.operations.order_by("-pk")[:OPERATIONS_SHOWN]
    return [_line(operation, is_linked=is_linked) for operation in latest]


def _line(operation: Operation, *, is_linked: bool) -> OperationLine:
    return OperationLine(
        url=reverse("admin:subscriptions_operation_change", args=(operation.pk,)) if is_linked else "",
        started=badges.to_the_second(operation.started_at),
        action=operation.get_action_display(),
        actor=operation.actor,
        outcome=badges.of_operation(operation).html(),
        status=str(operation.status_code or ""),
        code=operation.error_code,
        request_id=operation.request_id,
        duration=f"{operation.duration_ms:,} ms",
    )
