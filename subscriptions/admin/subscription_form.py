"""Forms of a subscription: the wish when it is new, and the little of it that may change later."""

from typing import Any, get_args

from django import forms

from subscriptions.catalogue import normalise
from subscriptions.catalogue.rules import Option
from subscriptions.models import DelegatedAccount, Subscription
from subscriptions.services import wishes

RESOURCE_HELP = (
    "The path of what to watch, as after /v1.0 in Graph's addresses; type to see suggestions, and replace what "
    "stands in braces. For example /users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/messages, "
    "/teams/{team-id}/channels/{channel-id}/messages or /drives/{drive-id}/root. "
    "With content, Outlook needs $select, as in …/messages?$select=subject,from."
)


class AccountField(forms.ModelChoiceField[DelegatedAccount]):
    """Offers signed-in accounts, each with the app registration that it signed in to."""

    def label_from_instance(self, account: DelegatedAccount) -> str:
        """Name the account and where it belongs: an account serves the app that it signed in to."""
        return f"{account}, signed in to {account.app_registration}"


class NewSubscriptionForm(forms.ModelForm[Subscription]):
    """Takes a wish and holds it against Graph's rules before Graph is asked."""

    change_type = forms.MultipleChoiceField(
        label="Change types",
        choices=[(name, name) for name in wishes.CHANGE_TYPES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one change type."},
    )
    lifetime_minutes = forms.IntegerField(
        label="Lifetime",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="Minutes to ask for. Empty: the longest that Graph grants. It is renewed well before it ends.",
    )

    class Meta:
        model = Subscription
        fields = (
            "app_registration",
            "delegated_account",
            "resource",
            "change_type",
            "include_resource_data",
            "encryption_certificate",
            "api_version",
            "lifetime_minutes",
            "auto_renew",
            "fetch_content",
            *get_args(Option),
            "latest_supported_tls_version",
        )
        widgets = {
            "resource": forms.TextInput(
                attrs={"class": "vLargeTextField gsm-code", "list": "graph-resources", "spellcheck": "false"}
            )
        }
        labels = {"api_version": "API version", "delegated_account": "Signed-in account"}
        help_texts = {
            "delegated_account": "For what Graph gives to users only: presence, To Do and /me.",
            "resource": RESOURCE_HELP,
            "include_resource_data": "Graph sends the changed data itself, encrypted for the certificate below.",
            "encryption_certificate": "Needed for content. Only active, valid certificates are offered.",
            "auto_renew": "Renew before it ends, and create it again when Graph has lost it.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.warnings: list[str] = []

    def clean_change_type(self) -> str:
        """Spell the change types as Graph does."""
        return wishes.in_order(",".join(self.cleaned_data["change_type"]))

    def clean(self) -> dict[str, Any]:
        """Hold the wish against Graph's rules; each breach is told at its field."""
        cleaned = super().clean() or self.cleaned_data
        self._match_certificate(cleaned)
        if not {"app_registration", "resource", "change_type", "api_version"} <= cleaned.keys():
            return cleaned
        self._match_account(cleaned)
        wish = Subscription(**{name: value for name, value in cleaned.items() if name in self.Meta.fields})
        _report(self, wishes.problems(wish), self.warnings)
        _refuse_pointless_fetch(self, wish)
        if "resource" not in self.errors:
            cleaned["resource"] = normalise(cleaned["resource"])
        return cleaned

    def _match_account(self, cleaned: dict[str, Any]) -> None:
        account = cleaned.get("delegated_account")
        if account and account.app_registration_id != cleaned["app_registration"].pk:
            self.add_error(
                "delegated_account",
                f"This account signed in to {account.app_registration}: choose that app registration, or sign the "
                "account in to this one.",
            )

    def _match_certificate(self, cleaned: dict[str, Any]) -> None:
        if "encryption_certificate" in self.errors:
            return
        has_certificate = cleaned.get("encryption_certificate") is not None
        if cleaned.get("include_resource_data") and not has_certificate:
            self.add_error(
                "encryption_certificate",
                "Choose the certificate with which Graph encrypts the content. If none is offered, make one first.",
            )
        if has_certificate and not cleaned.get("include_resource_data"):
            self.add_error(
                "encryption_certificate",
                "A certificate is used for content only: tick 'Include content', or choose no certificate.",
            )


class SubscriptionForm(forms.ModelForm[Subscription]):
    """Changes what Graph does not own; the rest is another subscription."""

    lifetime_minutes = forms.IntegerField(
        label="Lifetime",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="Minutes to ask for at the next renewal. Empty: the longest that Graph grants.",
    )

    class Meta:
        model = Subscription
        fields = ("auto_renew", "fetch_content", "lifetime_minutes")
        help_texts = NewSubscriptionForm.Meta.help_texts

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.warnings: list[str] = []

    def clean(self) -> dict[str, Any]:
        """Hold a new lifetime against Graph's rules."""
        cleaned = super().clean() or self.cleaned_data
        _refuse_pointless_fetch(self, self.instance)
        if "lifetime_minutes" not in self.changed_data or "lifetime_minutes" not in cleaned:
            return cleaned
        stored = Subscription.objects.select_related("app_registration").get(pk=self.instance.pk)
        stored.lifetime_minutes = cleaned["lifetime_minutes"]
        about_lifetime = [one for one in wishes.problems(stored) if one.field == "lifetime_minutes"]
        _report(self, about_lifetime, self.warnings)
        return cleaned


def _refuse_pointless_fetch(form: forms.BaseForm, wish: Subscription) -> None:
    if form.cleaned_data.get("fetch_content") and (reason := wishes.why_not_to_fetch(wish)):
        form.add_error("fetch_content", reason)


def _report(form: forms.BaseForm, problems: Any, warnings: list[str]) -> None:
    for problem in problems:
        if problem.is_error:
            form.add_error(problem.field, problem.message)
        else:
            warnings.append(problem.message)
