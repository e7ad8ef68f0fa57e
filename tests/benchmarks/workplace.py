"""A database of its own and the product's processes, for one run of a benchmark."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "gsm_benchmark"


@contextmanager
def database(kind: str, directory: Path, server: str) -> Iterator[dict[str, str]]:
    """Make an empty database of `kind`, and yield the environment in which the product finds it migrated."""
    if kind == "postgresql":
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {DATABASE}")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": urlsplit(server)._replace(path=f"/{DATABASE}").geturl()
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
                connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


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
def serving(environment: dict[str, str], application: str, *, processes: int) -> Iterator[int]:
    """Serve a WSGI application under the product's own gunicorn settings, and yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    options = ["-k", "gthread", "--threads", "8", "-w", str(processes), "-b", f"127.0.0.1:{port}"]
    with running(environment, "-m", "gunicorn", application, *options, "--log-level", "warning"):
        _wait_for(port)
        yield port


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("The server does not answer.")
