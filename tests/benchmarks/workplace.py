"""A database of its own and the product's processes, for one run of a benchmark."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

ROOT = Path(__file__).resolve().parents[2]
# Two benchmarks at once must not take each other's database away.
DATABASE = f"gsm_benchmark_{os.getpid()}"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A gunicorn: where it listens, and its arbiter."""

    port: int
    pid: int

    def processor_seconds(self) -> float:
        """Return what its processes have used so far."""
        return processor_seconds(self._processes())

    def share_out_processors(self) -> None:
        """Keep each of its processes to a processor, as the product does, but to the same ones for all servers."""
        processors = sorted(os.sched_getaffinity(0))
        for number, pid in enumerate(self._processes()):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {processors[number % len(processors)]})

    def _processes(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in children.split()]


@contextmanager
def database(kind: str, directory: Path, server: str, *, name: str = DATABASE) -> Iterator[dict[str, str]]:
    """Make an empty database of `kind`, and yield the environment in which the product finds it migrated."""
    if kind == "postgresql":
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name}")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": urlsplit(server)._replace(path=f"/{name}").geturl()
        if kind == "postgresql"
        else f"sqlite:///{directory}/benchmark.sqlite3",
        "VAR_DIR": str(directory / "var"),
        "EMBEDDED_WORKER": "off",
        "LOG_LEVEL": "WARNING",
    }
    manage(environment, "migrate", "-v0")
    try:
        yield environment
    finally:
        if kind == "postgresql":
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def database_processor_seconds(server: str) -> float:
    """Return what the backends of the PostgreSQL database in use have used so far; the server is on this machine."""
    with psycopg.connect(server) as connection:
        rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", [DATABASE])
        return processor_seconds(pid for (pid,) in rows)


def processor_seconds(pids: Iterable[int]) -> float:
    """Sum the user and system time of processes, fields 14 and 15 of proc(5)."""
    stats = [Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split() for pid in pids]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def manage(environment: dict[str, str], *arguments: str, code: str = "") -> str:
    """Run a command of the product to its end and return what it printed; `code` is its standard input."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        input=code,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    ).stdout


@contextmanager
def running(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python module or file beside the benchmark, and end it afterwards."""
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@contextmanager
def serving(environment: dict[str, str], application: str, *, processes: int) -> Iterator[Server]:
    """Serve a WSGI application under the product's own gunicorn settings."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    options = ["-k", "gthread", "--threads", "8", "-w", str(processes), "-b", f"127.0.0.1:{port}"]
    with running(environment, "-m", "gunicorn", application, *options, "--log-level", "warning") as process:
        _wait_for(port)
        server = Server(port=port, pid=process.pid)
        server.share_out_processors()
        yield server


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("The server does not answer.")
