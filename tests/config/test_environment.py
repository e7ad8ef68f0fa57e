"""How single settings are read and judged."""

import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from config import environment
from tests.azure import Azure

KEY = Fernet.generate_key().decode()
STRONG = "s3kr1t-and-long-enough-to-be-accepted-by-the-product-at-start"


def refuse_unsafe(
    *,
    debug: bool = False,
    https: bool = False,
    secret_key: str = STRONG,
    keys: tuple[str, ...] = (KEY,),
    allowed_hosts: tuple[str, ...] = ("graph.example.org",),
    host: str = "graph.example.org",
) -> None:
    environment.refuse_unsafe(
        debug=debug,
        https=https,
        secret_key=secret_key,
        field_encryption_keys=list(keys),
        allowed_hosts=list(allowed_hosts),
        host=host,
    )


def test_safe_values_pass() -> None:
    refuse_unsafe(https=True, keys=(KEY, environment.generate_field_encryption_key()))


def test_debug_passes_on_loopback() -> None:
    refuse_unsafe(debug=True, host="localhost", allowed_hosts=("*",))


def test_debug_is_refused_where_others_reach_us() -> None:
    with pytest.raises(ImproperlyConfigured, match="unset DEBUG"):
        refuse_unsafe(debug=True)


def test_debug_is_refused_with_https() -> None:
    with pytest.raises(ImproperlyConfigured, match="unset DEBUG"):
        refuse_unsafe(debug=True, https=True, host="localhost")


@pytest.mark.parametrize(
    "weak", ["", "x" * 49 + "y", "ab" * 40, f"django-insecure-{STRONG}", STRONG[:49]], ids=range(5)
)
def test_a_weak_secret_key_is_refused(weak: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is too weak"):
        refuse_unsafe(secret_key=weak)


@pytest.mark.parametrize(
    "malformed",
    ["short", KEY[:-1], KEY.replace(KEY[3], "*"), f"{KEY}a", "\u00e9" * 44],
    ids=["short", "cut", "odd character", "long", "not ASCII"],
)
def test_a_malformed_encryption_key_is_named_by_its_position_only(malformed: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="key 2 is malformed") as caught:
        refuse_unsafe(keys=(KEY, malformed))
    assert malformed not in str(caught.value)


def test_the_secret_key_may_not_encrypt() -> None:
    key = Fernet.generate_key().decode() + "0123456789"

    with pytest.raises(ImproperlyConfigured):
        refuse_unsafe(secret_key=key, keys=(key,))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://graph.example.org", "graph.example.org"),
        ("https://graph.example.org:8443", "graph.example.org"),
        ("http://127.0.0.1:8000", "127.0.0.1"),
        ("http://localhost", "localhost"),
        ("http://[::1]:8000", "::1"),
    ],
)
def test_an_origin_gives_its_host(url: str, host: str) -> None:
    assert environment.public_host(url) == host


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://graph.example.org", "must begin with https"),
        ("http://10.0.0.1", "must begin with https"),
        ("https://graph.example.org/app", "no path"),
        ("https://graph.example.org?a=b", "no path"),
        ("https://graph.example.org?", "no path"),
        ("https://graph.example.org#", "no path"),
        ("https://user:pw@graph.example.org", "user name"),
        ("https://:pw@graph.example.org", "user name"),
        (" https://graph.example.org", "blank"),
        ("https://graph example.org", "blank"),
        ("graph.example.org", "must look like"),
        ("ftp://graph.example.org", "must look like"),
        ("https://", "must look like"),
        ("https://graph.example.org:port", "must look like"),
        ("https://[::1", "must look like"),
    ],
)
def test_what_graph_could_not_call_is_refused(url: str, text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=text):
        environment.public_host(url)


def test_a_secret_is_read_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_KEY", "$HOME")

    assert environment.read_secret("HOME_KEY") == "$HOME"


def test_a_secret_that_is_nowhere_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_KEY", raising=False)

    assert environment.read_secret("NO_KEY") == ""


def test_a_secret_in_two_places_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("A_KEY", "one")
    monkeypatch.setenv("A_KEY_FILE", str(tmp_path / "two"))

    with pytest.raises(ImproperlyConfigured, match="Set only one of A_KEY, A_KEY_FILE"):
        environment.read_secret("A_KEY")


def test_a_secret_in_a_file_and_a_vault_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("A_KEY_FILE", str(tmp_path / "one"))
    monkeypatch.setenv("A_KEY_VAULT", "https://contoso.vault.azure.net/secrets/a-key")

    with pytest.raises(ImproperlyConfigured, match="Set only one of A_KEY_FILE, A_KEY_VAULT"):
        environment.read_secret("A_KEY")


def test_a_secret_may_come_from_a_vault(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in azure.managed_identity.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("A_KEY_VAULT", azure.keep("a-key", STRONG))

    assert environment.read_secret("A_KEY") == STRONG


def test_a_vault_that_gives_no_secret_is_named_by_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY_VAULT", STRONG)

    with pytest.raises(ImproperlyConfigured, match=r"^A_KEY_VAULT: The address must look like") as caught:
        environment.read_secret("A_KEY")
    assert STRONG not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "text"), [(None, "cannot be read"), (b" \n", "is empty"), (b"\xff\xfe", "cannot be read")]
)
def test_a_file_that_gives_no_secret_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, text: str
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("A_KEY_FILE", str(file))

    with pytest.raises(ImproperlyConfigured, match=text):
        environment.read_secret("A_KEY")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_generated_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    environment.generated_secret("A_KEY", generate=lambda: "value", directory=tmp_path)
    os.chmod(tmp_path / "a_key", mode)  # noqa: PTH101 -- the mode is the point

    with pytest.raises(ImproperlyConfigured, match="chmod 600"):
        environment.generated_secret("A_KEY", generate=lambda: "other", directory=tmp_path)


def test_a_generated_key_is_never_replaced(tmp_path: Path) -> None:
    first = environment.generated_secret("A_KEY", generate=lambda: "first", directory=tmp_path)

    assert environment.generated_secret("A_KEY", generate=lambda: "second", directory=tmp_path) == first


def test_of_two_first_starts_at_once_the_first_ones_key_stays(tmp_path: Path) -> None:
    def overtaken() -> str:
        environment.generated_secret("A_KEY", generate=lambda: "theirs", directory=tmp_path)
        return "ours"

    found = environment.generated_secret("A_KEY", generate=overtaken, directory=tmp_path)

    assert found == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["a_key"]


def test_keys_are_separated_by_commas() -> None:
    assert environment.split_keys(" one, two ,,") == ["one", "two"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_this_machine_is_loopback(host: str) -> None:
    assert environment.is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.example.org", "127.0.0.1.example.org", ""])
def test_other_machines_are_not_loopback(host: str) -> None:
    assert not environment.is_loopback(host)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://u:pw@h/d", "postgres://u:p/w@h/d", "sqlite"])
def test_what_names_no_database_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must look like"):
        environment.database(url)


@pytest.mark.parametrize(
    ("value", "is_on"), [("1", True), ("TRUE", True), (" on ", True), ("0", False), ("no", False), ("", True)]
)
def test_a_switch_is_on_or_off_or_as_it_is_when_unset(
    value: str, is_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKER", value)

    assert environment.switch("WORKER", default=True) is is_on


@pytest.mark.parametrize("value", ["maybe", "enabled", "2"])
def test_what_is_neither_on_nor_off_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS", value)

    with pytest.raises(ImproperlyConfigured, match="HTTPS must be on or off"):
        environment.switch("HTTPS", default=False)


def test_a_number_is_read_and_an_empty_one_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZE", " 12 ")
    monkeypatch.setenv("HOURS", "")

    assert environment.whole_number("SIZE", default=1) == 12
    assert environment.whole_number("HOURS", default=1) == 1


@pytest.mark.parametrize("value", ["lots", "1.5", "8MB", "9" * 40])
def test_what_is_no_number_is_refused_by_name(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZE", value)

    with pytest.raises(ImproperlyConfigured, match="SIZE must be a whole number"):
        environment.whole_number("SIZE", default=1)


@pytest.mark.parametrize("value", ["fast", "600", "0/min", "600/fortnight"])
def test_what_is_no_rate_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_RATE", value)

    with pytest.raises(ImproperlyConfigured, match="API_RATE must look like 600/min"):
        environment.rate("API_RATE", default="600/min")


@pytest.mark.parametrize(("value", "rate"), [("10/sec", "10/sec"), ("", "600/min")])
def test_a_rate_is_read_and_an_empty_one_is_unset(
    value: str, rate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_RATE", value)

    assert environment.rate("API_RATE", default="600/min") == rate
