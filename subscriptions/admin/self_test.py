"""The self-test as a page: what keeps Graph and us apart, at the push of a button."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from subscriptions import conf
from subscriptions.admin.badges import Badge
from subscriptions.models import AppRegistration
from subscriptions.services import self_test
from subscriptions.services.findings import Finding, Status
from subscriptions.services.self_test import Caller

# Proxies give up on a page after 60 seconds, and one more app registration may take half of that.
TIME_LIMIT = timedelta(seconds=20)
_BADGES = {
    Status.OK: Badge(kind="good", text="Good"),
    Status.WARNING: Badge(kind="warn", text="Warning"),
    Status.ERROR: Badge(kind="bad", text="Error"),
}
_WORST_FIRST = (Status.ERROR, Status.WARNING, Status.OK)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A finding as the page shows it."""

    badge: SafeString
    finding: Finding


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the findings come to, in a sentence."""

    kind: str
    text: str


def view(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """Offer the self-test, or run it and show what it found."""
    if not request.user.has_perm("subscriptions.test_connection"):
        raise PermissionDenied
    found = _found(request) if request.method == "POST" else []
    configuration = conf.configuration()
    context = {
        **site.each_context(request),
        "title": "Self-test",
        "urls": (configuration.notification_url, configuration.lifecycle_notification_url),
        "rows": [Row(badge=_BADGES[finding.status].html(), finding=finding) for finding in found],
        "verdict": _verdict(found) if found else None,
    }
    return TemplateResponse(request, "admin/subscriptions/self_test.html", context)


def caller_of(request: HttpRequest) -> Caller:
    """Say what the web server tells of itself: whether anybody else can answer while this request is served."""
    has_others = request.META.get("wsgi.multithread") or request.META.get("wsgi.multiprocess")
    return Caller.WORKER if has_others else Caller.ONLY_WORKER


def _found(request: HttpRequest) -> list[Finding]:
    """Run the self-test and return what it found, the worst first."""
    found = self_test.run(
        AppRegistration.objects.all(),
        now=timezone.now(),
        actor=request.user.get_username(),
        caller=caller_of(request),
        time_limit=TIME_LIMIT,
    )
    return sorted(found, key=lambda finding: _WORST_FIRST.index(finding.status))


def _verdict(found: list[Finding]) -> Verdict:
    count = Counter(finding.status for finding in found)
    if errors := count[Status.ERROR]:
        words = f"{errors} thing{'' if errors == 1 else 's'} will not work. What to do stands beside each."
        return Verdict(kind="bad", text=words)
    if warnings := count[Status.WARNING]:
        words = f"It works; {warnings} thing{' deserves' if warnings == 1 else 's deserve'} a look."
        return Verdict(kind="warn", text=words)
    return Verdict(kind="good", text="Everything works.")
