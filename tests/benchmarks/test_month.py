"""The simulated month, short enough for every run of the tests."""

import subprocess
import sys
from pathlib import Path

MONTH = "tests.benchmarks.month"


def test_nothing_lapses_or_doubles_or_ends_untold_in_a_bad_day(repository: Path) -> None:
    played = subprocess.run(
        [sys.executable, "-m", MONTH, "--seed", "3", "--subscriptions", "26", "--days", "1"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )

    assert played.returncode == 0, played.stdout + played.stderr
    assert "two for one wish 0" in played.stdout
