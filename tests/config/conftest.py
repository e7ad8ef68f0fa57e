"""Starts the product as a process of its own, in an environment that holds nothing of this one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

Start = Callable[..., "subprocess.CompletedProcess[str]"]

PRINT_FACTS = """
import json
from config import settings
print(json.dumps({
    "secret_key": settings.SECRET_KEY,
    "field_encryption_keys": settings.FIELD_ENCRYPTION_KEYS,
    "allowed_hosts": settings.ALLOWED_HOSTS,
    "database": {name: str(value) for name, value in settings.DATABASES["default"].items()},
    "debug": settings.DEBUG,
}))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the least that a process needs; data goes to a directory of the test."""
    return {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path / "var"), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def begin(repository: Path, environment: dict[str, str]) -> Callable[..., "subprocess.Popen[str]"]:
    """Return a function that begins to read the settings in a new process; keyword arguments are variables."""

    def begin(**variables: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", PRINT_FACTS],
            cwd=repository,
            env=environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


@pytest.fixture
def start(begin: Callable[..., "subprocess.Popen[str]"]) -> Start:
    """Return a function that reads the settings in a new process and waits for it."""

    def start(**variables: str) -> "subprocess.CompletedProcess[str]":
        process = begin(**variables)
        out, err = process.communicate(timeout=240)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return start


@pytest.fixture
def manage(repository: Path, environment: dict[str, str]) -> Start:
    """Return a function that runs manage.py with some arguments; keyword arguments are variables."""

    def manage(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=repository,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return manage


@pytest.fixture
def databases() -> Iterator[tuple[str, str]]:
    """Make two empty databases on the server of DATABASE_URL, and return their addresses."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres") or not shutil.which("pg_dump"):
        pytest.skip("needs a PostgreSQL server named by DATABASE_URL, and its tools")
    names = [f"test_{uuid4().hex}" for _ in range(2)]
    with psycopg.connect(url, autocommit=True) as server:
        for name in names:
            server.execute(f'CREATE DATABASE "{name}"')
        base = url.rpartition("/")[0]
        yield f"{base}/{names[0]}", f"{base}/{names[1]}"
        for name in names:
            with suppress(psycopg.Error):
                server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
