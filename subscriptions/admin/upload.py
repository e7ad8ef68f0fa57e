"""Many subscriptions from a CSV file, as an upload."""

import io
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from subscriptions.models import Subscription
from subscriptions.services import bulk

# Each line is a call in which Graph calls back twice: more would keep a browser waiting for minutes.
MAX_LINES = 100
MAX_BYTES = 1024 * 1024


class UploadForm(forms.Form):
    """Takes the file."""

    file = forms.FileField(
        label="CSV file",
        allow_empty_file=False,
        help_text=(
            f"The header is {','.join(bulk.COLUMNS)}; the last four may be absent. At most {MAX_LINES} lines. "
            "A file may be used again: what exists is left as it is."
        ),
        error_messages={"required": "Choose a CSV file.", "empty": "The file is empty."},
    )

    def clean_file(self) -> io.StringIO:
        """Return the text of the file."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > MAX_BYTES:
            raise forms.ValidationError("The file is larger than 1 MB: is it the right one?")
        try:
            return io.StringIO(file.read().decode("utf-8-sig"), newline="")
        except UnicodeDecodeError as error:
            raise forms.ValidationError("Save the file as CSV in UTF-8 and try again.") from error


class BulkCreation(admin.ModelAdmin[Subscription]):
    """Adds the upload to the subscriptions' admin."""

    def get_urls(self) -> list[URLPattern]:
        """Give the upload an address."""
        view = self.admin_site.admin_view(self.upload_view)
        return [path("upload/", view, name="subscriptions_subscription_upload"), *super().get_urls()]

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file and show what became of each line."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        report = self._report(request, form) if request.method == "POST" and form.is_valid() else None
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Create many from a CSV file",
            "opts": self.opts,
            "media": self.media,
            "form": form,
            "report": report,
        }
        return TemplateResponse(request, "admin/subscriptions/subscription/upload.html", context)

    def _report(self, request: HttpRequest, form: UploadForm) -> bulk.Report | None:
        try:
            return bulk.create_many(
                form.cleaned_data["file"],
                clock=timezone.now,
                actor=request.user.get_username(),
                max_lines=MAX_LINES,
            )
        except bulk.WrongFileError as error:
            form.add_error("file", str(error))
            return None
