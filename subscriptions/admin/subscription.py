"""Subscriptions in the admin: the wish, what Graph made of it, and what can be done about it."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from subscriptions import catalogue
from subscriptions.admin import badges, calls, delta_words, gap_words
from subscriptions.admin.calls import Call
from subscriptions.admin.carrying_out import CarryOutAdmin
from subscriptions.admin.guide import GuidedCreation, facts_context, row_number
from subscriptions.admin.retired_deletion import RetiredDeletion
from subscriptions.admin.subscription_filters import AppRegistrationFilter, StatusFilter
from subscriptions.admin.subscription_form import AccountField, NewSubscriptionForm, SubscriptionForm
from subscriptions.admin.subscription_page import buttons, last_operations, notes
from subscriptions.admin.upload import BulkCreation
from subscriptions.models import DelegatedAccount, EncryptionCertificate, Subscription
from subscriptions.services import creation
from subscriptions.services.errors import WishExistsError

WISH = ("app_registration", "watched_as", "resource_code", "change_types", "content", "version")
EDITABLE = ("fetch_content", "lifetime_minutes", "auto_renew")
FACTS = (
    "status_badge",
    "graph_code",
    "expires",
    "granted",
    "renewed",
    "reauthorized",
    "next_renewal",
    "delta_query",
)
OPTIONS = (
    "use_immutable_ids",
    "include_security_webhooks",
    "include_unknown_enum_members",
    "notification_query_options",
    "latest_supported_tls_version",
)
ADDRESSES = ("notification_url", "lifecycle_notification_url")
Status = Subscription.Status
ERROR_LENGTH = 120


@admin.register(Subscription)
class SubscriptionAdmin(RetiredDeletion, GuidedCreation, BulkCreation, CarryOutAdmin[Subscription]):
    """Creates subscriptions at Graph, shows how they stand, and renews, recreates and removes them."""

    confirm_template = "admin/subscriptions/subscription/confirm_call.html"
    list_display = ("status_in_short", "wish", "app_registration", "expires")
    list_display_links = ("wish",)
    list_filter = (StatusFilter, AppRegistrationFilter, "include_resource_data")
    list_select_related = ("app_registration",)
    search_fields = ("resource", "graph_id")
    search_help_text = "Part of the resource, or of Graph's ID."
    actions = ("renew", "reauthorize", "recreate", "rotate", "catch_up", "pause", "resume", "remove")
    add_form_template = "admin/subscriptions/subscription/add_form.html"
    change_form_template = "admin/subscriptions/subscription/change_form.html"

    # Rights

    def has_renew_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may renew, reauthorize and recreate at Graph."""
        return request.user.has_perm("subscriptions.renew_subscription")

    def has_pause_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may pause and resume."""
        return request.user.has_perm("subscriptions.pause_subscription")

    def has_recover_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may have missed changes looked up."""
        return request.user.has_perm("subscriptions.recover_subscription")

    def has_remove_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may retire."""
        return request.user.has_perm("subscriptions.remove_subscription")

    def _may(self, request: HttpRequest, call: Call) -> bool:
        rights = {
            "renew": self.has_renew_permission,
            "pause": self.has_pause_permission,
            "recover": self.has_recover_permission,
            "remove": self.has_remove_permission,
        }
        return rights[call.permission](request) and self.has_view_permission(request)

    # Forms

    def get_form(
        self, request: HttpRequest, obj: Subscription | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Subscription]]:
        """Take the whole wish once; later only what Graph does not own."""
        kwargs["form"] = SubscriptionForm if obj else NewSubscriptionForm
        form = super().get_form(request, obj, change, **kwargs)
        for name in {
            "app_registration",
            "delegated_account",
            "encryption_certificate",
        } & form.base_fields.keys():
            # Adding one on the way is of use; changing or deleting one from here is an accident.
            widget: Any = form.base_fields[name].widget
            widget.can_change_related = widget.can_delete_related = widget.can_view_related = False
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Subscription | None = None) -> Any:
        """Lay the wish beside the facts."""
        if obj:
            return [
                ("How it stands", {"fields": FACTS}),
                ("What we want", {"fields": (*self._wish(request), *EDITABLE)}),
                ("Options of Graph", {"fields": OPTIONS, "classes": ("collapse",)}),
                ("Where Graph sends to", {"fields": ADDRESSES, "classes": ("collapse",)}),
            ]
        return [
            (None, {"fields": ("app_registration", "delegated_account", "resource", "change_type")}),
            ("Content", {"fields": ("include_resource_data", "encryption_certificate")}),
            ("Details", {"fields": ("api_version", *EDITABLE)}),
            ("Options of Graph", {"fields": OPTIONS, "classes": ("collapse",)}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Subscription | None = None) -> tuple[str, ...]:
        """Fix what Graph owns."""
        return (*self._wish(request), *FACTS, *OPTIONS, *ADDRESSES) if obj else ()

    def _wish(self, request: HttpRequest) -> tuple[str, ...]:
        """Name what was wished; Django links a related row for everybody, so others get the name of its app alone."""
        if request.user.has_perm("subscriptions.view_appregistration"):
            return WISH
        return tuple("app_registration_name" if name == "app_registration" else name for name in WISH)

    @admin.display(description="app registration")
    def app_registration_name(self, subscription: Subscription) -> str:
        """Show the name of its app registration."""
        return str(subscription.app_registration)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill the form from the subscription to be cloned."""
        initial = super().get_changeform_initial_data(request)
        source = self._source_of_clone(request)
        if source is None:
            # Lists of choices stand in the address as one text.
            return {**initial, "change_type": str(initial.get("change_type", "")).split(",")}
        names = [field for field in NewSubscriptionForm.Meta.fields if field != "change_type"]
        return {
            **{name: models.Model.serializable_value(source, name) for name in names},
            "change_type": source.change_type.split(","),
        }

    def _source_of_clone(self, request: HttpRequest) -> Subscription | None:
        pk = row_number(request.GET.get("clone", ""))
        if not pk or not self.has_view_permission(request):
            return None
        return Subscription.objects.filter(pk=pk).first()

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        """Offer only certificates that a new subscription may use, and accounts with where they belong."""
        if db_field.name == "encryption_certificate":
            kwargs["queryset"] = EncryptionCertificate.objects.usable(timezone.now())
            kwargs["empty_label"] = "None"
        if db_field.name == "delegated_account":
            kwargs["form_class"] = AccountField
            kwargs["queryset"] = DelegatedAccount.objects.select_related("app_registration")
            kwargs["empty_label"] = "None: as the app itself"
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    # Pages

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Create a subscription; when the same wish is here already, go to that one."""
        context = {
            "entries": catalogue.entries(),
            **facts_context(request),
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
        }
        try:
            return super().add_view(request, form_url, {**context, **(extra_context or {})})
        except WishExistsError as error:
            self.message_user(request, str(error), messages.WARNING)
            return self._to_page_of(error.existing, request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the subscription with what can be done about it and what was done."""
        context: dict[str, Any] = {"show_save_and_continue": False, "show_save_and_add_another": False}
        if subscription := self.get_object(request, object_id):
            context |= {
                "notes": notes(subscription, sees_alerts=request.user.has_perm("subscriptions.view_alert")),
                "buttons": buttons(
                    subscription,
                    may=partial(self._may, request),
                    may_add=self.has_add_permission(request),
                ),
                "operations": last_operations(
                    subscription, is_linked=request.user.has_perm("subscriptions.view_operation")
                ),
                "listening": gap_words.listening(subscription, now=timezone.now()),
                "notifications_url": (
                    f"{reverse('admin:notifications_changenotification_changelist')}"
                    f"?subscription={subscription.pk}"
                ),
            }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        """Write the wish; a new one goes to Graph when the transaction is over."""
        for warning in form.warnings:
            self.message_user(request, warning, messages.WARNING)
        if change:
            # Only what was entered: a renewal may write its facts at this moment.
            obj.save(update_fields=[*form.changed_data, "updated_at"])
            return
        creation.plan(obj, now=timezone.now())
        transaction.on_commit(lambda: self.carry_out(request, calls.SUBMIT, obj))

    def response_add(
        self, request: HttpRequest, obj: Subscription, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Go to the new subscription; what Graph said to it is added as a message."""
        del post_url_continue
        return self._to_page_of(obj, request)

    def _to_page_of(self, subscription: Subscription, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        return HttpResponseRedirect(
            reverse("admin:subscriptions_subscription_change", args=(subscription.pk,))
        )

    # Calls from the page of one subscription

    def get_urls(self) -> list[URLPattern]:
        """Give each call an address of its own."""
        own = [
            path(
                f"<int:pk>/{call.name}/",
                self.admin_site.admin_view(partial(self._call_view, call)),
                name=f"subscriptions_subscription_{call.name}",
            )
            for call in calls.CALLS
        ]
        return [*own, *super().get_urls()]

    def _call_view(self, call: Call, request: HttpRequest, pk: int) -> HttpResponse:
        """Do one thing at Graph; where it asks first, a GET shows what will happen."""
        if not self._may(request, call):
            raise PermissionDenied
        subscription = get_object_or_404(Subscription.objects.select_related("app_registration"), pk=pk)
        if request.method == "POST":
            self.carry_out(request, call, subscription)
            return self._to_page_of(subscription, request)
        if not call.asks_first:
            return HttpResponseNotAllowed(["POST"])
        return self.ask(request, call, [subscription])

    # Calls for several

    @admin.action(description="Renew now", permissions=["renew"])
    def renew(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse | None:
        """Renew the chosen subscriptions."""
        return self._for_each(request, queryset, calls.RENEW)

    @admin.action(description="Reauthorize", permissions=["renew"])
    def reauthorize(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse | None:
        """Reauthorize the chosen subscriptions."""
        return self._for_each(request, queryset, calls.REAUTHORIZE)

    @admin.action(description="Recreate (asks first)", permissions=["renew"])
    def recreate(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse | None:
        """Create the chosen subscriptions again."""
        return self._for_each(request, queryset, calls.RECREATE)

    @admin.action(description="Rotate clientState (asks first)", permissions=["renew"])
    def rotate(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse | None:
        """Give the chosen subscriptions a new clientState."""
        return self._for_each(request, queryset, calls.ROTATE)

    @admin.action(description="Pause (asks first)", permissions=["pause"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse | None:
        """End the chosen subscriptions at Graph until they are resumed."""
        return self._for_each(request, queryset, calls.PAUSE)

    @admin.action(description="Catch up by delta query", permissions=["recover"])
    def catch_up(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse | None:
        """Have looked up what the chosen subscriptions were not told."""
        return self._for_each(request, queryset, calls.CATCH_UP)

    @admin.action(description="Resume", permissions=["pause"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse | None:
        """Create the chosen paused subscriptions again."""
        return self._for_each(request, queryset, calls.RESUME)

    @admin.action(description="Retire (asks first)", permissions=["remove"])
    def remove(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse | None:
        """End the chosen subscriptions at Graph for good."""
        return self._for_each(request, queryset, calls.REMOVE)

    def _for_each(
        self, request: HttpRequest, queryset: QuerySet[Subscription], call: Call
    ) -> HttpResponse | None:
        return self.carry_out_for_each(request, queryset.select_related("app_registration"), call)

    # Columns

    @admin.display(description="status", ordering="expires_at")
    def status_in_short(self, subscription: Subscription) -> SafeString:
        """Show how it stands now, with the time left below."""
        return badges.of_subscription(subscription, now=timezone.now()).stacked()

    @admin.display(description="status")
    def status_badge(self, subscription: Subscription) -> SafeString:
        """Show how it stands now."""
        return badges.of_subscription(subscription, now=timezone.now()).html()

    @admin.display(description="what is watched", ordering="resource")
    def wish(self, subscription: Subscription) -> SafeString:
        """Show the path, what of it is told, and the beginning of what went wrong last."""
        return format_html(
            '{}<div class="gsm-note">{} · {}</div><div class="gsm-note gsm-error">{}</div>',
            badges.path(subscription.resource),
            self.change_types(subscription),
            "with content" if subscription.include_resource_data else "without content",
            Truncator(subscription.error_message or subscription.error_code).chars(ERROR_LENGTH),
        )

    @admin.display(description="resource")
    def resource_code(self, subscription: Subscription) -> SafeString:
        """Show the path."""
        return badges.path(subscription.resource)

    @admin.display(description="watched by")
    def watched_as(self, subscription: Subscription) -> str:
        """Say in whose name it is watched."""
        account = subscription.delegated_account
        if account is None:
            return "The app itself"
        url = reverse("admin:subscriptions_delegatedaccount_change", args=(account.pk,))
        return format_html('<a href="{}">{}</a>', url, account)

    @admin.display(description="API version")
    def version(self, subscription: Subscription) -> str:
        """Show the version under which Graph has it."""
        return subscription.api_version

    @admin.display(description="change types")
    def change_types(self, subscription: Subscription) -> str:
        """Show the change types with room between."""
        return subscription.change_type.replace(",", ", ")

    @admin.display(description="content")
    def content(self, subscription: Subscription) -> str:
        """Say whether content is included, and for which certificate."""
        if not subscription.include_resource_data:
            return "Not included"
        wished, held = subscription.encryption_certificate, subscription.certificate_at_graph
        if held is None or held == wished:
            return f"Included, encrypted for {wished}"
        return f"Included, encrypted for {held}; for {wished} from the next renewal on"

    @admin.display(description="Graph's ID")
    def graph_code(self, subscription: Subscription) -> SafeString:
        """Show Graph's id."""
        return format_html('<span class="gsm-code">{}</span>', subscription.graph_id or "–")  # noqa: RUF001 -- as Django

    @admin.display(description="expires at", ordering="expires_at")
    def expires(self, subscription: Subscription) -> SafeString:
        """Show until when Graph has granted it."""
        return badges.moment(subscription.expires_at)

    @admin.display(description="granted at")
    def granted(self, subscription: Subscription) -> str:
        """Show when Graph granted it last."""
        return badges.to_the_second(subscription.granted_at)

    @admin.display(description="renewed at")
    def renewed(self, subscription: Subscription) -> str:
        """Show when it was renewed last."""
        return badges.to_the_second(subscription.renewed_at)

    @admin.display(description="reauthorized at")
    def reauthorized(self, subscription: Subscription) -> str:
        """Show when it was reauthorized last."""
        return badges.to_the_second(subscription.reauthorized_at)

    @admin.display(description="delta query")
    def delta_query(self, subscription: Subscription) -> str:
        """Show up to when every change is known, and what stands in the way."""
        return delta_words.standing(subscription)

    @admin.display(description="due again at")
    def next_renewal(self, subscription: Subscription) -> str:
        """Show from when the renewal run will take it up."""
        is_looked_after = subscription.auto_renew and subscription.is_enabled
        if not is_looked_after or subscription.status in {Status.FAILED, Status.REMOVED}:
            return "Not taken up by the renewal run"
        return badges.to_the_second(subscription.renew_at)
