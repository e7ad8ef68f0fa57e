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
