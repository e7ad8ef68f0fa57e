"""The product on several hosts: web processes and workers that share the test's database, and brokers for them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import connection

WEBHOOK = "/webhooks/graph/notifications"
RABBITMQ = ("127.0.0.1", 5672)
REDIS = ("127.0.0.1", 6379)


def wait_until(happened: Callable[[], object], *, seconds: float = 90) -> float:
    """Wait for it and return how long it took."""
    started = time.monotonic()
    while not happened():
        assert time.monotonic() < started + seconds
        time.sleep(0.05)
    return time.monotonic() - started


def answers(address: tuple[str, int]) -> bool:
    with suppress(OSError), closing(socket.create_connection(address, timeout=1)):
        return True
    return False


@dataclass(kw_only=True)
class Relay:
    """A port that leads to a broker for as long as it is open: closing it is a broker that goes away."""

    broker: tuple[str, int]
    port: int = 0
    _listener: socket.socket | None = None
    _lines: list[socket.socket] = field(default_factory=list)

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        for line in (self._listener, *self._lines):
            with suppress(OSError):
                assert line is not None
                line.shutdown(socket.SHUT_RDWR)
            if line:
                line.close()
        self._lines.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                ours, _ = listener.accept()
                theirs = socket.create_connection(self.broker)
                self._lines += [ours, theirs]
                for source, target in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


@contextmanager
def rabbitmq() -> Iterator[str]:
    """Give a virtual host of its own."""
    name = f"gsm-test-{uuid4().hex[:8]}"
    if not answers(RABBITMQ) or not shutil.which("rabbitmqctl") or os.geteuid():
        pytest.skip("RabbitMQ is not reachable, or its virtual hosts cannot be made here")
    for arguments in (["add_vhost", name], ["set_permissions", "-p", name, "guest", ".*", ".*", ".*"]):
        subprocess.run(["rabbitmqctl", "-q", *arguments], check=True, capture_output=True)  # noqa: S607
    try:
        yield f"amqp://guest:guest@127.0.0.1:5672/{name}"
    finally:
        subprocess.run(["rabbitmqctl", "-q", "delete_vhost", name], check=True, capture_output=True)  # noqa: S607


@contextmanager
def redis() -> Iterator[str]:
    """Give a database of its own, one for each process of the tests."""
    if not answers(REDIS):
        pytest.skip("Redis is not reachable")
    from redis import Redis

    number = 8 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8
    with closing(Redis(port=REDIS[1], db=number)) as line:
        line.flushdb()
        try:
            yield f"redis://127.0.0.1:{REDIS[1]}/{number}"
        finally:
            line.flushdb()


@pytest.fixture(params=["rabbitmq", "redis"])
def broker_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the address of a broker, once of each kind."""
    with {"rabbitmq": rabbitmq, "redis": redis}[request.param]() as url:
        yield url


@pytest.fixture
def rabbitmq_url() -> Iterator[str]:
    """Return the address of RabbitMQ."""
    with rabbitmq() as url:
        yield url


@pytest.fixture
def relay(broker_url: str) -> Iterator[Relay]:
    """Return a way to the broker that can be cut."""
    parts = urlsplit(broker_url)
    relay = Relay(broker=(parts.hostname or "", parts.port or 0))
    relay.open()
    yield relay
    relay.close()


@dataclass(kw_only=True)
class Hosts:
    """Processes of one installation, each in a group of its own."""

    environment: dict[str, str]
    repository: Path
    directory: Path
    port: int = 0
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start_web(self) -> None:
        """Start a web process and wait until it answers."""
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self._start(
            "web",
            *("gunicorn", "config.wsgi", "-k", "gthread", "--threads", "4", "--no-control-socket"),
            *("-b", f"127.0.0.1:{self.port}"),
        )
        wait_until(lambda: answers(("127.0.0.1", self.port)))

    def start_worker(self) -> "subprocess.Popen[bytes]":
        """Start a Celery worker with one process."""
        quiet = ("--without-gossip", "--without-mingle", "-l", "INFO")
        return self._start("worker", "celery", "-A", "config", "worker", "-c", "1", *quiet)

    def run(self, code: str) -> None:
        """Run some Python in a process of its own to its end."""
        subprocess.run([sys.executable, "-c", code], cwd=self.repository, env=self.environment, check=True)

    def post(self, body: bytes) -> tuple[int, float]:
        """Post to the webhook, and return the status and how long it took."""
        started = time.monotonic()
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as line:
            line.request("POST", WEBHOOK, body, {"Content-Type": "application/json"})
            return line.getresponse().status, time.monotonic() - started

    def log(self, name: str) -> str:
        """Return what the processes of a name have written."""
        return (self.directory / f"{name}.log").read_text()

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill a process and its children as a power cut would."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _start(self, name: str, module: str, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self.repository,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(process)
        return process


@pytest.fixture
def hosts_with(repository: Path, tmp_path: Path, transactional_db: None) -> Iterator[Callable[..., Hosts]]:
    """Return a function that prepares hosts for a broker; they share the test's database and keys."""
    made: list[Hosts] = []

    def make(broker_url: str, **variables: str) -> Hosts:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": database_url(),
            "VAR_DIR": str(django_settings.VAR_DIR),
            "CELERY_BROKER_URL": broker_url,
            **variables,
        }
        hosts = Hosts(environment=environment, repository=repository, directory=tmp_path)
        made.append(hosts)
        return hosts

    yield make
    for hosts in made:
        for process in hosts.running:
            hosts.kill(process)


def database_url() -> str:
    """Return the address of the database of this test run."""
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{facts['NAME']}"
    return f"postgres://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"
