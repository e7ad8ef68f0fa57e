"""The measuring of scale, small enough for every run of the tests; its ratios mean nothing among so few rows."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

SCALE = "tests.benchmarks.scale"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is for one machine and few rows.")
def test_every_measurement_is_made(repository: Path) -> None:
    settings = connection.settings_dict
    at = f"{settings['USER']}:{settings['PASSWORD']}@{settings['HOST']}:{settings['PORT'] or 5432}"
    few = ["--rows", "0", "500", "--rounds", "1", "--notifications", "10", "--turnover", "300"]

    measured = subprocess.run(
        [sys.executable, "-m", SCALE, "--server", f"postgres://{at}/postgres", *few],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "3 turnovers of 300 rows" in measured.stdout, measured.stdout + measured.stderr
    assert measured.stdout.count("stored") == 6
