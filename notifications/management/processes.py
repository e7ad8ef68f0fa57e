"""Runs the product's own commands as processes, as a user would, and ends them together."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from django.conf import settings

MANAGE = str(Path(settings.BASE_DIR) / "manage.py")
STOP_SECONDS = 10.0


class ProcessFailedError(Exception):
    """A process ended or failed; the text says which and where its log is."""


class Processes:
    """Children that live as long as the `with` block; what they log goes to files in `directory`."""

    def __init__(self, *, directory: Path) -> None:
        self.environment: dict[str, str] = dict(os.environ)
        self._directory = directory
        self._running: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        """Make the directory for the logs."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Ask every child to end, the last one first; insist after a while."""
        for process in reversed(self._running.values()):
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, *arguments: str, name: str) -> subprocess.Popen[str]:
        """Start Python with `arguments` in the background."""
        with self._log(name).open("w", encoding="utf-8") as log:
            process = subprocess.Popen(  # noqa: S603 -- our own interpreter with arguments of this module
                [sys.executable, *arguments],
                env=self.environment,
                cwd=settings.BASE_DIR,
                stdout=subprocess.PIPE if name == "sandbox" else log,
                stderr=log,
                text=True,
            )
        self._running[name] = process
        return process

    def start_and_read(self, *arguments: str) -> dict[str, Any]:
        """Start a command in the background and return the JSON object that it prints when it is ready.

        Raises:
            ProcessFailedError: it ended instead.

        """
        process = self.start(MANAGE, *arguments, name=arguments[0])
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise ProcessFailedError(f"{arguments[0]} did not start: see {self._log(arguments[0])}.")
        return dict(json.loads(line))

    def manage(self, *arguments: str, check: bool = True) -> dict[str, Any]:
        """Run a command to its end and return the JSON object that it prints.

        Raises:
            ProcessFailedError: it printed none, or, with `check`, it failed.

        """
        done = subprocess.run(  # noqa: S603 -- our own interpreter with arguments of this module
            [sys.executable, MANAGE, *arguments],
            env=self.environment,
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.stdout or (check and done.returncode):
            raise ProcessFailedError(f"{arguments[0]} failed: {(done.stdout + done.stderr).strip()[-1500:]}")
        return dict(json.loads(done.stdout))

    def require_alive(self) -> None:
        """Go on only if every child still runs.

        Raises:
            ProcessFailedError: one has ended.

        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ProcessFailedError(f"{name} ended: see {self._log(name)}.")

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the first child to end, or for `seconds`.

        Raises:
            ProcessFailedError: one has ended.

        """
        first = next(iter(self._running.values()))
        with suppress(subprocess.TimeoutExpired):
            first.wait(seconds)
        self.require_alive()

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"
