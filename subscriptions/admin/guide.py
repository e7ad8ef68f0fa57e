"""From the catalogue to the form: pick what to watch, fill its named parts, see what Graph will be asked."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from subscriptions import catalogue
from subscriptions.admin.calls import EXPECTED_ERRORS
from subscriptions.admin.catalogue_facts import facts_for, facts_of, problem_of
from subscriptions.catalogue import Entry
from subscriptions.models import AppRegistration, DelegatedAccount, Subscription
from subscriptions.services.outcomes import told
from subscriptions.services.permissions import permissions_held

PART_HELP = {
    "user-id": "Object ID of the user (a GUID, in the Entra admin center under Users). With a signed-in account: me.",
    "user-ids": "Object IDs of the users, with commas between them; at most 650.",
    "group-id": "Object ID of the group, in the Entra admin center under Groups.",
    "team-id": "ID of the team: in Teams, Get link to team, the value of groupId.",
    "channel-id": "ID of the channel: in Teams, Get link to channel, the part that begins with 19:.",
    "chat-id": "ID of the chat: the part of its address that begins with 19:.",
    "teamsApp-id": "ID of the app in the Teams app catalogue.",
    "mailFolder-id": "ID of the folder, or a well-known name such as inbox.",
    "contactFolder-id": "ID of the contact folder.",
    "drive-id": "ID of the drive, as Graph shows it under /users/{id}/drive or /sites/{id}/drive.",
    "site-id": "ID of the site: host, site collection and site, as contoso.sharepoint.com,GUID,GUID.",
    "list-id": "ID of the list, a GUID.",
    "onlineMeeting-id": "ID of the meeting as Graph shows it, not the number to dial.",
    "encodedJoinWebUrl": "The meeting's join link, as Teams shows it; it is encoded for you.",
    "joinWebUrl": "The meeting's join link, as Teams shows it.",
    "filter": "OData expression, for example status eq 'New'.",
    "bool": "true or false.",
    "eventType": "webinars or townhalls.",
    "policyName": "Name of the emergency call policy.",
}
PREFIX = "part-"
# More digits are in no table, and Python refuses to read very many.
LONGEST_ROW_NUMBER = 18


@dataclass(frozen=True, kw_only=True)
class Part:
    """One named part of a path, as an input."""

    name: str
    field: str
    value: str
    help: str


@dataclass(frozen=True, kw_only=True)
class Permission:
    """Whether Graph will permit it, in words; `kind` is good, warn or bad."""

    kind: str
    text: str


# Whoever is to watch: an app registration, and the account that signed in to it if it is not the app itself.
Who = tuple[AppRegistration, DelegatedAccount | None]


class GuidedCreation(admin.ModelAdmin[Subscription]):
    """Adds the catalogue and the form for the parts of a path to the subscriptions' admin."""

    def get_urls(self) -> list[URLPattern]:
        """Give the catalogue, one entry of it, and its facts an address each."""
        wrap = self.admin_site.admin_view
        return [
            path("catalogue/", wrap(self.catalogue_view), name="subscriptions_subscription_catalogue"),
            path("catalogue/entry/", wrap(self.entry_view), name="subscriptions_subscription_entry"),
            path("catalogue/facts/", wrap(self.facts_view), name="subscriptions_subscription_facts"),
            *super().get_urls(),
        ]

    def catalogue_view(self, request: HttpRequest) -> HttpResponse:
        """Show everything that Graph can watch, by workload; `q` narrows it down."""
        self._require_view(request)
        sought = request.GET.get("q", "").strip()
        found = catalogue.search(sought)
        groups = [
            (workload, [facts_of(entry) for entry in found if entry.workload == workload])
            for workload in catalogue.workloads()
        ]
        context = {
            "title": "What Graph can watch",
            "sought": sought,
            "count": len(found),
            "groups": [(workload, facts) for workload, facts in groups if facts],
            "may_add": self.has_add_permission(request),
        }
        return self._page(request, "catalogue", context)

    def entry_view(self, request: HttpRequest) -> HttpResponse:
        """Take the named parts of one entry and show the path; `go_on` leads to the form with it."""
        self._require_add(request)
        entry = _entry_at(request.GET.get("path", ""))
        values = {name: request.GET.get(f"{PREFIX}{name}", "") for name in entry.parameters}
        who = _who(request.GET.get("who", ""))
        is_filled_in = "show" in request.GET or "go_on" in request.GET or not entry.parameters
        resource, problem = _resource(entry, values, request.GET) if is_filled_in else ("", "")
        if resource and "go_on" in request.GET:
            return HttpResponseRedirect(
                f"{reverse('admin:subscriptions_subscription_add')}?{_initial(entry, resource, who)}"
            )
        context = {
            "title": entry.title,
            "facts": facts_of(entry),
            "parts": _parts(entry, values),
            "options": request.GET.get("options", ""),
            "resource": resource,
            "problem": problem,
            "who_options": _who_options(),
            "who": request.GET.get("who", ""),
            "permission": _permission(who, resource) if who and resource else None,
        }
        return self._page(request, "entry", context)

    def facts_view(self, request: HttpRequest) -> HttpResponse:
        """Return the facts of a path as a piece of a page, for the form's script."""
        self._require_view(request)
        context = facts_context(request)
        return TemplateResponse(request, "admin/subscriptions/subscription/facts.html", context)

    def _require_view(self, request: HttpRequest) -> None:
        if not (self.has_view_permission(request) or self.has_add_permission(request)):
            raise PermissionDenied

    def _require_add(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PermissionDenied

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(
            request, f"admin/subscriptions/subscription/{name}.html", {**shared, **context}
        )


def row_number(text: str) -> int:
    """Return the number of a row that an address names; 0, which no row has, for what cannot be one."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST_ROW_NUMBER else 0


def facts_context(request: HttpRequest) -> dict[str, Any]:
    """Return what the piece of a page about the path in the form is made from."""
    given = request.POST if request.method == "POST" else request.GET
    resource = given.get("resource", "").strip()
    return {"resource": resource, "facts": facts_for(resource), "problem": problem_of(resource)}


def _entry_at(template: str) -> Entry:
    entry = next((entry for entry in catalogue.entries() if entry.path == template), None)
    if entry is None:
        raise Http404("The catalogue has no such path.")
    return entry


def _parts(entry: Entry, values: dict[str, str]) -> list[Part]:
    return [
        Part(
            name=name,
            field=f"{PREFIX}{name}",
            value=values[name],
            help=PART_HELP.get(name, f"ID of the {name.removesuffix('-id')}."),
        )
        for name in entry.parameters
    ]


def _resource(entry: Entry, values: dict[str, str], given: QueryDict) -> tuple[str, str]:
    """Return the path to send, or why there is none."""
    try:
        resource = catalogue.fill(entry, values)
        options = given.get("options", "").strip().lstrip("?&")
        if options:
            resource = catalogue.normalise(f"{resource}{'&' if '?' in resource else '?'}{options}")
    except ValueError as error:
        return "", str(error)
    return resource, ""


def _who_options() -> list[tuple[str, str]]:
    """Return every app registration, and every account that signed in to one, to choose from."""
    apps = AppRegistration.objects.prefetch_related("accounts")
    return [
        option
        for app in apps
        for option in (
            (str(app.pk), f"{app}, as the app itself"),
            *((f"{app.pk}-{account.pk}", f"{app}, as {account}") for account in app.accounts.all()),
        )
    ]


def _who(chosen: str) -> Who | None:
    app_pk, is_account, account_pk = chosen.partition("-")
    app_registration = AppRegistration.objects.filter(pk=row_number(app_pk)).first()
    if app_registration is None:
        return None
    if not is_account:
        return app_registration, None
    account = app_registration.accounts.filter(pk=row_number(account_pk)).first()
    return (app_registration, account) if account else None


def _permission(who: Who, resource: str) -> Permission:
    """Say, from a token of whoever is to watch, whether Graph will permit it."""
    app_registration, account = who
    try:
        report = permissions_held(app_registration, account=account, resource=resource)
    except EXPECTED_ERRORS as error:
        return Permission(kind="bad", text=f"No token is to be had: {told(error)}")
    if report.present:
        return Permission(kind="good", text=f"Granted: the token carries {', '.join(report.present)}.")
    if report.missing:
        text = f"Missing: {', '.join(report.missing)}. {report.advice}"
        return Permission(kind="warn" if report.may_be_granted_elsewhere else "bad", text=text)
    return Permission(kind="warn", text=report.advice)


def _initial(entry: Entry, resource: str, who: Who | None) -> str:
    """Return what the form begins with, as a query."""
    initial = QueryDict(mutable=True)
    if who:
        initial["app_registration"] = str(who[0].pk)
        if who[1]:
            initial["delegated_account"] = str(who[1].pk)
    initial["resource"] = resource
    initial["change_type"] = ",".join(entry.change_types)
    if entry.is_beta_only:
        initial["api_version"] = Subscription.ApiVersion.BETA
    if entry.is_rich_only:
        initial["include_resource_data"] = "1"
    return initial.urlencode()
