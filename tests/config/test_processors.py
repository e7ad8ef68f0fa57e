"""Each web process keeps to one processor, and they share out those that there are."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import processors

SECONDS = 60.0
PROCESSES = 2

pytestmark = pytest.mark.skipif(not processors.IS_POSSIBLE, reason="needs Linux")


@pytest.fixture
def server(repository: Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run gunicorn as on a server, with two processes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = ("--config", "config/deploy/gunicorn.conf.py")
    command = ["gunicorn", "config.wsgi", *config, "-w", str(PROCESSES), "-b", address]
    with subprocess.Popen(
        [sys.executable, "-m", *command], cwd=repository, env=environment | {"EMBEDDED_WORKER": "on"}
    ) as running:
        yield running
        running.terminate()


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children(of: "subprocess.Popen[bytes]") -> list[int]:
    text = Path(f"/proc/{of.pid}/task/{of.pid}/children").read_text(encoding="ascii")
    return [int(pid) for pid in text.split()]


def shares(of: "subprocess.Popen[bytes]") -> list[set[int]]:
    """Return the processors of each process that is ready."""
    found = [os.sched_getaffinity(pid) for pid in children(of)]
    return [one for one in found if len(one) == 1]


def test_processes_share_out_the_processors_also_when_one_is_replaced(
    server: "subprocess.Popen[bytes]",
) -> None:
    if len(os.sched_getaffinity(0)) < PROCESSES:
        pytest.skip("needs two processors")
    wait_for(lambda: len(shares(server)) == PROCESSES)
    first = shares(server)

    killed = children(server)[0]
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: killed not in children(server) and len(shares(server)) == PROCESSES)

    assert first[0] != first[1]
    assert sorted(map(sorted, shares(server))) == sorted(map(sorted, first))


def test_what_works_beside_the_requests_uses_all_processors(server: "subprocess.Popen[bytes]") -> None:
    wait_for(lambda: len(shares(server)) == PROCESSES)
    (pid, *_) = children(server)
    threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]

    assert os.sched_getaffinity(0) in [os.sched_getaffinity(thread) for thread in threads if thread != pid]


def test_a_processor_is_chosen_that_the_fewest_have() -> None:
    class Process:
        processor = -1

    class Server:
        pid = os.getpid()
        WORKERS: dict[int, Process] = {}

    for number in range(2 * len(os.sched_getaffinity(0))):
        worker = Process()
        processors.choose(Server, worker)
        Server.WORKERS[number] = worker

    given = [worker.processor for worker in Server.WORKERS.values()]
    assert {given.count(number) for number in os.sched_getaffinity(0)} == {2}


def test_a_process_that_may_not_keep_to_its_processor_works_all_the_same() -> None:
    class Process:
        processor = 1_000_000

    before = os.sched_getaffinity(0)

    processors.keep(Process)

    assert os.sched_getaffinity(0) == before
