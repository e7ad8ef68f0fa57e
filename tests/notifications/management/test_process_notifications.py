"""process_notifications, once and as a worker."""

import io
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.http import HttpResponse
from pytest_django.fixtures import Settings

from notifications.models import ChangeNotification
from notifications.services import processing
from subscriptions.keys import certificates as keys
from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import certificates

Item = dict[str, Any]
Manage = Callable[..., "subprocess.CompletedProcess[str]"]
SubscriptionMaker = Callable[..., Subscription]
Speller = Callable[..., Item]
Post = Callable[..., HttpResponse]


def process(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("process_notifications", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_a_run_prints_one_object_of_counts(known: SubscriptionMaker, item_of: Speller, post: Post) -> None:
    subscription = known()
    post({"value": [item_of(subscription), item_of(subscription, clientState="guessed")]})

    code, out, _ = process("--json")

    counts = json.loads(out)
    assert (code, counts["accepted"], counts["rejected"], counts["errors"]) == (0, 1, 1, [])
    assert {"waiting", "dead", "duplicates", "handled", "deliveries"} <= set(counts)


@pytest.mark.django_db
def test_a_run_tells_a_person_the_same_in_words(
    known: SubscriptionMaker, item_of: Speller, post: Post
) -> None:
    post({"value": [item_of(known())]})

    assert process()[1].startswith("1 deliveries: 1 accepted, 0 rejected")


@pytest.mark.django_db
def test_at_verbosity_0_nothing_is_said(known: SubscriptionMaker, item_of: Speller, post: Post) -> None:
    post({"value": [item_of(known())]})

    assert process("-v", "0") == (0, "", "")
    assert ChangeNotification.objects.get().state == "accepted"


@pytest.mark.django_db
def test_a_delivery_that_breaks_off_ends_the_run_with_1(
    known: SubscriptionMaker, item_of: Speller, post: Post, settings: Settings
) -> None:
    post({"value": [item_of(known())]})
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    code, out, _ = process("--json")

    assert code == 1
    assert len(json.loads(out)["errors"]) == 1


@pytest.mark.django_db
def test_a_run_opens_at_once_what_waited_for_a_certificate(
    known_rich: Subscription, rich_item_of: Speller, post: Post, sandbox: Sandbox
) -> None:
    later = keys.generate("later", key_size=2048, now=datetime.now(UTC))
    sealed = sandbox.encrypt({"a": 1}, keys.public_base64(later.certificate_pem), "later")
    item = rich_item_of(known_rich, encryptedContent=sealed)
    post({"value": [item], "validationTokens": [sandbox.validation_token()]})
    processing.process(clock=lambda: datetime.now(UTC))
    certificates.save("later", later)

    code, out, _ = process("--json")

    assert (code, json.loads(out)["accepted"]) == (0, 1)
    assert ChangeNotification.objects.get().content.data == {"a": 1}


# As a process


@contextmanager
def table_away(database: Path) -> Iterator[None]:
    """Take the inbox away as a database that is being restored does."""
    with closing(sqlite3.connect(database, timeout=60)) as line:
        line.execute("ALTER TABLE notifications_delivery RENAME TO elsewhere")
        line.commit()
        yield
        line.execute("ALTER TABLE elsewhere RENAME TO notifications_delivery")
        line.commit()


def count(database: Path, state: str) -> int:
    with closing(sqlite3.connect(database, timeout=60)) as line:
        query = "SELECT count(*) FROM notifications_delivery WHERE state = ?"
        return int(line.execute(query, (state,)).fetchone()[0])


def insert_malformed(database: Path) -> None:
    """Put a delivery with an empty body into the inbox of the other process."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    names = (
        "received_at, next_attempt_at, endpoint, body, size, content_type, content_encoding, "
        "is_quarantined, state, lease, attempts, error"
    )
    with closing(sqlite3.connect(database, timeout=60)) as line:
        line.execute(
            f"INSERT INTO notifications_delivery ({names}) "
            "VALUES (?, ?, 'notifications', x'', 0, '', '', 0, 'queued', '', 0, '')",
            (now, now),
        )
        line.commit()


def wait_until(happened: Callable[[], bool], *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_works_survives_a_database_that_is_away_and_ends_in_order_on_sigterm(
    manage: Manage,
    start: Callable[..., "subprocess.Popen[str]"],
    tmp_path: Path,
    one_object: Callable[[str], dict[str, Any]],
) -> None:
    assert manage("migrate", "-v", "0").returncode == 0
    database = tmp_path / "var" / "db.sqlite3"
    insert_malformed(database)

    with start("process_notifications", "--loop", "--json") as worker:
        try:
            wait_until(lambda: count(database, "done") == 1)
            stands_back_by = os.getpriority(os.PRIO_PROCESS, worker.pid) - os.getpriority(os.PRIO_PROCESS, 0)
            with table_away(database):
                time.sleep(5)
            insert_malformed(database)
            wait_until(lambda: count(database, "done") == 2)
            worker.send_signal(signal.SIGTERM)
            out, _ = worker.communicate(timeout=60)
        finally:
            worker.kill()

    counts = one_object(out)
    assert counts["deliveries"] == 2
    assert stands_back_by > 0
    assert worker.returncode == 1
    assert "OperationalError" in counts["errors"][0]


def test_wrong_usage_ends_with_2(manage: Manage) -> None:
    assert manage("process_notifications", "--nonsense").returncode == 2
