"""The command that runs the stand-in."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_one_object_serves_and_ends_when_told(
    repository: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    command = [sys.executable, "manage.py", "sandbox", "--port", "0", "--json", "--directory", str(tmp_path)]
    with subprocess.Popen([*command, "--activity", "60"], cwd=repository, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None

        facts = json.loads(process.stdout.readline())
        page = requests.get(facts["graph_url"], verify=facts["ca_bundle"], timeout=60)
        process.send_signal(stop)
        rest, _ = process.communicate(timeout=60)

    assert facts["tenant_id"] in page.text
    assert set(facts) == {
        "graph_url",
        "login_url",
        "ca_bundle",
        "tenant_id",
        "client_id",
        "client_secret",
        "user_id",
        "username",
        "team_id",
        "channel_id",
    }
    assert (process.returncode, rest) == (0, b"")


def test_it_tells_how_to_point_the_product_at_it(repository: Path) -> None:
    command = [sys.executable, "manage.py", "sandbox", "--port", "0"]
    with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None

        lines = [process.stdout.readline() for _ in range(5)]
        process.terminate()
        process.communicate(timeout=60)

    assert lines[0].startswith("Graph sandbox: https://127.0.0.1:")
    assert lines[2].strip().startswith("CUSTOM_GRAPH_URL=https://127.0.0.1:")


def test_a_taken_port_is_explained(repository: Path) -> None:
    command = [sys.executable, "manage.py", "sandbox", "--host", "203.0.113.1", "--port", "1"]

    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 1
    assert "Cannot listen on 203.0.113.1 port 1" in done.stderr
