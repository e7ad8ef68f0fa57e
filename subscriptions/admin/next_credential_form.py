"""The part of an app registration's form that takes the next credential, and says when secrets expire."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from subscriptions.admin.write_only import password_field, pem_field
from subscriptions.models import AppRegistration
from subscriptions.services.access import app_registrations, credentials
from subscriptions.services.access.app_registrations import NewCredential, expiry_of_secret

CredentialType = AppRegistration.CredentialType
KINDS = (CredentialType.CLIENT_SECRET, CredentialType.CERTIFICATE)
AS_ENTRA_SHOWS = "The day that Entra shows beside the secret. You are told 30 and 7 days before."
FIELDS = {
    CredentialType.CLIENT_SECRET: "new_next_client_secret",
    CredentialType.CERTIFICATE: "new_next_certificate",
}


def day_field(label: str) -> forms.DateField:
    """Return a field for a day, with the browser's own calendar."""
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(label=label, required=False, widget=widget, help_text=AS_ENTRA_SHOWS)


class NextCredentialForm(forms.ModelForm[AppRegistration]):
    """Takes a next credential, keeps the one that is stored, or takes it away."""

    secret_expires_on = day_field("Secret expires on")
    next_kind = forms.ChoiceField(label="Next credential", required=False)
    new_next_client_secret = password_field(
        label="Next client secret",
        help_text="The Value of a second secret of this app. Never shown again. Leave empty to keep the stored one.",
    )
    next_secret_expires_on = day_field("Next secret expires on")
    new_next_certificate = pem_field(
        label="Next certificate with private key",
        help_text="PEM: the certificate and its private key. Leave empty to keep the one that is stored.",
    )
    next_private_key_password = password_field(
        label="Next private key password", help_text="Only if the private key is encrypted. It is not stored."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row, kind = self.instance, self.fields.get("next_kind")
        if kind is None:
            return
        # A federated token file has come here when the two changed places.
        offered = [one for one in CredentialType if one in KINDS or one == row.next_credential_type]
        choices: Any = [("", "None"), *((one.value, one.label) for one in offered)]
        kind.choices = choices  # type: ignore[attr-defined] # it is a ChoiceField
        kind.initial = row.next_credential_type
        self.fields["secret_expires_on"].initial = _day(row.credential_expires_at)
        self.fields["next_secret_expires_on"].initial = _day(row.next_credential_expires_at)

    def clean_secret_expires_on(self) -> datetime | None:
        """Return the moment from which the secret is not to be relied on."""
        return self._expiry("secret_expires_on")

    def clean_next_secret_expires_on(self) -> datetime | None:
        """Return the moment from which the next secret is not to be relied on."""
        return self._expiry("next_secret_expires_on")

    def clean(self) -> dict[str, Any]:
        """Put the next credential on the row, or take it away."""
        cleaned = super().clean() or self.cleaned_data
        if "next_kind" not in cleaned:
            return cleaned
        chosen = cleaned["next_kind"]
        if not chosen:
            credentials.put(self.instance, {}, as_next=True)
        elif credential := _given(chosen, cleaned):
            self._take_next(FIELDS[CredentialType(chosen)], credential)
        elif chosen != self.instance.next_credential_type:
            self.add_error(
                FIELDS[CredentialType(chosen)], "Fill this in, or choose None as the next credential."
            )
        elif chosen == CredentialType.CLIENT_SECRET and "next_secret_expires_on" in cleaned:
            self.instance.next_credential_expires_at = cleaned["next_secret_expires_on"]
        return cleaned

    def _take_next(self, field: str, credential: NewCredential) -> None:
        try:
            app_registrations.set_credential(self.instance, credential, as_next=True)
        except ValidationError as error:
            self.add_error(field, error.messages)

    def _expiry(self, field: str) -> datetime | None:
        day: date | None = self.cleaned_data[field]
        if day is None:
            return None
        # One that has expired in the meantime does not keep the rest from being saved.
        return expiry_of_secret(day, now=timezone.now() if field in self.changed_data else None)


def _given(kind: str, cleaned: dict[str, Any]) -> NewCredential | None:
    if kind == CredentialType.CLIENT_SECRET and cleaned.get("new_next_client_secret"):
        return NewCredential(
            client_secret=cleaned["new_next_client_secret"],
            client_secret_expires_at=cleaned.get("next_secret_expires_on"),
        )
    if kind == CredentialType.CERTIFICATE and cleaned.get("new_next_certificate"):
        return NewCredential(
            pem=cleaned["new_next_certificate"], pem_password=cleaned.get("next_private_key_password", "")
        )
    return None


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None
