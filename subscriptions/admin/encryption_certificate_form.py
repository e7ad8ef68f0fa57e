"""Forms of an encryption certificate: make one, or import one; the private key goes in and never comes out."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from subscriptions.admin.write_only import password_field, pem_field
from subscriptions.keys import certificates as keys
from subscriptions.keys.certificates import KeyPair, UnusableCertificateError
from subscriptions.models import EncryptionCertificate
from subscriptions.services import certificate_rotation, certificates

GENERATE, PEM, PFX = "generate", "pem", "pfx"


class NewCertificateForm(forms.ModelForm[EncryptionCertificate]):
    """Makes or takes a key pair; the instance is filled when the form is valid."""

    source = forms.ChoiceField(
        label="Where from",
        choices=((GENERATE, "Make a new one"), (PEM, "Import PEM"), (PFX, "Import PFX")),
        initial=GENERATE,
        widget=forms.RadioSelect,
    )
    new_key_size = forms.TypedChoiceField(
        label="Key size",
        choices=[(size, f"{size} bits") for size in keys.KEY_SIZES],
        coerce=int,
        required=False,
        help_text="2048 bits open fastest; larger keys take longer for each notification.",
    )
    pem_file = forms.FileField(label="PEM file", required=False)
    pem_text = pem_field(
        label="or PEM text", help_text="Certificate and private key. The key is never shown again."
    )
    pfx_file = forms.FileField(label="PFX file", required=False, help_text="Ends in .pfx or .p12.")
    password = password_field(
        label="Password", help_text="Of the PFX file or the private key. It is not stored."
    )

    class Meta:
        model = EncryptionCertificate
        fields = ("encryption_certificate_id",)

    def clean(self) -> dict[str, Any]:
        """Make or read the key pair once the rest is in order."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            pair = self._key_pair(cleaned, now=timezone.now())
        except UnusableCertificateError as error:
            self.add_error(_field_of(cleaned), str(error))
            return cleaned
        certificates.fill(self.instance, pair)
        twin = EncryptionCertificate.objects.filter(thumbprint=self.instance.thumbprint).first()
        if twin is not None:
            self.add_error(_field_of(cleaned), f"This certificate is here already, under the name {twin}.")
        return cleaned

    def _key_pair(self, cleaned: dict[str, Any], *, now: datetime) -> KeyPair:
        if cleaned["source"] == GENERATE:
            name = cleaned["encryption_certificate_id"]
            return keys.generate(name, key_size=cleaned["new_key_size"] or keys.MIN_KEY_SIZE, now=now)
        password = cleaned["password"] or None
        if cleaned["source"] == PFX:
            return keys.import_pfx(_content(cleaned["pfx_file"]), password=password, now=now)
        return keys.import_pem(
            cleaned["pem_text"] or _content(cleaned["pem_file"]), password=password, now=now
        )


class CertificateStateForm(forms.ModelForm[EncryptionCertificate]):
    """Moves a certificate on; the rest of it never changes."""

    class Meta:
        model = EncryptionCertificate
        fields = ("state",)
        help_texts = {
            "state": (
                "Active: for new subscriptions. Draining: no new ones, what still arrives is opened. "
                "Retired: out of use; it comes to that by itself."
            )
        }

    def clean_state(self) -> str:
        """Refuse to retire what something may still need."""
        state: str = self.cleaned_data["state"]
        if state != EncryptionCertificate.State.RETIRED or self.instance.state == state:
            return state
        if reason := certificate_rotation.reason_to_keep(self.instance, now=timezone.now()):
            raise ValidationError(reason)
        return state


def _field_of(cleaned: dict[str, Any]) -> str:
    """Return the field to which a problem with the key pair belongs."""
    if cleaned["source"] == GENERATE:
        return "encryption_certificate_id"
    if cleaned["source"] == PFX:
        return "pfx_file"
    return "pem_text" if cleaned["pem_text"] else "pem_file"


def _content(file: UploadedFile[Any] | None) -> bytes:
    """Return the bytes of an upload.

    Raises:
        UnusableCertificateError: no file was chosen, or it is far larger than any certificate.

    """
    if file is None:
        raise UnusableCertificateError("Choose a file.")
    if (file.size or 0) > keys.MAX_IMPORT_LENGTH:
        raise UnusableCertificateError(
            f"The file is longer than {keys.MAX_IMPORT_LENGTH} bytes. Give only the certificate and its key."
        )
    return bytes(file.read())
