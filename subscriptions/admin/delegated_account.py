"""Signed-in accounts in the admin: somebody signs in, and the state of what was kept is shown."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from subscriptions.admin import badges
from subscriptions.admin.calls import EXPECTED_ERRORS
from subscriptions.admin.own_address import address_here
from subscriptions.admin.owner_deletion import OwnerDeletion
from subscriptions.admin.sign_in_form import SignInForm
from subscriptions.models import DelegatedAccount, Subscription
from subscriptions.services import connection
from subscriptions.services.access import accounts
from subscriptions.services.outcomes import told

# Under this name the session keeps the sign-in that is under way; a new one takes its place.
SESSION_KEY = "pending_sign_in"


@admin.register(DelegatedAccount)
class DelegatedAccountAdmin(OwnerDeletion[DelegatedAccount]):
    """Signs accounts in, for what Graph gives only to users."""

    list_display = (
        "username",
        "state_badge",
        "app_registration",
        "kind",
        "signed_in",
        "subscription_count",
    )
    list_filter = ("needs_sign_in", "kind", "app_registration")
    list_select_related = ("app_registration",)
    search_fields = ("username",)
    fields = (
        "username",
        "app_registration",
        "kind",
        "state_badge",
        "permissions",
        "signed_in",
        "subscription_count",
    )
    readonly_fields = ("state_badge", "permissions", "signed_in", "subscription_count")
    change_list_template = "admin/subscriptions/delegatedaccount/change_list.html"
    change_form_template = "admin/subscriptions/delegatedaccount/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[DelegatedAccount]:
        """Count the subscriptions that are not removed."""
        kept = ~Q(subscriptions__status=Subscription.Status.REMOVED)
        return super().get_queryset(request).annotate(kept_subscriptions=Count("subscriptions", filter=kept))

    def has_change_permission(self, request: HttpRequest, obj: DelegatedAccount | None = None) -> bool:
        """Let nobody edit what a sign-in has proven."""
        del request, obj
        return False

    def has_test_connection_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may have an account get a token."""
        return request.user.has_perm("subscriptions.test_connection")

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses to which the sign-in comes back and where the connection is tested."""
        wrap = self.admin_site.admin_view
        return [
            path("callback/", wrap(self.callback_view), name="subscriptions_delegatedaccount_callback"),
            path(
                "<int:pk>/test-connection/",
                wrap(self.test_connection_view),
                name="subscriptions_delegatedaccount_test_connection",
            ),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Say which buttons the page offers."""
        context = {"has_test_connection_permission": self.has_test_connection_permission(request)}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Begin a sign-in: an account is not typed in, it signs in.

        `?account=` names the one that has to sign in again, `?resource=` a path that is to be watched.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied
        expected = self._expected(request)
        form = SignInForm(request.POST or None, expected=expected, resource=request.GET.get("resource", ""))
        if request.method == "POST" and form.is_valid() and (address := self._begun(request, form, expected)):
            return self._lead_to(request, address)
        names = list(form.fields)
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "opts": self.opts,
            "title": f"Sign in again: {expected}" if expected else "Sign in an account",
            "adminform": AdminForm(form, [(None, {"fields": names})], {}, (), self),  # type: ignore[arg-type] # any form will do
            "errors": form.errors,
            "form_url": form_url,
            "media": self.media + form.media,
            "redirect_uri": redirect_uri(request),
        }
        return TemplateResponse(request, "admin/subscriptions/delegatedaccount/sign_in.html", context)

    @method_decorator(require_GET)
    @method_decorator(never_cache)
    def callback_view(self, request: HttpRequest) -> HttpResponse:
        """Finish the sign-in of this session with what the browser brought back."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        kept = request.session.pop(SESSION_KEY, None)
        try:
            account = accounts.finish(kept, unverified_answer=request.GET.dict(), now=timezone.now())
        except EXPECTED_ERRORS as error:
            self.message_user(request, told(error), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:subscriptions_delegatedaccount_changelist"))
        self.log_addition(request, account, "Signed in.")
        self.message_user(request, f"Signed in: {account.username}.", messages.SUCCESS)
        if not self.has_view_permission(request, account):
            return HttpResponseRedirect(reverse("admin:index"))
        return HttpResponseRedirect(
            reverse("admin:subscriptions_delegatedaccount_change", args=(account.pk,))
        )

    @method_decorator(require_POST)
    def test_connection_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Test one account and go back to its page."""
        if not (self.has_test_connection_permission(request) and self.has_view_permission(request)):
            raise PermissionDenied
        account = get_object_or_404(DelegatedAccount.objects.select_related("app_registration"), pk=pk)
        report = connection.test_account(account, actor=request.user.get_username())
        level = messages.SUCCESS if report.succeeded else messages.ERROR
        self.message_user(request, report.message, level)
        return HttpResponseRedirect(reverse("admin:subscriptions_delegatedaccount_change", args=(pk,)))

    @admin.display(description="state", ordering="needs_sign_in")
    def state_badge(self, account: DelegatedAccount) -> SafeString:
        """Show whether the account serves, and if not why, and what to do."""
        if not account.needs_sign_in:
            return badges.Badge(kind="good", text="Signed in").html()
        return format_html(
            '{}<div class="gsm-note">{}</div>',
            badges.Badge(kind="bad", text="Needs to sign in again").html(),
            account.problem,
        )

    @admin.display(description="permissions granted")
    def permissions(self, account: DelegatedAccount) -> SafeString:
        """Show the permissions that came with the sign-in."""
        return format_html(
            '<span class="gsm-code">{}</span>', " ".join(accounts.granted_permissions(account))
        )

    @admin.display(description="signed in at", ordering="signed_in_at")
    def signed_in(self, account: DelegatedAccount) -> str:
        """Show when somebody last signed in."""
        return badges.to_the_second(account.signed_in_at)

    @admin.display(description="subscriptions", ordering="kept_subscriptions")
    def subscription_count(self, account: DelegatedAccount) -> int:
        """Count the subscriptions in the account's name."""
        return int(getattr(account, "kept_subscriptions", 0))

    def _expected(self, request: HttpRequest) -> DelegatedAccount | None:
        pk = request.GET.get("account", "")
        if not pk.isdecimal():
            return None
        account = get_object_or_404(DelegatedAccount.objects.select_related("app_registration"), pk=pk)
        if not self.has_view_permission(request, account):
            raise PermissionDenied
        return account

    def _lead_to(self, request: HttpRequest, address: str) -> HttpResponse:
        """Leave for the sign-in page by a page of our own.

        After a form a browser holds every redirect against `form-action`, and nobody can list where a sign-in leads, to
        an organisation's own servers among others. A page that moves on begins anew.
        """
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "To the sign-in page",
            "address": address,
        }
        template = "admin/subscriptions/delegatedaccount/leave_to_sign_in.html"
        return TemplateResponse(request, template, context, headers={"Refresh": f"0; url={address}"})

    def _begun(self, request: HttpRequest, form: SignInForm, expected: DelegatedAccount | None) -> str:
        """Return the address of the sign-in page; empty when none is to be had, which the form then tells."""
        try:
            pending = accounts.begin(
                form.cleaned_data["app_registration"],
                kind=form.cleaned_data["kind"],
                permissions=form.cleaned_data["permissions"],
                redirect_uri=redirect_uri(request),
                expected=expected,
                now=timezone.now(),
            )
        except EXPECTED_ERRORS as error:
            form.add_error(None, told(error))
            return ""
        request.session[SESSION_KEY] = pending.kept
        return pending.address


def redirect_uri(request: HttpRequest) -> str:
    """Return the address to which the sign-in comes back."""
    return address_here(request, reverse("admin:subscriptions_delegatedaccount_callback"))
