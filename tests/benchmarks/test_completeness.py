"""The simulated week of changes, short enough for every run of the tests."""

import subprocess
import sys
from pathlib import Path

COMPLETENESS = "tests.benchmarks.completeness"


def test_in_a_bad_day_every_change_is_stored_or_the_report_names_when_it_was_lost(repository: Path) -> None:
    played = subprocess.run(
        [sys.executable, "-m", COMPLETENESS, "--seed", "2", "--changes", "300", "--days", "1"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )

    assert played.returncode == 0, played.stdout + played.stderr
    assert "recovered by delta query" in played.stdout
