"""The page of one notification: what it says, how it is proven, and to those who may see it, its content."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from notifications.admin import content_tree, web_links, words
from notifications.admin.asking import AskingAdmin
from notifications.admin.difference_lines import difference_lines
from notifications.admin.export import CONTENT_PERMISSION
from notifications.admin.history import HistoryAdmin
from notifications.admin.raw_delivery import RawDeliveryAdmin
from notifications.models import ChangeNotification, NotificationContent
from notifications.services.browsing import content_audit, item_history
from subscriptions.models import Operation

AROUND = timedelta(days=1)
OPERATIONS_SHOWN = 10
DIFFERENCES_SHOWN = 100
OPERATIONS_PERMISSION = "subscriptions.view_operation"


@dataclass(frozen=True, kw_only=True)
class OperationLine:
    """One call to Graph as the page shows it."""

    at: SafeString
    what: str
    outcome: SafeString
    actor: str
    url: str


class DetailAdmin(HistoryAdmin, RawDeliveryAdmin, AskingAdmin[ChangeNotification]):
    """Shows one notification with its proof and, to those who may see it, its content."""

    change_form_template = "admin/notifications/changenotification/change_form.html"

    def on_page(self, request: HttpRequest, row: ChangeNotification) -> dict[str, Any]:
        """Say what it is and how it is proven; that its content was read is noted before it is shown."""
        return {
            **super().on_page(request, row),
            "subtitle": None,
            "title": words.what_happened(row),
            "state": words.state_badge(row),
            "kind": words.kind_of_state(row),
            "summary": words.summary(row),
            "checks": [words.CHECKS.get(name, str(name)) for name in row.proof],
            "passed": words.badge("good", "Passed"),
            "failed": words.badge("bad", "Not passed"),
            "judged_at": words.moment(row.processed_at),
            "certificate": _certificate(row),
            "reason": words.reason_in_words(row.reason),
            "reason_code": row.reason,
            "lacking_key": row.encryption_certificate_id,
            "handling": row.handling,
            "resource_data": content_tree.as_text(row.resource_data) if row.resource_data else "",
            "item_url": self._item_url(row),
            "raw_url": self._raw_url(request, row),
            "operations": list(_operations(row, request)),
            **self._content(request, row),
        }

    def _item_url(self, notification: ChangeNotification) -> str:
        has_history = item_history.has_history(notification)
        return self.url_of("history", str(notification.pk)) if has_history else ""

    def _raw_url(self, request: HttpRequest, notification: ChangeNotification) -> str:
        is_there = notification.is_delivery_kept and self.has_raw_permission(request)
        return self.url_of("raw", str(notification.pk)) if is_there else ""

    def _content(self, request: HttpRequest, notification: ChangeNotification) -> dict[str, Any]:
        """Return the content for those who may see it, and for others only that there is some."""
        contents = NotificationContent.objects.filter(pk=notification.pk)
        if not request.user.has_perm(CONTENT_PERMISSION):
            return {"content_is_withheld": contents.exists(), "content_permission": CONTENT_PERMISSION}
        content = contents.first()
        if content is None:
            return {}
        # What is left of a deleted item differs in everything.
        is_comparable = notification.change_type != "deleted"
        earlier = item_history.previous(notification) if is_comparable else None
        actor, now = request.user.get_username(), timezone.now()
        content_audit.note_page(notification, actor=actor, now=now)
        if earlier:
            content_audit.note_page(earlier, actor=actor, now=now)
        before = earlier.content.data if earlier else None
        lines = list(islice(difference_lines(before, content.data), DIFFERENCES_SHOWN + 1)) if earlier else []
        return {
            "summary": words.summary(notification, content=content.data, before=before),
            "content": content_tree.as_text(content.data),
            "tree": content_tree.as_tree(content.data),
            "content_origin": words.origin_of_content(content),
            "web_url": web_links.in_microsoft_365(content.data),
            "differences": lines[:DIFFERENCES_SHOWN],
            "has_more_differences": len(lines) > DIFFERENCES_SHOWN,
            "previous_at": words.moment(earlier.received_at) if earlier else "",
            "previous_url": self.url_of("change", str(earlier.pk)) if earlier else "",
        }


def _certificate(notification: ChangeNotification) -> str:
    """Return the name of the certificate with which it was opened; the name is no part of the content."""
    names = NotificationContent.objects.filter(pk=notification.pk)
    return names.values_list("encryption_certificate_id", flat=True).first() or ""


def _operations(notification: ChangeNotification, request: HttpRequest) -> Iterator[OperationLine]:
    """Yield what was said to Graph for the subscription about that time, to those who may see it."""
    if notification.subscription is None or not request.user.has_perm(OPERATIONS_PERMISSION):
        return
    at = notification.received_at
    around = Operation.objects.filter(
        subscription=notification.subscription, started_at__gte=at - AROUND, started_at__lte=at + AROUND
    )
    for one in around.order_by("-pk")[:OPERATIONS_SHOWN]:
        yield OperationLine(
            at=words.moment(one.started_at),
            what=one.get_action_display(),
            outcome=words.badge(*(("good", "Succeeded") if one.succeeded else ("bad", "Failed"))),
            actor=one.actor,
            url=reverse("admin:subscriptions_operation_change", args=(one.pk,)),
        )
