"""add_app_registration: registers, tests, and tells what is wrong without showing a secret."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from subscriptions.keys import certificates as keys
from subscriptions.models import AppRegistration
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db

Add = Callable[..., Any]
CLIENT_ID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def add(run: Callable[..., Any], custom_cloud: Sandbox) -> Add:
    """Return a function that runs the command for the stand-in's own app, or for another."""

    def add(*more: str, tenant: str = "", client: str = "", secret: str = "") -> Any:
        app = custom_cloud.application
        return run(
            "add_app_registration",
            "--name=Contoso",
            "--cloud=custom",
            f"--tenant-id={tenant or custom_cloud.tenant_id}",
            f"--client-id={client or app.client_id}",
            *(
                more
                if any("file" in one or "pem" in one for one in more)
                else ("--client-secret-env=IT", *more)
            ),
            IT=secret or app.client_secret,
        )

    return add


def test_it_registers_and_prints_one_object(add: Add, sandbox: Sandbox) -> None:
    answer = add("--json")

    row = AppRegistration.objects.get()
    assert (answer.code, answer.err) == (0, "")
    assert answer.json == {
        "id": row.pk,
        "name": "Contoso",
        "cloud": "custom",
        "tenant_id": sandbox.tenant_id,
        "client_id": sandbox.application.client_id,
        "credential_expires_at": None,
        "next_credential": None,
        "next_credential_expires_at": None,
        "status": "registered",
    }
    assert row.client_secret.reveal() == sandbox.application.client_secret


def test_running_it_twice_changes_nothing(add: Add) -> None:
    first, second = add("--json"), add("--json")

    assert first.json == second.json
    assert AppRegistration.objects.count() == 1


def test_it_tests_the_connection_when_asked(add: Add) -> None:
    answer = add("--json", "--test")

    assert (answer.code, answer.json["status"]) == (0, "connected")


def test_a_failed_test_exits_1_and_says_why(add: Add) -> None:
    answer = add("--json", "--test", secret="never-to-be-seen")

    assert (answer.code, answer.json["status"]) == (1, "failed")
    assert "The client secret is wrong" in answer.json["message"]
    assert "never-to-be-seen" not in answer.out + answer.err


@pytest.mark.parametrize(
    ("changes", "text"),
    [({"tenant": "contoso"}, "Directory (tenant) ID"), ({"client": "app"}, "Application (client) ID")],
)
def test_a_wrong_value_exits_2_and_saves_nothing(add: Add, changes: dict[str, str], text: str) -> None:
    answer = add("--json", secret="never-to-be-seen", **changes)

    assert (answer.code, answer.out) == (2, "")
    assert text in answer.err
    assert "never-to-be-seen" not in answer.err
    assert not AppRegistration.objects.exists()


def test_an_empty_variable_exits_2(run: Callable[..., Any]) -> None:
    answer = run(
        "add_app_registration",
        "--name=Contoso",
        "--tenant-id=contoso.example",
        f"--client-id={CLIENT_ID}",
        "--client-secret-env=NO_SUCH",
    )

    assert (answer.code, "NO_SUCH is empty or not set" in answer.err) == (2, True)


def test_a_certificate_comes_from_a_file(
    add: Add, sandbox: Sandbox, key_pair: keys.KeyPair, tmp_path: Path
) -> None:
    app = sandbox.add_application(certificate_pem=key_pair.certificate_pem)
    file = tmp_path / "app.pem"
    file.write_text(key_pair.private_key_pem + key_pair.certificate_pem)

    answer = add(f"--certificate-pem={file}", "--test", "--json", client=app.client_id)

    assert (answer.code, answer.json["status"]) == (0, "connected")


def test_a_file_that_does_not_read_exits_2(add: Add) -> None:
    answer = add("--certificate-pem=/no/such/file")

    assert (answer.code, "/no/such/file cannot be read" in answer.err) == (2, True)


def test_a_federated_token_file_is_named_whole(add: Add) -> None:
    assert add("--federated-token-file=token").code == 2
    assert add("--federated-token-file=/var/run/token").code == 0


def test_without_verbosity_nothing_is_printed(add: Add) -> None:
    answer = add("-v0")

    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_the_end_of_a_secret_is_kept_also_when_it_is_run_again_without(add: Add) -> None:
    told = add("--client-secret-expires=2099-05-06", "--json").json["credential_expires_at"]

    assert told == "2099-05-06T00:00:00+00:00"
    assert add("--json").json["credential_expires_at"] == told


@pytest.mark.parametrize(
    ("day", "said"), [("2020-01-01", "That is past"), ("tomorrow", "tomorrow is no day")]
)
def test_a_wrong_end_is_wrong_usage(add: Add, day: str, said: str) -> None:
    answer = add(f"--client-secret-expires={day}")

    assert answer.code == 2
    assert said in answer.err


def test_a_next_credential_is_put_beside_the_one_in_use(add: Add, sandbox: Sandbox) -> None:
    add()
    secret = sandbox.add_client_secret(sandbox.application.client_id)

    answer = add("--next", "--test", "--json", secret=secret)

    row = AppRegistration.objects.get()
    assert (answer.code, answer.json["next_credential"]) == (0, "client_secret")
    assert answer.json["message"].endswith("The next credential works too.")
    assert row.client_secret.reveal() == sandbox.application.secrets[0].value
    assert row.next_client_secret.reveal() == secret


def test_the_first_credential_is_not_the_next(add: Add) -> None:
    answer = add("--next")

    assert answer.code == 2
    assert "no app registration Contoso yet" in answer.err
