"""The start of a process: what works with nothing set, and what stops it."""

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.azure import Azure, Reply

Start = Callable[..., "subprocess.CompletedProcess[str]"]

STRONG = "s3kr1t-and-long-enough-to-be-accepted-by-the-product-at-start"
SECRET = "Zq7-never-shown"


def facts(answer: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def test_nothing_needs_to_be_set(start: Start, tmp_path: Path) -> None:
    found = facts(start())

    assert found["debug"] is False
    assert found["allowed_hosts"] == ["127.0.0.1", "localhost", "127.0.0.1", "[::1]"]
    assert found["database"]["NAME"] == str(tmp_path / "var" / "db.sqlite3")
    assert len(found["secret_key"]) >= 50
    Fernet(found["field_encryption_keys"][0])


def test_generated_keys_are_for_the_owner_only(start: Start, tmp_path: Path) -> None:
    start()

    for name in ("secret_key", "field_encryption_keys"):
        assert stat.S_IMODE((tmp_path / "var" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_generated_keys_are_kept(start: Start) -> None:
    first, second = facts(start()), facts(start())

    assert first == second


def test_two_first_starts_at_once_agree(begin: Callable[..., "subprocess.Popen[str]"]) -> None:
    processes = [begin() for _ in range(4)]
    found = [json.loads(process.communicate(timeout=240)[0]) for process in processes]

    assert all(one == found[0] for one in found)


def test_no_draft_of_a_key_stays_behind(start: Start, tmp_path: Path) -> None:
    start()

    assert {path.name for path in (tmp_path / "var").iterdir()} == {"secret_key", "field_encryption_keys"}


def test_a_secret_may_come_from_a_file(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{STRONG}\n")

    assert facts(start(SECRET_KEY_FILE=str(file)))["secret_key"] == STRONG


def test_the_database_may_come_from_a_file(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgres://graph:$tr%2Fange@db.example.org:5433/subs\n")

    database = facts(start(DATABASE_URL_FILE=str(file)))["database"]

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["PASSWORD"], database["HOST"], database["PORT"]) == (
        "$tr/ange",
        "db.example.org",
        "5433",
    )


def test_secrets_may_come_from_a_vault_which_is_asked_once_for_each(start: Start, azure: Azure) -> None:
    key = Fernet.generate_key().decode()

    found = facts(
        start(
            **azure.managed_identity,
            SECRET_KEY_VAULT=azure.keep("secret-key", STRONG),
            FIELD_ENCRYPTION_KEYS_VAULT=azure.keep("field-keys", key),
            DATABASE_URL_VAULT=azure.keep("database", "postgres://graph:pw@db.example.org/subs"),
        )
    )

    assert (found["secret_key"], found["field_encryption_keys"]) == (STRONG, [key])
    assert found["database"]["HOST"] == "db.example.org"
    assert azure.asked == ["/secrets/secret-key/", "/secrets/field-keys/", "/secrets/database/"]
    assert azure.proofs == ["managed identity"]


def test_a_vault_that_denies_access_stops_the_start(start: Start, azure: Azure) -> None:
    azure.replies.append(Reply.refusal(403, "Forbidden", inner="ForbiddenByRbac"))

    answer = start(**azure.managed_identity, SECRET_KEY_VAULT=azure.keep("secret-key", STRONG))

    assert answer.returncode != 0
    assert "ImproperlyConfigured: SECRET_KEY_VAULT: 403 ForbiddenByRbac" in answer.stderr
    assert azure.token not in answer.stderr
    assert azure.identity_header not in answer.stderr


def test_a_start_without_a_vault_does_not_load_what_asks_one(
    repository: Path, environment: dict[str, str]
) -> None:
    code = "import sys; from config import settings; print('azure' in sys.modules)"

    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout == "False\n"


def test_a_vault_without_the_extra_is_told_what_to_install(
    repository: Path, environment: dict[str, str]
) -> None:
    # As if it were not installed.
    code = "import sys; sys.modules['azure'] = None; from config import settings"

    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=repository,
        env=environment | {"SECRET_KEY_VAULT": "https://contoso.vault.azure.net/secrets/secret-key"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode != 0
    assert "ImproperlyConfigured: SECRET_KEY_VAULT: Azure's libraries are not installed" in answer.stderr
    assert "pip install 'graph-subscription-manager[azure]'" in answer.stderr


def test_a_dollar_at_the_start_of_a_secret_is_itself(start: Start) -> None:
    assert facts(start(SECRET_KEY=f"$PATH{STRONG}"))["secret_key"] == f"$PATH{STRONG}"


def test_a_directory_of_any_name_holds_the_database(start: Start, tmp_path: Path) -> None:
    odd = tmp_path / "c++ #1 100%25?"

    assert facts(start(VAR_DIR=str(odd)))["database"]["NAME"] == str(odd / "db.sqlite3")


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"SECRET_KEY": SECRET}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY": f"django-insecure-{STRONG}"}, "SECRET_KEY is too weak"),
        ({"FIELD_ENCRYPTION_KEYS": SECRET}, "FIELD_ENCRYPTION_KEYS: key 1 is malformed"),
        ({"FIELD_ENCRYPTION_KEYS": ","}, "FIELD_ENCRYPTION_KEYS is empty"),
        (
            {"SECRET_KEY": STRONG, "SECRET_KEY_FILE": "/etc/hostname"},
            "Set only one of SECRET_KEY, SECRET_KEY_FILE",
        ),
        ({"SECRET_KEY_VAULT": STRONG}, "SECRET_KEY_VAULT: The address must look like"),
        ({"DATABASE_URL": f"postgres://u:a/{SECRET}@h/d"}, "DATABASE_URL must look like"),
        ({"DATABASE_URL": f"postgrse://u:{SECRET}@h/d"}, "DATABASE_URL must look like"),
        ({"PUBLIC_BASE_URL": f"https://u:{SECRET}@h.org"}, "PUBLIC_BASE_URL must hold scheme, host and port"),
        ({"PUBLIC_BASE_URL": f"https://u:a/{SECRET}@h.org"}, "PUBLIC_BASE_URL must look like"),
        ({"DEBUG": "1", "HTTPS": "1"}, "DEBUG must be off"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must name hosts"),
    ],
)
def test_an_unfit_value_stops_the_start_and_is_not_shown(
    start: Start, variables: dict[str, str], text: str
) -> None:
    answer = start(**variables)

    assert answer.returncode != 0
    assert f"ImproperlyConfigured: {text}" in answer.stderr
    assert SECRET not in answer.stderr
    assert STRONG not in answer.stderr


def test_the_deployment_check_finds_nothing_to_warn_of(manage: Start) -> None:
    answer = manage(
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        HTTPS="1",
        PUBLIC_BASE_URL="https://graph.example.org",
    )

    assert answer.returncode == 0, answer.stderr
    assert "WARNINGS" not in answer.stderr


def test_the_deployment_check_says_what_to_know_before_going_live(manage: Start) -> None:
    answer = manage("check", "--deploy", HTTPS="1", PUBLIC_BASE_URL="https://graph.example.org")

    assert "subscriptions.I001" in answer.stderr + answer.stdout
    assert "subscriptions.I002" in answer.stderr + answer.stdout


def test_the_check_warns_of_a_host_that_is_not_answered(manage: Start) -> None:
    answer = manage(
        "check",
        "--fail-level",
        "WARNING",
        ALLOWED_HOSTS="other.example.org",
        PUBLIC_BASE_URL="https://graph.example.org",
    )

    assert answer.returncode == 1
    assert "subscriptions.W005" in answer.stderr


def test_the_deployment_check_warns_of_an_address_that_graph_cannot_call(manage: Start) -> None:
    answer = manage("check", "--deploy", "--fail-level", "WARNING", HTTPS="1")

    assert answer.returncode == 1
    assert "subscriptions.W001" in answer.stderr


def test_an_explained_setting_is_explained_by_the_deployment_check_too(manage: Start) -> None:
    answer = manage(
        "check", "--deploy", "--fail-level", "WARNING", CUSTOM_GRAPH_URL="https://graph.example.org"
    )

    assert answer.returncode == 1
    assert "subscriptions.E001" in answer.stderr
    assert "Traceback" not in answer.stderr
