"""The form of an app registration: credentials go in and never come out."""

import re
from typing import Any

from django.core.exceptions import ValidationError

from subscriptions.admin.next_credential_form import NextCredentialForm
from subscriptions.admin.write_only import password_field, pem_field
from subscriptions.models import AppRegistration
from subscriptions.models.app_registration import GUID
from subscriptions.services.access import app_registrations, clients
from subscriptions.services.access.app_registrations import NewCredential
from subscriptions.services.errors import NotConfiguredError

CredentialType = AppRegistration.CredentialType
ENTER_AGAIN = "Never shown again. Leave empty to keep the one that is stored."
FIELDS = {
    CredentialType.CLIENT_SECRET: "new_client_secret",
    CredentialType.CERTIFICATE: "new_certificate",
    CredentialType.FEDERATED_TOKEN_FILE: "federated_token_file",
}
MISSING = {
    CredentialType.CLIENT_SECRET: "Enter the Value of a client secret of this app.",
    CredentialType.CERTIFICATE: "Paste the certificate and its private key as PEM.",
    CredentialType.FEDERATED_TOKEN_FILE: "Enter the path of the file on the server that holds the token.",
}


class AppRegistrationForm(NextCredentialForm):
    """Takes one credential of the chosen kind; an empty field keeps the stored one."""

    new_client_secret = password_field(
        label="Client secret", help_text=f"The secret's Value from Entra, not its Secret ID. {ENTER_AGAIN}"
    )
    new_certificate = pem_field(
        label="Certificate with private key",
        help_text=f"PEM: the certificate and its private key, one after the other. {ENTER_AGAIN}",
    )
    private_key_password = password_field(
        label="Private key password", help_text="Only if the private key is encrypted. It is not stored."
    )

    class Meta:
        model = AppRegistration
        fields = ("name", "cloud", "tenant_id", "client_id", "credential_type", "federated_token_file")

    def clean_cloud(self) -> str:
        """Refuse the custom cloud while it has no addresses."""
        cloud: str = self.cleaned_data["cloud"]
        try:
            clients.cloud_of(AppRegistration(cloud=cloud))
        except NotConfiguredError as error:
            raise ValidationError(str(error)) from error
        return cloud

    def clean_tenant_id(self) -> str:
        """Store ids in lower case, as tokens carry them."""
        return str(self.cleaned_data["tenant_id"]).lower()

    def clean_client_id(self) -> str:
        """Store ids in lower case, as tokens carry them."""
        return str(self.cleaned_data["client_id"]).lower()

    def clean_new_client_secret(self) -> str:
        """Refuse what is the id of a secret and not its value."""
        secret = str(self.cleaned_data["new_client_secret"]).strip()
        if re.fullmatch(GUID, secret):
            raise ValidationError(
                "This is a GUID, as the Secret ID is. Entra shows the Value only once, when the secret is made: "
                "copy the Value, or make a new secret."
            )
        return secret

    def clean(self) -> dict[str, Any]:
        """Put a new credential of the chosen kind on the row, and refuse one of another kind."""
        cleaned = super().clean() or self.cleaned_data
        if "credential_type" not in cleaned:
            return cleaned
        chosen = CredentialType(cleaned["credential_type"])
        self._refuse_other_kinds(chosen)
        if chosen != CredentialType.FEDERATED_TOKEN_FILE:
            cleaned["federated_token_file"] = ""
        if (given := self._given(chosen, cleaned)) is not None:
            self._take(chosen, given)
        elif FIELDS[chosen] not in self.errors and not self._keeps(chosen):
            self.add_error(FIELDS[chosen], MISSING[chosen])
        elif chosen == CredentialType.CLIENT_SECRET and "secret_expires_on" in cleaned:
            self.instance.credential_expires_at = cleaned["secret_expires_on"]
        return cleaned

    def _take(self, chosen: CredentialType, credential: NewCredential) -> None:
        try:
            app_registrations.set_credential(self.instance, credential)
        except ValidationError as error:
            self.add_error(FIELDS[chosen], error.messages)

    def _refuse_other_kinds(self, chosen: CredentialType) -> None:
        for kind in (CredentialType.CLIENT_SECRET, CredentialType.CERTIFICATE):
            if kind != chosen and self.cleaned_data.get(FIELDS[kind]):
                self.add_error(
                    FIELDS[kind],
                    f"The chosen kind of credential is {chosen.label.lower()}: "
                    "leave this empty, or choose the kind that belongs to it.",
                )

    def _keeps(self, chosen: CredentialType) -> bool:
        """Say whether the row has a credential of the chosen kind already."""
        if chosen == CredentialType.CLIENT_SECRET:
            return bool(self.instance.client_secret)
        return chosen == CredentialType.CERTIFICATE and bool(self.instance.credential_private_key)

    def _given(self, chosen: CredentialType, cleaned: dict[str, Any]) -> NewCredential | None:
        """Return the credential that was entered, if one was."""
        if not cleaned.get(FIELDS[chosen]):
            return None
        if chosen == CredentialType.CLIENT_SECRET:
            # A day that was there before belongs to the secret that was there before.
            is_told = "secret_expires_on" in self.changed_data
            return NewCredential(
                client_secret=cleaned["new_client_secret"],
                client_secret_expires_at=cleaned.get("secret_expires_on") if is_told else None,
            )
        if chosen == CredentialType.CERTIFICATE:
            return NewCredential(
                pem=cleaned["new_certificate"], pem_password=cleaned.get("private_key_password", "")
            )
        return NewCredential(federated_token_file=cleaned["federated_token_file"])
