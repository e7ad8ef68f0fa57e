"""quickstart, as a newcomer runs it."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Manage = Callable[..., "subprocess.CompletedProcess[str]"]
STEPS = {
    *("database", "administrator", "local Graph", "admin and webhook", "app registration"),
    *("encryption certificate", "basic subscription", "rich subscription", "basic notification"),
    *("rich notification", "lifecycle notice", "renewal"),
}


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(happened: Callable[[], bool], *, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_whole_main_job_happens_on_a_bare_machine(
    manage: Manage, one_object: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    done = manage("quickstart", "--check", "--json")

    story = one_object(done.stdout)
    assert {step["name"] for step in story["steps"]} == STEPS
    assert [step for step in story["steps"] if not step["happened"]] == []
    assert (done.returncode, story["ok"], story["errors"]) == (0, True, [])
    secrets = [tmp_path / "var" / name for name in ("secret_key", "field_encryption_keys")]
    assert {oct(file.stat().st_mode & 0o777) for file in secrets} == {"0o600"}


@pytest.mark.parametrize("arguments", [["--json"], ["--port", "many"]])
def test_wrong_usage_ends_with_2(arguments: list[str], manage: Manage) -> None:
    assert manage("quickstart", *arguments).returncode == 2


def test_a_taken_port_ends_with_2_and_says_what_to_do(manage: Manage) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        done = manage("quickstart", "--port", str(taken.getsockname()[1]))

    assert done.returncode == 2
    assert "--port" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_nothing_stays_behind_when_it_is_ended(
    number: signal.Signals, start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    port = free_port()

    with start("quickstart", "--no-sandbox", "--port", str(port), "-v", "0") as running:
        try:
            wait_until(lambda: answers(port))
            running.send_signal(number)
            running.communicate(timeout=60)
        finally:
            running.kill()

    assert running.returncode == 0
    assert not answers(port)
