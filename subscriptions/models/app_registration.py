"""An Entra app registration: who we are to Graph."""

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models

from subscriptions.models.fields import EncryptedTextField

GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
DOMAIN = r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"


class AppRegistration(models.Model):
    """A client id in a tenant of one cloud, with the credential that proves it."""

    class Cloud(models.TextChoices):
        """Microsoft's clouds; addresses are in `subscriptions.graph.clouds`."""

        GLOBAL = "global", "Global (including GCC)"
        US_GOVERNMENT_L4 = "us_government_l4", "US Government L4 (GCC High)"
        US_GOVERNMENT_L5 = "us_government_l5", "US Government L5 (DoD)"
        CHINA = "china", "China (21Vianet)"
        CUSTOM = "custom", "Custom (CUSTOM_GRAPH_URL and CUSTOM_LOGIN_URL)"

    class CredentialType(models.TextChoices):
        """How the app proves who it is."""

        CLIENT_SECRET = "client_secret", "Client secret"
        CERTIFICATE = "certificate", "Certificate"
        FEDERATED_TOKEN_FILE = "federated_token_file", "Federated token file"

    name = models.CharField(max_length=100, unique=True, help_text="What your colleagues call it.")
    cloud = models.CharField(max_length=20, choices=Cloud.choices, default=Cloud.GLOBAL)
    tenant_id = models.CharField(
        "tenant ID",
        max_length=255,
        validators=[
            RegexValidator(
                rf"^({GUID}|{DOMAIN})$",
                "Enter the Directory (tenant) ID, a GUID, or a domain of the tenant such as contoso.onmicrosoft.com.",
            )
        ],
        help_text="Entra admin center, your app's Overview: Directory (tenant) ID.",
    )
    client_id = models.CharField(
        "client ID",
        max_length=36,
        validators=[
            RegexValidator(rf"^{GUID}$", "Enter the Application (client) ID: a GUID of 36 characters.")
        ],
        help_text="The same page: Application (client) ID.",
    )
    credential_type = models.CharField(
        max_length=20, choices=CredentialType.choices, default=CredentialType.CLIENT_SECRET
    )
    client_secret = EncryptedTextField()
    credential_certificate = models.TextField(blank=True, editable=False)
    credential_private_key = EncryptedTextField()
    federated_token_file = models.CharField(
        max_length=1000,
        blank=True,
        help_text="Path on the server of the file that holds the federated token; it is read again at each sign-in.",
    )
    credential_expires_at = models.DateTimeField("credential expires", null=True, blank=True)

    # Valid beside the one above; tried, and put in its place, when Entra refuses that one.
    next_credential_type = models.CharField(
        "kind", max_length=20, choices=CredentialType.choices, blank=True, default=""
    )
    next_client_secret = EncryptedTextField()
    next_credential_certificate = models.TextField(blank=True, editable=False)
    next_credential_private_key = EncryptedTextField()
    next_federated_token_file = models.CharField(max_length=1000, blank=True, editable=False)
    next_credential_expires_at = models.DateTimeField("next credential expires", null=True, blank=True)
    next_credential_refused_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When Entra refused it last; set where it was the one in use until then.",
    )
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    check_succeeded = models.BooleanField(null=True, editable=False)
    check_message = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        permissions: ClassVar = [("test_connection", "Can test the connection of an app registration")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("cloud", "tenant_id", "client_id"),
                name="one_registration_per_app_and_tenant",
                violation_error_message="This client ID is already registered for this tenant and cloud.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_guid_tenant(self) -> bool:
        """Say whether the tenant is named by its id, as notifications name it, and not by a domain."""
        return self.tenant_id.count("-") == 4 and "." not in self.tenant_id  # noqa: PLR2004 -- a GUID
