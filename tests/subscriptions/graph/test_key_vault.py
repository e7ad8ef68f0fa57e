"""Secrets from Azure Key Vault, by Microsoft's own libraries over HTTPS: read as they are, refused with the reason."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from subscriptions.graph import key_vault
from subscriptions.graph.key_vault import KeyVaultError
from subscriptions.graph.patience import Patience
from tests.azure import Azure, Reply

SECRET = "Zq7-never-shown"


@pytest.fixture(autouse=True)
def _machine(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in azure.managed_identity.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def naps() -> list[float]:
    """Return the seconds that were waited."""
    return []


@pytest.fixture
def patience(naps: list[float]) -> Patience:
    """Return as much patience as a start has, without the waiting."""
    return Patience(attempts=key_vault.ATTEMPTS, max_wait=key_vault.LONGEST_WAIT, sleep=naps.append)


@contextmanager
def refused(text: str) -> Iterator[None]:
    with pytest.raises(KeyVaultError, match=text) as caught:
        yield
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_secret_is_read_for_a_managed_identity(azure: Azure) -> None:
    address = azure.keep("field-keys", f" {SECRET}\n")

    assert key_vault.read(address) == SECRET
    assert azure.asked == ["/secrets/field-keys/"]
    assert azure.proofs == ["managed identity"]


def test_a_secret_is_read_for_a_service_principal(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in azure.service_principal.items():
        monkeypatch.setenv(name, value)

    assert key_vault.read(azure.keep("field-keys", SECRET)) == SECRET
    # Entra is asked for the vault's own scope, and for no other.
    assert azure.proofs == ["https://vault.azure.net/.default"]


def test_the_version_that_is_named_is_asked_for(azure: Azure) -> None:
    address = f"{azure.keep('field-keys', SECRET)}/{'0a' * 16}"

    assert key_vault.read(address) == SECRET
    assert azure.asked == [f"/secrets/field-keys/{'0a' * 16}"]


def test_several_secrets_of_a_vault_take_one_token(azure: Azure) -> None:
    for name in ("one", "two", "three"):
        assert key_vault.read(azure.keep(name, f"{SECRET}-{name}")) == f"{SECRET}-{name}"

    assert azure.proofs == ["managed identity"]


@pytest.mark.parametrize(
    "address",
    [
        "https://contoso.vault.usgovcloudapi.net/secrets/a",
        "https://contoso.vault.azure.cn/secrets/a/",
        "https://CONTOSO.vault.azure.net:443/secrets/A-1",
    ],
)
def test_vaults_of_all_clouds_are_known(address: str, naps: list[float]) -> None:
    # The stand-in is none of them.
    with refused("No answer when asking for the secret"):
        key_vault.read(address, patience=Patience(attempts=1, max_wait=timedelta(), sleep=naps.append))


@pytest.mark.parametrize(
    "address",
    [
        SECRET,
        "http://contoso.vault.azure.net/secrets/a",
        "https://contoso.vault.azure.net.example.org/secrets/a",
        "https://vault.azure.net/secrets/a",
        "https://a.b.vault.azure.net/secrets/a",
        "https://127.0.0.1/secrets/a",
        f"https://u:{SECRET}@contoso.vault.azure.net/secrets/a",
        "https://contoso.vault.azure.net:8443/secrets/a",
        "https://contoso.vault.azure.net/keys/a",
        "https://contoso.vault.azure.net/secrets/",
        "https://contoso.vault.azure.net/secrets/a/b",
        "https://contoso.vault.azure.net/secrets/a?api-version=7.4",
        "https://contoso.vault.azure.net/secrets/a_b",
        "https://contoso.vault.azure.net/secrets/\u0430",
        "https://contoso.managedhsm.azure.net/secrets/a",
    ],
)
def test_what_is_no_address_of_a_secret_in_a_vault_is_refused_and_not_called(
    azure: Azure, address: str
) -> None:
    with refused("must look like https://VAULT"):
        key_vault.read(address)

    assert azure.proofs == []


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply.refusal(403, "Forbidden", inner="ForbiddenByRbac"), "403 ForbiddenByRbac: .*denies access"),
        (Reply.refusal(403, "Forbidden", inner="ForbiddenByFirewall"), "ForbiddenByFirewall: .*this network"),
        (Reply(status=403, body=b"<html>no"), "403: .*denies access"),
        (Reply.refusal(401, "Unauthorized"), "401 Unauthorized: .*another tenant"),
        (Reply.refusal(400, "BadParameter"), "400 BadParameter: .*as no vault would"),
        (Reply(status=302, headers={"Location": "https://127.0.0.1:1/"}), "302: .*as no vault would"),
        (Reply(body=f'{{"value": "{SECRET}'.encode()), "200: .*as no vault would"),
        (Reply(body=f"<html>{SECRET}".encode()), "200: .*as no vault would"),
        (Reply(body=b"{}"), "is empty"),
        (Reply(), "is not the vault"),
    ],
    ids=range(10),
)
def test_a_refusal_is_told_at_once_with_its_reason(
    azure: Azure, reply: Reply, text: str, patience: Patience, naps: list[float]
) -> None:
    azure.replies.append(reply)

    with refused(text):
        key_vault.read(azure.keep("field-keys", SECRET), patience=patience)
    assert (len(azure.asked), naps) == (1, [])


def test_a_secret_that_is_absent_is_named_with_its_vault(azure: Azure) -> None:
    with refused(f"404 SecretNotFound: .*the secret nothing of https://{azure.vault}.* has no such secret"):
        key_vault.read(f"https://{azure.vault}/secrets/nothing")


def test_a_disabled_secret_is_refused(azure: Azure) -> None:
    with refused("403 SecretDisabled: .*enable the secret"):
        key_vault.read(azure.keep("field-keys", SECRET, enabled=False))


@pytest.mark.parametrize("attributes", [{"exp": 1_700_000_000}, {"nbf": 4_102_444_800}])
def test_a_secret_out_of_its_time_is_refused(azure: Azure, attributes: dict[str, int]) -> None:
    with refused("has expired or is not valid yet"):
        key_vault.read(azure.keep("field-keys", SECRET, **attributes))


def test_a_secret_within_its_time_is_read(azure: Azure) -> None:
    assert key_vault.read(azure.keep("a", SECRET, nbf=1_700_000_000, exp=4_102_444_800)) == SECRET


def test_an_empty_secret_is_refused(azure: Azure) -> None:
    with refused("is empty"):
        key_vault.read(azure.keep("field-keys", " \n"))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(
    azure: Azure, status: int, patience: Patience, naps: list[float]
) -> None:
    azure.replies += [Reply.refusal(status, "Throttled", Retry_After="7"), Reply(status=status)]

    assert key_vault.read(azure.keep("field-keys", SECRET), patience=patience) == SECRET
    assert naps[0] == 7
    assert len(naps) == 2


def test_a_vault_that_stays_throttled_is_given_up(
    azure: Azure, patience: Patience, naps: list[float]
) -> None:
    azure.replies += [Reply.refusal(429, "Throttled")] * 9

    with refused("429 Throttled: .*too often"):
        key_vault.read(azure.keep("field-keys", SECRET), patience=patience)
    assert len(azure.asked) == key_vault.ATTEMPTS


def test_a_wait_longer_than_a_start_may_take_is_not_waited(
    azure: Azure, patience: Patience, naps: list[float]
) -> None:
    azure.replies.append(Reply.refusal(429, "Throttled", Retry_After="3600"))

    with refused("429 Throttled"):
        key_vault.read(azure.keep("field-keys", SECRET), patience=patience)
    assert naps == []


def test_a_vault_that_does_not_answer_in_time_is_given_up(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, naps: list[float]
) -> None:
    monkeypatch.setattr(key_vault, "READ_TIMEOUT_SECONDS", 0.3)
    azure.holds_back.clear()

    with refused("No answer when asking for the secret field-keys"):
        key_vault.read(
            azure.keep("field-keys", SECRET),
            patience=Patience(attempts=2, max_wait=timedelta(9), sleep=naps.append),
        )
    assert len(azure.asked) == 2


def test_a_certificate_that_nobody_here_trusts_is_refused(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, patience: Patience
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")

    with refused("No answer when asking .*certificate"):
        key_vault.read(azure.keep("field-keys", SECRET), patience=patience)
    assert azure.proofs == []


def test_a_token_is_not_asked_for_on_behalf_of_another_than_the_vault(azure: Azure) -> None:
    azure.resource = "https://graph.microsoft.com"

    with refused("is not the vault"):
        key_vault.read(azure.keep("field-keys", SECRET))
    assert azure.proofs == []


def test_a_machine_without_an_identity_is_told_what_to_give_it(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")

    with refused("No token to ask for .*managed identity"):
        key_vault.read(azure.keep("field-keys", SECRET))
    assert azure.asked == []


def test_a_wrong_client_secret_is_told_and_not_shown(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (azure.service_principal | {"AZURE_CLIENT_SECRET": SECRET}).items():
        monkeypatch.setenv(name, value)

    with refused("No token to ask for"):
        key_vault.read(azure.keep("field-keys", "anything"))
    assert azure.asked == []


def test_an_unfit_address_of_entra_is_told(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "http://login.example.org")

    with refused("AZURE_… variables"):
        key_vault.read(azure.keep("field-keys", SECRET))
