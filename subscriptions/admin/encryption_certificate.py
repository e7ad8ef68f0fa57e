"""Encryption certificates in the admin: made, imported, moved on; the private key is never shown."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters

from subscriptions.admin import badges
from subscriptions.admin.certificate_end import CertificateEnd
from subscriptions.admin.encryption_certificate_form import CertificateStateForm, NewCertificateForm
from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.services import certificate_rotation

FACTS = ("thumbprint_code", "subject", "key_bits", "validity", "valid_from", "valid_until", "download")


@admin.register(EncryptionCertificate)
class EncryptionCertificateAdmin(CertificateEnd):
    """Makes and imports the key pairs with which Graph encrypts content for us, and ends them."""

    change_form_template = "admin/subscriptions/encryptioncertificate/change_form.html"

    list_display = (
        "encryption_certificate_id",
        "state_badge",
        "validity",
        "valid_until",
        "key_bits",
        "thumbprint_code",
        "subscription_count",
    )
    list_filter = ("state",)
    search_fields = ("encryption_certificate_id", "thumbprint", "subject")

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep what was entered out of error reports."""
        return super().changeform_view(request, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[EncryptionCertificate]:
        """Count the subscriptions for which Graph encrypts with it."""
        used = Q(subscriptions_at_graph__status=Subscription.Status.ACTIVE)
        return super().get_queryset(request).annotate(users=Count("subscriptions_at_graph", filter=used))

    def save_model(
        self,
        request: HttpRequest,
        obj: EncryptionCertificate,
        form: forms.ModelForm[EncryptionCertificate],
        change: bool,
    ) -> None:
        """Write only what the form is for: a rotation may have begun meanwhile."""
        if not change:
            super().save_model(request, obj, form, change)
        elif form.has_changed():
            certificate_rotation.set_state(obj, obj.state)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out deleting many at once: each key may be needed for what still arrives."""
        return {
            name: action for name, action in super().get_actions(request).items() if name != "delete_selected"
        }

    def get_form(
        self,
        request: HttpRequest,
        obj: EncryptionCertificate | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[forms.ModelForm[EncryptionCertificate]]:
        """Take a key pair once; later only the state changes."""
        kwargs["form"] = CertificateStateForm if obj else NewCertificateForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: EncryptionCertificate | None = None) -> Any:
        """Show the facts of a certificate that is here, or the ways to bring one in."""
        del request
        if obj:
            return [
                (None, {"fields": ("encryption_certificate_id", "state")}),
                ("Certificate", {"fields": FACTS}),
            ]
        return [
            (None, {"fields": ("encryption_certificate_id", "source")}),
            (
                "Make a new one",
                {"fields": ("new_key_size",), "description": "Self-signed, valid for two years."},
            ),
            (
                "Import",
                {
                    "fields": ("pem_file", "pem_text", "pfx_file", "password"),
                    "description": "Graph takes RSA keys of 2048 to 4096 bits. The private key is needed to decrypt.",
                },
            ),
        ]

    def get_readonly_fields(
        self, request: HttpRequest, obj: EncryptionCertificate | None = None
    ) -> tuple[str, ...]:
        """Fix everything but the state once the certificate is here."""
        del request
        fixed = ("encryption_certificate_id", *(("state",) if obj.key_destroyed_at else ())) if obj else ()
        return (*FACTS, *fixed)

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the public certificate."""
        download = path(
            "<int:pk>/certificate.pem",
            self.admin_site.admin_view(self.download_view),
            name="subscriptions_encryptioncertificate_download",
        )
        return [download, *super().get_urls()]

    def download_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Hand out the public certificate as PEM."""
        certificate = get_object_or_404(EncryptionCertificate, pk=pk)
        if not self.has_view_permission(request, certificate):
            raise PermissionDenied
        name = f"{certificate.encryption_certificate_id}.pem"
        return HttpResponse(
            certificate.certificate,
            content_type="application/x-pem-file",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    @admin.display(description="state", ordering="state")
    def state_badge(self, certificate: EncryptionCertificate) -> SafeString:
        """Show the state."""
        return badges.of_certificate_state(certificate).html()

    @admin.display(description="validity", ordering="not_after_at")
    def validity(self, certificate: EncryptionCertificate) -> SafeString:
        """Show how long it is still valid."""
        return badges.of_certificate(certificate, now=timezone.now()).html()

    @admin.display(description="valid from", ordering="not_before_at")
    def valid_from(self, certificate: EncryptionCertificate) -> SafeString:
        """Show the beginning of its validity."""
        return badges.moment(certificate.not_before_at)

    @admin.display(description="valid until", ordering="not_after_at")
    def valid_until(self, certificate: EncryptionCertificate) -> SafeString:
        """Show the end of its validity."""
        return badges.moment(certificate.not_after_at)

    @admin.display(description="key", ordering="key_size")
    def key_bits(self, certificate: EncryptionCertificate) -> str:
        """Show the size of the key."""
        return f"{certificate.key_size} bits"

    @admin.display(description="thumbprint (SHA-1)", ordering="thumbprint")
    def thumbprint_code(self, certificate: EncryptionCertificate) -> SafeString:
        """Show the thumbprint that notifications name."""
        return format_html('<span class="gsm-code">{}</span>', certificate.thumbprint)

    @admin.display(description="public certificate")
    def download(self, certificate: EncryptionCertificate) -> SafeString:
        """Offer the public certificate as a file."""
        url = reverse("admin:subscriptions_encryptioncertificate_download", args=(certificate.pk,))
        return format_html('<a href="{}">Download as PEM</a>', url)

    @admin.display(description="subscriptions", ordering="users")
    def subscription_count(self, certificate: EncryptionCertificate) -> int:
        """Count the subscriptions for which Graph encrypts with it."""
        return int(getattr(certificate, "users", 0))
