"""The form with which the sign-in of an account begins."""

from typing import Any

from django import forms

from subscriptions.models import AppRegistration, DelegatedAccount
from subscriptions.services.access import accounts
from subscriptions.services.access.accounts import SignInRefusedError

PERMISSIONS_HELP = (
    "Delegated permissions, separated by spaces; User.Read is always among them. Ask for the least that is needed: "
    "for presence Presence.Read.All, for To Do Tasks.ReadWrite, for the account's own mail Mail.Read. The catalogue of "
    "resources names them all. What the app registration does not list in Entra, the user or an administrator is "
    "asked to consent to."
)


class SignInForm(forms.Form):
    """Asks to which app, with what kind of account and for which permissions somebody will sign in."""

    app_registration = forms.ModelChoiceField(
        AppRegistration.objects.all(),
        help_text="Its client ID and credential are used. It must list the redirect URI below.",
    )
    kind = forms.ChoiceField(
        label="Kind of account",
        choices=DelegatedAccount.Kind.choices,
        initial=DelegatedAccount.Kind.WORK,
        widget=forms.RadioSelect,
        help_text="A work or school account signs in to the app registration's tenant.",
    )
    permissions = forms.CharField(
        label="Permissions to ask for",
        required=False,
        max_length=2000,
        widget=forms.TextInput(attrs={"class": "vLargeTextField gsm-code", "spellcheck": "false"}),
        help_text=PERMISSIONS_HELP,
    )

    def __init__(self, *args: Any, expected: DelegatedAccount | None, resource: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names: tuple[str, ...] = (accounts.ALWAYS_ASKED,)
        if expected:
            for field, value in (("app_registration", expected.app_registration_id), ("kind", expected.kind)):
                self.fields[field].initial = value
                self.fields[field].disabled = True
            names += accounts.granted_permissions(expected)
        if resource:
            kind = expected.kind if expected else DelegatedAccount.Kind.WORK
            names += (accounts.advised_permission(resource, kind=kind),)
        self.fields["permissions"].initial = " ".join(dict.fromkeys(filter(None, names)))

    def clean_permissions(self) -> tuple[str, ...]:
        """Split what was typed into names of permissions."""
        try:
            return accounts.permissions_in(self.cleaned_data["permissions"])
        except SignInRefusedError as error:
            raise forms.ValidationError(str(error)) from error
