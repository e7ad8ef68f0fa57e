"""Each web process keeps to one processor, and they share out those that there are."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from config import processors

SECONDS = 30.0
PROCESSES = 2

pytestmark = pytest.mark.skipif(not processors.IS_POSSIBLE, reason="needs Linux")


@dataclass(frozen=True, kw_only=True)
class Server:
    """A gunicorn."""

    pid: int
    port: int

    def processes(self) -> list[int]:
        """Return its web processes."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in children.split()]

    def shares(self) -> list[set[int]]:
        """Send deliveries, and return the processors of each process that has taken one."""
        # So many at once that there is one for each process.
        connections = [HTTPConnection("127.0.0.1", self.port) for _ in range(32)]
        with suppress(OSError, HTTPException):
            for connection in connections:
                connection.request("POST", "/webhooks/graph/notifications", b"{}")
            for connection in connections:
                connection.getresponse().read()
        for connection in connections:
            connection.close()
        kept = []
        for pid in self.processes():
            with suppress(ProcessLookupError):
                kept.append(os.sched_getaffinity(pid))
        return [one for one in kept if len(one) == 1]


@pytest.fixture
def server(repository: Path, environment: dict[str, str]) -> Iterator[Server]:
    """Run gunicorn as on a server, with two processes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = ["gunicorn", "config.wsgi", "-k", "gthread", "--threads", "8"]
    command += ["-w", str(PROCESSES), "-b", f"127.0.0.1:{port}"]
    with subprocess.Popen(
        [sys.executable, "-m", *command], cwd=repository, env=environment | {"EMBEDDED_WORKER": "on"}
    ) as running:
        yield Server(pid=running.pid, port=port)
        running.terminate()


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_processes_share_out_the_processors_also_when_one_is_replaced(server: Server) -> None:
    if len(os.sched_getaffinity(0)) < PROCESSES:
        pytest.skip("needs two processors")
    wait_for(lambda: len(server.shares()) == PROCESSES)
    first = server.shares()

    killed = server.processes()[0]
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: killed not in server.processes() and len(server.shares()) == PROCESSES)

    assert first[0] != first[1]
    assert sorted(map(sorted, server.shares())) == sorted(map(sorted, first))


def test_what_works_beside_the_requests_uses_all_processors(server: Server) -> None:
    wait_for(lambda: len(server.shares()) == PROCESSES)
    (pid, *_) = server.processes()
    threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
    kept = [len(os.sched_getaffinity(thread)) == 1 for thread in threads if thread != pid]

    assert {True, False} == set(kept)


def test_a_processor_is_chosen_that_the_fewest_have() -> None:
    given: Counter[int] = Counter()
    for pid in (11, 19, 20, 37, 100, 200):
        given[processors.choose([0, 2, 5], given, pid=pid)] += 1

    assert given == {0: 2, 2: 2, 5: 2}


def test_processes_that_are_started_together_choose_different_ones() -> None:
    assert {processors.choose([0, 2, 5], Counter(), pid=pid) for pid in (11, 12, 13)} == {0, 2, 5}
