"""Secrets of our own that lie in Azure Key Vault, read when a process starts. Needs the extra `azure`."""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from subscriptions.graph.answers import parse_retry_after
from subscriptions.graph.errors import GraphError
from subscriptions.graph.patience import Patience

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.core.rest import HttpResponse
    from azure.keyvault.secrets import KeyVaultSecret, SecretClient

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 10
ATTEMPTS = 4
LONGEST_WAIT = timedelta(seconds=30)

# The vaults of the public cloud, of US Government and of China. A private endpoint is reached under the same name.
# Source: Microsoft Learn, key-vault/general/about-keys-secrets-certificates.md, "DNS suffixes for object identifiers"
# (2026-11-21).
_ADDRESS = re.compile(
    r"(?P<vault>https://[a-z][a-z0-9-]{1,22}[a-z0-9]\.vault\.(?:azure\.net|usgovcloudapi\.net|azure\.cn))(?::443)?"
    r"/secrets/(?P<name>[0-9a-z-]{1,127})(?:/(?P<version>[0-9a-f]{32}))?/?",
    re.IGNORECASE | re.ASCII,
)
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_REASONS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "does not accept our token: the identity belongs to another tenant than the vault",
    HTTPStatus.FORBIDDEN: (
        "denies access: give the identity the role Key Vault Secrets User, let this network in, enable the secret"
    ),
    HTTPStatus.NOT_FOUND: "has no such secret",
    HTTPStatus.TOO_MANY_REQUESTS: "is asked too often",
    HTTPStatus.SERVICE_UNAVAILABLE: "is away",
}


class KeyVaultError(GraphError):
    """A secret could not be had. The text names vault and secret, never a value."""

    default_explanation = "The vault did not give the secret. Its message says why."


def read(address: str, *, patience: Patience | None = None) -> str:
    """Return the secret at `https://VAULT.vault.azure.net/secrets/NAME`, or the `/VERSION` of it that is named.

    We are whom the process's environment says: a service principal, a workload identity or a managed identity.
    What may pass is tried again for about a minute.

    Raises:
        KeyVaultError: the address is not that of a secret in a vault, the extra is not installed, nobody vouches for
            us, the vault does not answer or denies access, or the secret is absent, disabled, expired or empty.

    """
    parts = _ADDRESS.fullmatch(address)
    if not parts:
        # Not repeated: whoever mixes things up may have put the secret itself here.
        raise KeyVaultError("The address must look like https://VAULT.vault.azure.net/secrets/NAME.")
    what = f"the secret {parts['name']} of {parts['vault'].lower()}"
    patience = patience or Patience(attempts=ATTEMPTS, max_wait=LONGEST_WAIT, sleep=time.sleep)
    while True:
        try:
            found = _ask(parts["vault"].lower(), parts["name"], parts["version"], what=what)
        except KeyVaultError as error:
            if not error.is_transient or not patience.allows_another(error):
                raise
        else:
            return _usable(found, what=what)


def _ask(vault: str, name: str, version: str | None, *, what: str) -> "KeyVaultSecret":
    try:
        from azure.core.exceptions import AzureError, HttpResponseError

        client = _client(vault)
    except ImportError as error:
        raise KeyVaultError(
            "Azure's libraries are not installed: pip install 'graph-subscription-manager[azure]'."
        ) from error
    except ValueError as error:
        raise KeyVaultError("Azure's library does not take what the AZURE_… variables say.") from error
    try:
        return client.get_secret(name, version)
    except HttpResponseError as error:
        # What is no refusal may hold the secret, and Azure's texts repeat what they cannot read.
        is_refusal = error.status_code is None or error.status_code >= HTTPStatus.BAD_REQUEST
        raise _refusal(error, what=what) from (error if is_refusal else None)
    except AzureError as error:
        raise KeyVaultError(
            f"No answer when asking for {what}: check its name, the network, a proxy and its certificate.",
            is_transient=True,
        ) from error
    except ValueError as error:
        # Azure's library speaks so of a challenge that would have us take a token of the vault's elsewhere.
        raise KeyVaultError(f"What answers when asking for {what} is not the vault.") from error


@cache
def _client(vault: str) -> "SecretClient":
    # A fifth of a second's work that a start without a vault does not spend.
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.secrets import SecretClient

    timeouts = {"connection_timeout": CONNECT_TIMEOUT_SECONDS, "read_timeout": READ_TIMEOUT_SECONDS}
    credential = DefaultAzureCredential(
        # A service is itself, never the person who happens to be signed in to this machine's tools.
        exclude_shared_token_cache_credential=True,
        exclude_visual_studio_code_credential=True,
        exclude_cli_credential=True,
        exclude_powershell_credential=True,
        exclude_developer_cli_credential=True,
        exclude_broker_credential=True,
        **timeouts,
    )
    # Tried again by us: Azure's own retries sleep as long as any answer tells them to.
    return SecretClient(vault, credential, retry_total=0, permit_redirects=False, **timeouts)


def _refusal(error: "HttpResponseError", *, what: str) -> KeyVaultError:
    if error.status_code is None:
        # The identity's side, not the vault's. Azure's own text, which says what was tried, is the cause.
        return KeyVaultError(
            f"No token to ask for {what}: give this machine a managed identity, or set AZURE_TENANT_ID, "
            "AZURE_CLIENT_ID and what proves that we are it."
        )
    headers = cast("HttpResponse", error.response).headers
    # Which of the reasons for a 403 it is: ForbiddenByRbac, ForbiddenByFirewall, SecretDisabled.
    inner = (error.error.innererror or {}).get("code") if error.error else None
    return KeyVaultError(
        f"Asked for {what}, the vault {_REASONS.get(error.status_code, 'answers as no vault would')}.",
        status=error.status_code,
        code=str(inner or (error.error and error.error.code) or ""),
        request_id=headers.get("x-ms-request-id", ""),
        retry_after=parse_retry_after(headers.get("Retry-After", ""), now=datetime.now(UTC)),
        is_transient=error.status_code in _PASSING,
    )


def _usable(secret: "KeyVaultSecret", *, what: str) -> str:
    # The vault itself gives what has expired.
    # Source: Microsoft Learn, key-vault/secrets/about-secrets.md, "Secret attributes" (2026-11-21).
    now = datetime.now(UTC)
    until, since = secret.properties.expires_on, secret.properties.not_before
    if (until and until <= now) or (since and since > now):
        raise KeyVaultError(f"Of {what}, the version that is asked for has expired or is not valid yet.")
    value = (secret.value or "").strip()
    if not value:
        raise KeyVaultError(f"The value of {what} is empty.")
    return value
