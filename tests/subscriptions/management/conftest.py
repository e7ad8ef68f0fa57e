"""Runs commands as a shell would, in this process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Return the one object on stdout; more or less than one fails."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Return a function that runs a command; keyword arguments are environment variables."""

    def run(*arguments: str, **variables: str) -> Run:
        out, err = StringIO(), StringIO()
        code = 0
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        try:
            call_command(*arguments, stdout=out, stderr=err)
        except CommandError as error:
            code = error.returncode
            err.write(str(error))
        except SystemExit as end:
            code = int(end.code or 0)
        return Run(code=code, out=out.getvalue(), err=err.getvalue())

    return run
