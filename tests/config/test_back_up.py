"""A back-up, restored as docs/operations.md says, opens what was stored; without the keys it opens for nobody."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Manage = Callable[..., Any]

SECRET = "never-lost"
WRITE = """
from django.utils import timezone
from notifications.models import Delivery
from subscriptions.models import AppRegistration
now = timezone.now()
AppRegistration.objects.create(name="Contoso", tenant_id="contoso.example", client_id="c", client_secret="never-lost")
Delivery.objects.create(body=b"what came", size=9, received_at=now, next_attempt_at=now)
"""
READ = """
from notifications.models import Delivery
from subscriptions.models import AppRegistration
print(AppRegistration.objects.get().client_secret.reveal(), Delivery.objects.get().body.decode())
"""
COPY_SQLITE = """import sqlite3; sqlite3.connect('var/db.sqlite3').execute("VACUUM INTO 'graph.sqlite3'")"""
DUMP = ("pg_dump", "--format=custom", "--file=graph.dump")
RESTORE = ("pg_restore", "--no-owner", "--exit-on-error")


def fill(manage: Manage, **variables: str) -> None:
    assert manage("migrate", "-v", "0", **variables).returncode == 0
    assert manage("shell", "-v", "0", "-c", WRITE, **variables).returncode == 0


def read(manage: Manage, **variables: str) -> Any:
    return manage("shell", "-v", "0", "-c", READ, **variables)


def test_sqlite_and_its_keys_are_all_it_takes(manage: Manage, tmp_path: Path) -> None:
    fill(manage)
    subprocess.run([sys.executable, "-c", COPY_SQLITE], cwd=tmp_path, check=True)
    new = tmp_path / "new"
    new.mkdir(mode=0o700)
    shutil.copy(tmp_path / "graph.sqlite3", new / "db.sqlite3")
    shutil.copy(tmp_path / "var" / "field_encryption_keys", new)

    answer = read(manage, VAR_DIR=str(new))

    assert answer.stdout.strip() == f"{SECRET} what came", answer.stderr


def test_without_the_keys_a_back_up_opens_for_nobody(manage: Manage, tmp_path: Path) -> None:
    fill(manage)
    new = tmp_path / "new"
    new.mkdir(mode=0o700)
    shutil.copy(tmp_path / "var" / "db.sqlite3", new)

    answer = read(manage, VAR_DIR=str(new))
    looked = manage("rotate_encryption_keys", "--dry-run", VAR_DIR=str(new))

    assert "No key in FIELD_ENCRYPTION_KEYS opens a stored secret" in answer.stderr
    assert SECRET not in answer.stdout + answer.stderr
    assert (looked.returncode, looked.stderr.count("no key in FIELD_ENCRYPTION_KEYS opens it")) == (1, 2)


@pytest.mark.postgresql
def test_postgresql_and_the_keys_are_all_it_takes(
    databases: tuple[str, str], manage: Manage, tmp_path: Path
) -> None:
    old, new = databases
    fill(manage, DATABASE_URL=old)
    subprocess.run([*DUMP, old], cwd=tmp_path, check=True)
    subprocess.run([*RESTORE, f"--dbname={new}", "graph.dump"], cwd=tmp_path, check=True)
    (tmp_path / "var" / "secret_key").unlink()

    answer = read(manage, DATABASE_URL=new)
    migrated = manage("migrate", "--check", DATABASE_URL=new)

    assert answer.stdout.strip() == f"{SECRET} what came", answer.stderr
    assert migrated.returncode == 0


def test_the_commands_are_those_of_the_documentation(repository: Path) -> None:
    text = (repository / "docs" / "operations.md").read_text()

    assert " ".join(DUMP) in text
    assert " ".join(RESTORE) in text
    assert COPY_SQLITE.replace('"', '\\"') in text
