"""The end of an encryption certificate in the admin: another takes its place, and its key may be destroyed."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from subscriptions.admin.certificate_page import notes, users_of
from subscriptions.keys.certificates import UnusableCertificateError
from subscriptions.models import EncryptionCertificate
from subscriptions.services import certificate_rotation
from subscriptions.services.errors import UseCaseError

State = EncryptionCertificate.State
WITH_RENEWALS, NEXT_RUN = "with_renewals", "next_run"


class RotationForm(forms.Form):
    """Asks what is to take the place, and how soon."""

    successor = forms.ModelChoiceField(
        label="Replace it by",
        queryset=EncryptionCertificate.objects.none(),
        required=False,
        empty_label="A new certificate",
        help_text="A new one gets a key of the same size, is self-signed and valid for two years.",
    )
    new_name = forms.CharField(
        label="Name of a new one",
        required=False,
        max_length=64,
        help_text="Graph repeats it in each notification.",
    )
    pace = forms.ChoiceField(
        label="Subscriptions move",
        choices=(
            (WITH_RENEWALS, "when renewed"),
            (NEXT_RUN, "in the next run"),
        ),
        initial=WITH_RENEWALS,
        help_text="Each when its own renewal comes, or all in the next renewal run, within minutes.",
        widget=forms.RadioSelect,
    )

    def __init__(self, certificate: EncryptionCertificate, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._certificate = certificate
        field: Any = self.fields["successor"]
        field.queryset = EncryptionCertificate.objects.usable(now).exclude(pk=certificate.pk)
        self.fields["new_name"].initial = certificate_rotation.name_for_successor(certificate, now=now)

    def carry_out(self, *, now: datetime) -> bool:
        """Begin the rotation; say whether it began, and put what stands against it on the form."""
        chosen = self.cleaned_data["successor"]
        at_once = self.cleaned_data["pace"] == NEXT_RUN
        try:
            if chosen:
                certificate_rotation.replace_by(self._certificate, chosen, at_once=at_once, now=now)
            else:
                name = self.cleaned_data["new_name"]
                certificate_rotation.replace_by_new(self._certificate, name=name, at_once=at_once, now=now)
        except ValidationError as error:
            self.add_error("new_name", error.messages)
        except UnusableCertificateError as error:
            self.add_error("new_name", str(error))
        except UseCaseError as error:
            self.add_error(None, str(error))
        return self.is_valid()


class CertificateEnd(admin.ModelAdmin[EncryptionCertificate]):
    """Adds the rotation, and the destruction of the private key, to the certificates' admin."""

    def get_urls(self) -> list[URLPattern]:
        """Give each step an address."""
        views = {
            "rotate": self.rotate_view,
            "hasten": self.hasten_view,
            "destroy-key": self.destroy_key_view,
        }
        added = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"subscriptions_encryptioncertificate_{name.replace('-', '_')}",
            )
            for name, view in views.items()
        ]
        return [*added, *super().get_urls()]

    def has_rotate_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may replace certificates."""
        return request.user.has_perm("subscriptions.rotate_encryptioncertificate")

    def has_destroy_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may destroy private keys."""
        return request.user.has_perm("subscriptions.destroy_private_key")

    def has_delete_permission(self, request: HttpRequest, obj: EncryptionCertificate | None = None) -> bool:
        """Refuse what Graph was ever told of: its row keeps the name from being used for another key."""
        if obj is not None and (obj.first_used_at or obj.replaces.exists()):
            return False
        return super().has_delete_permission(request, obj)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show where its end stands, who uses it, and what the user may do about it."""
        certificate = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if certificate is not None:
            now = timezone.now()
            progress = certificate_rotation.progress_of(certificate, now=now)
            context = {
                "notes": notes(certificate, progress, now=now),
                "users": users_of(certificate, now=now),
                "may_rotate": self.has_rotate_permission(request)
                and certificate_rotation.is_rotatable(certificate),
                "may_hasten": self.has_rotate_permission(request)
                and bool(certificate.replaced_by_id and progress.at_graph),
                "may_destroy": self.has_destroy_permission(request)
                and not (certificate.key_destroyed_at or progress.is_used),
            }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask what is to take the place of a certificate, and begin."""
        certificate = self._certificate(request, pk, may=self.has_rotate_permission(request))
        now = timezone.now()
        form = RotationForm(certificate, request.POST or None, now=now)
        if request.method == "POST" and form.is_valid() and form.carry_out(now=now):
            successor = certificate.replaced_by
            self.log_change(request, certificate, f"Rotation to {successor} began.")
            self.message_user(
                request, f"Rotation began: {successor} takes the place of {certificate}.", messages.SUCCESS
            )
            return self._back_to(certificate)
        progress = certificate_rotation.progress_of(certificate, now=now)
        return self._page(request, certificate, "rotate", "Rotate", form=form, progress=progress)

    @method_decorator(require_POST)
    def hasten_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have what still uses a replaced certificate renewed by the next run."""
        certificate = self._certificate(request, pk, may=self.has_rotate_permission(request))
        number = certificate_rotation.hasten(certificate, now=timezone.now())
        text = f"{number} to be renewed by the next renewal run." if number else "Nothing can be hastened."
        self.message_user(request, text, messages.SUCCESS if number else messages.WARNING)
        return self._back_to(certificate)

    def destroy_key_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what can never be opened again, and destroy the private key once that is confirmed."""
        certificate = self._certificate(request, pk, may=self.has_destroy_permission(request))
        now = timezone.now()
        reason = certificate_rotation.reason_to_keep(certificate, now=now)
        is_final = bool(certificate_rotation.reason_to_keep(certificate, now=now, forced=True))
        if request.method == "POST":
            try:
                certificate_rotation.destroy_private_key(
                    certificate, forced=request.POST.get("forced") == "yes", now=now
                )
            except UseCaseError as error:
                self.message_user(request, str(error), messages.ERROR)
                return HttpResponseRedirect(request.path)
            self.log_change(request, certificate, "Private key destroyed.")
            self.message_user(request, f"The private key of {certificate} is destroyed.", messages.SUCCESS)
            return self._back_to(certificate)
        progress = certificate_rotation.progress_of(certificate, now=now)
        facts = {"reason": reason, "is_final": is_final, "progress": progress}
        return self._page(request, certificate, "destroy_key", "Destroy private key", **facts)

    def _certificate(self, request: HttpRequest, pk: int, *, may: bool) -> EncryptionCertificate:
        if not (may and self.has_view_permission(request)):
            raise PermissionDenied
        return get_object_or_404(EncryptionCertificate, pk=pk)

    def _back_to(self, certificate: EncryptionCertificate) -> HttpResponseRedirect:
        return HttpResponseRedirect(
            reverse("admin:subscriptions_encryptioncertificate_change", args=(certificate.pk,))
        )

    def _page(
        self, request: HttpRequest, certificate: EncryptionCertificate, name: str, title: str, **facts: Any
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{title}: {certificate}",
            "step": title,
            "certificate": certificate,
            "media": self.media,
            **facts,
        }
        return TemplateResponse(request, f"admin/subscriptions/encryptioncertificate/{name}.html", context)
