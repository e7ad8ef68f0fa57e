"""The product's own commands, run as processes with a database and keys of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Manage = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a bare machine: nothing of ours is set but where to keep things."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return kept | {"DJANGO_SETTINGS_MODULE": "config.settings", "VAR_DIR": str(tmp_path / "var")}


@pytest.fixture
def start(repository: Path, environment: dict[str, str]) -> Callable[..., "subprocess.Popen[str]"]:
    """Return a function that starts a command and leaves it running."""

    def begin(*arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=repository,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


@pytest.fixture
def manage(repository: Path, environment: dict[str, str]) -> Manage:
    """Return a function that runs a command to its end."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=repository,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture
def one_object() -> Callable[[str], dict[str, Any]]:
    """Return a function that demands exactly one JSON object on a command's standard output."""

    def read(output: str) -> dict[str, Any]:
        value = json.loads(output)
        assert isinstance(value, dict)
        return value

    return read
