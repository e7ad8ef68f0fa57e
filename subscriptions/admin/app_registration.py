"""App registrations in the admin: who we are to Graph, and whether that works."""

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from subscriptions.admin import badges, self_test
from subscriptions.admin.app_registration_form import AppRegistrationForm
from subscriptions.admin.owner_deletion import OwnerDeletion
from subscriptions.models import AppRegistration, Subscription
from subscriptions.services import connection
from subscriptions.services.access import app_registrations, credentials
from subscriptions.services.errors import UseCaseError

CREDENTIALS = (
    "credential_type",
    "new_client_secret",
    "secret_expires_on",
    "new_certificate",
    "private_key_password",
    "federated_token_file",
)
NEXT_CREDENTIAL = (
    "next_kind",
    "new_next_client_secret",
    "next_secret_expires_on",
    "new_next_certificate",
    "next_private_key_password",
)
IDENTITY = ("cloud", "tenant_id", "client_id")
MESSAGE_LENGTH = 160
BESIDE = (
    "Make it in Entra some days before the other one ends: both are valid side by side there. When Entra refuses the "
    "credential in use, this one is tried, and stays in use if it works. Test connection tries both."
)


@admin.register(AppRegistration)
class AppRegistrationAdmin(OwnerDeletion[AppRegistration]):
    """Registers Entra apps, with a test that really signs in."""

    form = AppRegistrationForm
    list_display = ("name", "place", "connection_in_short", "credential", "subscription_count")
    list_filter = ("cloud", "credential_type")
    search_fields = ("name", "tenant_id", "client_id")
    actions = ("test_connections",)
    change_form_template = "admin/subscriptions/appregistration/change_form.html"

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep what was entered out of error reports."""
        return super().changeform_view(request, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AppRegistration]:
        """Count the subscriptions that are not removed."""
        kept = ~Q(subscriptions__status=Subscription.Status.REMOVED)
        return super().get_queryset(request).annotate(kept_subscriptions=Count("subscriptions", filter=kept))

    def get_fieldsets(self, request: HttpRequest, obj: AppRegistration | None = None) -> Any:
        """Show the fields for credentials only to those who may fill them in."""
        may_edit = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        parts: list[Any] = [(None, {"fields": ("name", *IDENTITY)})]
        if may_edit:
            hint = "How the app proves who it is. Fill in the field that belongs to the chosen kind."
            shown = (*CREDENTIALS, "credential_end") if obj else CREDENTIALS
            parts.append(("Credential", {"fields": shown, "description": hint}))
        else:
            parts.append(("Credential", {"fields": ("credential_type", "credential_end")}))
        if obj and may_edit:
            parts.append(
                (
                    "Next credential",
                    {"fields": (*NEXT_CREDENTIAL, "next_credential_end"), "description": BESIDE},
                )
            )
        if obj:
            parts.append(("Last connection test", {"fields": ("connection_badge", "checked")}))
        return parts

    def get_readonly_fields(
        self, request: HttpRequest, obj: AppRegistration | None = None
    ) -> tuple[str, ...]:
        """Fix the app's identity while Graph holds subscriptions under it."""
        del request
        is_in_use = obj is not None and obj.subscriptions.filter(status=Subscription.Status.ACTIVE).exists()
        return (
            "connection_badge",
            "checked",
            "credential_end",
            "next_credential_end",
            *(IDENTITY if is_in_use else ()),
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the connection test and the self-test."""
        test = path(
            "<int:pk>/test-connection/",
            self.admin_site.admin_view(self.test_connection_view),
            name="subscriptions_appregistration_test_connection",
        )
        check_all = path(
            "self-test/",
            self.admin_site.admin_view(partial(self_test.view, site=self.admin_site)),
            name="subscriptions_self_test",
        )
        use_next = path(
            "<int:pk>/use-next-credential/",
            self.admin_site.admin_view(self.use_next_credential_view),
            name="subscriptions_appregistration_use_next_credential",
        )
        return [test, check_all, use_next, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Say whether the page offers the connection test, and the change to the next credential."""
        row = self.get_object(request, object_id)
        has_next = bool(row and row.next_credential_type)
        context = {
            "has_test_connection_permission": self.has_test_connection_permission(request),
            "may_use_next_credential": has_next and self.has_change_permission(request),
        }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def save_model(
        self, request: HttpRequest, obj: AppRegistration, form: ModelForm[AppRegistration], change: bool
    ) -> None:
        """Save, and let the next renewal run try again what the app's credential has kept from being renewed."""
        super().save_model(request, obj, form, change)
        app_registrations.try_again(obj, now=timezone.now())

    def has_test_connection_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may have the app sign in."""
        return request.user.has_perm("subscriptions.test_connection")

    @method_decorator(require_POST)
    def test_connection_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Test one connection and go back to its page."""
        if not (self.has_test_connection_permission(request) and self.has_view_permission(request)):
            raise PermissionDenied
        app_registration = get_object_or_404(AppRegistration, pk=pk)
        report = connection.test_connection(
            app_registration, now=timezone.now(), actor=request.user.get_username()
        )
        level = messages.SUCCESS if report.succeeded else messages.ERROR
        self.message_user(request, report.message, level)
        return HttpResponseRedirect(reverse("admin:subscriptions_appregistration_change", args=(pk,)))

    @method_decorator(require_POST)
    def use_next_credential_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Use the next credential from now on, and go back to the page."""
        app_registration = get_object_or_404(AppRegistration, pk=pk)
        if not self.has_change_permission(request, app_registration):
            raise PermissionDenied
        try:
            credentials.make_next_current(app_registration)
        except UseCaseError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.log_change(request, app_registration, "The next credential was put in use.")
            text = "The next credential is in use from now on; the other one stays beside it. Test the connection."
            self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:subscriptions_appregistration_change", args=(pk,)))

    @admin.action(description="Test connection", permissions=["test_connection"])
    def test_connections(self, request: HttpRequest, queryset: QuerySet[AppRegistration]) -> None:
        """Test each chosen connection."""
        now, actor = timezone.now(), request.user.get_username()
        reports = {str(row): connection.test_connection(row, now=now, actor=actor) for row in queryset}
        failed = [f"{name}: {report.message}" for name, report in reports.items() if not report.succeeded]
        summary = f"Connected {len(reports) - len(failed)}, failed {len(failed)}."
        self.message_user(
            request, " ".join((summary, *failed)), messages.ERROR if failed else messages.SUCCESS
        )

    @admin.display(description="subscriptions", ordering="kept_subscriptions")
    def subscription_count(self, app_registration: AppRegistration) -> SafeString:
        """Count the app's subscriptions and link to them."""
        url = reverse("admin:subscriptions_subscription_changelist")
        count = getattr(app_registration, "kept_subscriptions", 0)
        return format_html('<a href="{}?app={}">{}</a>', url, app_registration.pk, count)

    @admin.display(description="tenant", ordering="tenant_id")
    def place(self, app_registration: AppRegistration) -> SafeString:
        """Show the tenant and its cloud."""
        cloud = app_registration.get_cloud_display().partition(" (")[0]
        return format_html(
            '<span class="gsm-code">{}</span><div class="gsm-note">{}</div>',
            app_registration.tenant_id,
            cloud,
        )

    @admin.display(description="connection", ordering="check_succeeded")
    def connection_in_short(self, app_registration: AppRegistration) -> SafeString:
        """Show what the last test found, as far as a list has room."""
        return format_html(
            '{}<div class="gsm-note">{}</div>',
            badges.of_connection(app_registration).html(),
            Truncator(app_registration.check_message).chars(MESSAGE_LENGTH),
        )

    @admin.display(description="connection")
    def connection_badge(self, app_registration: AppRegistration) -> SafeString:
        """Show what the last test found."""
        return format_html(
            '{}<div class="gsm-note">{}</div>',
            badges.of_connection(app_registration).html(),
            app_registration.check_message,
        )

    @admin.display(description="credential", ordering="credential_expires_at")
    def credential(self, app_registration: AppRegistration) -> SafeString:
        """Show how the app proves itself, and how long it still can."""
        return format_html(
            '{}<div class="gsm-note">{}</div>',
            app_registration.get_credential_type_display(),
            self.credential_end(app_registration),
        )

    @admin.display(description="ends")
    def credential_end(self, app_registration: AppRegistration) -> SafeString:
        """Show when the credential in use ends."""
        return _end(app_registration.credential_expires_at)

    @admin.display(description="state")
    def next_credential_end(self, app_registration: AppRegistration) -> SafeString:
        """Show when the next credential ends, and whether Entra refused it."""
        if not app_registration.next_credential_type:
            return format_html("{}", "There is none.")
        if refused_at := app_registration.next_credential_refused_at:
            badge = badges.Badge(kind="bad", text="Refused").html()
            return format_html(
                "{} at {}. If it does not work again soon, choose None above.",
                badge,
                badges.to_the_second(refused_at),
            )
        return _end(app_registration.next_credential_expires_at)

    @admin.display(description="tested at")
    def checked(self, app_registration: AppRegistration) -> str:
        """Show when the last test was."""
        return badges.to_the_second(app_registration.checked_at)


def _end(expires_at: datetime | None) -> SafeString:
    if expires_at is None:
        return format_html("{}", "End not known")
    return format_html(
        "{} {}", badges.of_end(expires_at, now=timezone.now()).html(), badges.moment(expires_at)
    )
