"""create_subscription: one by options, many by a file, and never two for one wish."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("webhook", "app_registration", "certificate"),
]

Run = Callable[..., Any]
MAIL = "/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/messages"
ONE = ("create_subscription", "--app=Contoso", f"--resource={MAIL}", "--change-type=created,updated")


@pytest.fixture
def from_csv(run: Run, tmp_path: Path) -> Run:
    """Return a function that writes a file and has its lines created."""

    def from_csv(content: str | bytes, *more: str) -> Any:
        file = tmp_path / "wishes.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return run("create_subscription", f"--from-csv={file}", "--json", *more)

    return from_csv


def test_it_creates_one_and_prints_one_object(run: Run, sandbox: Sandbox) -> None:
    answer = run(*ONE, "--json")

    row, [remote] = Subscription.objects.get(), sandbox.subscriptions.values()
    assert (answer.code, answer.err) == (0, "")
    assert answer.json == {
        "id": row.pk,
        "graph_id": remote.id,
        "app": "Contoso",
        "account": None,
        "resource": MAIL,
        "change_type": "created,updated",
        "status": "active",
        "expires_at": remote.expires_at.isoformat(),
        "outcome": "created",
    }
    assert (remote.client_state or "") not in answer.out


def test_running_it_twice_makes_one(run: Run, sandbox: Sandbox) -> None:
    first = run(*ONE, "--json")
    second = run(
        "create_subscription",
        "--app=Contoso",
        f"--resource={MAIL[1:]}",
        "--change-type=updated, created",
        "--json",
    )

    assert (second.code, second.json) == (0, {**first.json, "outcome": "existing"})
    assert len(sandbox.subscriptions) == 1


def test_what_graph_refused_before_is_sent_again(run: Run, settings: Settings, webhook: str) -> None:
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:1"
    first = run(*ONE, "--json")
    settings.PUBLIC_BASE_URL = webhook

    second = run(*ONE, "--json")

    assert (first.code, first.json["status"]) == (1, "failed")
    assert "Subscription validation request failed" in first.json["errors"][0]
    assert (second.code, second.json["outcome"]) == (0, "created")
    assert Subscription.objects.count() == 1


def test_a_refusal_exits_1_with_the_reason(run: Run, settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:1"

    answer = run(*ONE)

    assert (answer.code, answer.out) == (1, "")
    assert "ValidationError" in answer.err


def test_a_rich_one_is_created(run: Run, sandbox: Sandbox) -> None:
    answer = run(
        "create_subscription",
        "--app=Contoso",
        "--resource=/teams/getAllMessages",
        "--change-type=created",
        "--rich",
        "--certificate=hooks",
        "--minutes=90",
    )

    [remote] = sandbox.subscriptions.values()
    assert (answer.code, remote.include_resource_data) == (0, True)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ((), "Missing: --app, --resource, --change-type"),
        (("--app=Contoso", "--resource=/users"), "Missing: --change-type"),
        (("--app=Nobody", "--resource=/users", "--change-type=updated"), "no app registration"),
        (("--app=Contoso", "--resource=/users", "--change-type=created"), "no created"),
        (("--app=Contoso", "--resource=/users", "--change-type=updated", "--minutes=-1"), "Ask for 1 to"),
        (("--from-csv=/no/such/file",), "cannot be read as CSV"),
        (("--from-csv=/no/such/file", "--app=Contoso", "--minutes=5"), "leave out --app, --minutes"),
    ],
)
def test_wrong_usage_exits_2(run: Run, options: tuple[str, ...], text: str) -> None:
    answer = run("create_subscription", *options)

    assert (answer.code, answer.out) == (2, "")
    assert text in answer.err
    assert not Subscription.objects.exists()


def test_a_file_creates_the_good_lines_and_names_the_bad_ones(from_csv: Run, sandbox: Sandbox) -> None:
    lines = (
        "app,resource,change_type,rich,certificate,account,minutes",
        f"Contoso,{MAIL},created",
        "Nobody,/groups,updated",
        'Contoso,/teams/getAllMessages,"created,updated",yes,hooks,,60',
        "",
        "Contoso,/groups,updated,perhaps",
        "Contoso,/groups,updated,,,,soon",
        "Contoso,/groups,updated,,,,\u00b2",
        f"Contoso,/groups,updated,,,,{'9' * 5000}",
        "Contoso,/groups,updated,,,,5,more",
        "Contoso,/groups,updated,,,nobody@contoso.example,",
        "Contoso",
    )

    answer = from_csv("\n".join(lines))

    failed = {one["line"]: one["error"] for one in answer.json["failed"]}
    assert answer.code == 1
    assert [one["line"] for one in answer.json["created"]] == [2, 4]
    assert [one["status"] for one in answer.json["created"]] == ["active", "active"]
    assert sorted(failed) == [3, 6, 7, 8, 9, 10, 11, 12]
    assert "no app registration named 'Nobody'" in failed[3]
    assert "use yes or no" in failed[6]
    assert "use a whole number" in failed[7]
    assert "use a whole number" in failed[8]
    assert "more columns" in failed[10]
    assert "nobody@contoso.example" in failed[11]
    assert len(sandbox.subscriptions) == 2


def test_a_file_of_a_spreadsheet_is_read(from_csv: Run) -> None:
    content = b"\xef\xbb\xbf app , resource,change_type\r\n Contoso , /groups ,updated\r\n"

    answer = from_csv(content)

    assert answer.code == 0
    assert [one["resource"] for one in answer.json["created"]] == ["/groups"]


def test_a_second_run_creates_only_what_is_missing(from_csv: Run, sandbox: Sandbox) -> None:
    header, first, second = "app,resource,change_type", f"Contoso,{MAIL},created", "Contoso,/groups,updated"
    from_csv(f"{header}\n{first}\n")

    answer = from_csv(f"{header}\n{first}\n{second}\n{second}\n")

    assert answer.code == 0
    assert [one["line"] for one in answer.json["created"]] == [3]
    assert [one["line"] for one in answer.json["existing"]] == [2, 4]
    assert len(sandbox.subscriptions) == 2


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "Missing: app, change_type, resource"),
        (b"app,resource\n", "Missing: change_type"),
        (b"app,resource,change_type,colour\n", "unknown: colour"),
        (b"app,resource,change_type\n\xff\xfe", "cannot be read as CSV"),
        (b'app,resource,change_type\n"Contoso,/groups', "cannot be read as CSV"),
    ],
)
def test_a_file_of_another_form_exits_2(from_csv: Run, content: bytes, text: str) -> None:
    answer = from_csv(content)

    assert (answer.code, answer.out) == (2, "")
    assert text in answer.err


def test_one_refused_line_does_not_stop_the_rest(from_csv: Run, sandbox: Sandbox) -> None:
    sandbox.add_fault(
        method="POST",
        path="/v1.0/subscriptions",
        status=403,
        body={"error": {"code": "ExtensionError", "message": "Access denied"}},
    )

    answer = from_csv(f"app,resource,change_type\nContoso,/groups,updated\nContoso,{MAIL},created\n")

    assert (answer.code, [one["line"] for one in answer.json["created"]]) == (1, [3])
    assert "ExtensionError" in answer.json["failed"][0]["error"]


def test_what_was_refused_is_named_so_that_it_can_be_found(run: Run, sandbox: Sandbox) -> None:
    sandbox.add_fault(method="POST", path="/v1.0/subscriptions", status=403)

    answer = run(*ONE, "--json")

    row = Subscription.objects.get()
    assert (answer.code, answer.json["id"], answer.json["outcome"]) == (1, row.pk, "failed")
    assert (answer.json["status"], answer.json["graph_id"], answer.json["resource"]) == ("failed", None, MAIL)


def test_what_is_sent_again_by_itself_is_told_from_what_is_not(run: Run, sandbox: Sandbox) -> None:
    long = {"Retry-After": "86400"}
    sandbox.add_fault(method="POST", path="/v1.0/subscriptions", status=429, headers=long, times=2)

    for_machines, for_people = run(*ONE, "--json"), run(*ONE)

    assert (for_machines.code, for_machines.json["status"]) == (1, "pending")
    assert for_people.err.endswith("renew_subscriptions sends it again.")


def test_without_verbosity_nothing_is_printed(run: Run) -> None:
    answer = run(*ONE, "-v0")

    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_people_are_told_what_was_made(run: Run) -> None:
    answer = run(*ONE)

    assert f"(created): {MAIL}, Graph's id " in answer.out
