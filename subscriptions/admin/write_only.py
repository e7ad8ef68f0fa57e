"""Form fields that take a secret and never show one."""

from typing import Any

from django import forms


class WriteOnlyTextarea(forms.Textarea):
    """A text box that stays empty when the form is shown again."""

    def format_value(self, value: Any) -> str:
        """Return nothing, whatever was entered."""
        del value
        return ""


def password_field(**options: Any) -> forms.CharField:
    """Return a one-line field that the browser hides and is asked not to fill in."""
    widget = forms.PasswordInput(
        render_value=False, attrs={"autocomplete": "new-password", "class": "vTextField"}
    )
    return forms.CharField(required=False, strip=False, widget=widget, **options)


def pem_field(**options: Any) -> forms.CharField:
    """Return a field for PEM text that holds a private key."""
    widget = WriteOnlyTextarea(
        attrs={
            "rows": 6,
            "class": "vLargeTextField gsm-code",
            "spellcheck": "false",
            "autocomplete": "off",
        }
    )
    return forms.CharField(required=False, widget=widget, **options)
