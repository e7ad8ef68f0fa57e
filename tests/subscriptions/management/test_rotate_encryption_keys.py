"""rotate_encryption_keys: what it says, and how it ends."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from subscriptions.keys import field_encryption
from subscriptions.models import AppRegistration

pytestmark = pytest.mark.django_db(transaction=True)

Run = Callable[..., Any]
OLD, NEW = (field_encryption.generate_key() for _ in range(2))


@pytest.fixture(autouse=True)
def _an_old_secret(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    AppRegistration.objects.create(
        name="Contoso", tenant_id="contoso.example", client_id="c", client_secret="s3cret-never-shown"
    )


def test_the_old_key_is_said_to_be_no_longer_needed(run: Run, settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    answer = run("rotate_encryption_keys")

    assert (answer.code, answer.err) == (0, "")
    assert "client_secret: 1 values, 1 under an older key, 1 encrypted anew" in answer.out
    assert "Key 2 of FIELD_ENCRYPTION_KEYS is no longer needed here." in answer.out
    assert "s3cret" not in answer.out


def test_a_dry_run_says_what_is_due(run: Run, settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    answer = run("rotate_encryption_keys", "--dry-run", "--json")

    assert answer.code == 0
    assert (answer.json["dry_run"], answer.json["due"], answer.json["rotated"]) == (True, 1, 0)
    assert answer.json["unneeded_keys"] == []


def test_a_lost_key_is_told_with_exit_1(run: Run, settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW]

    answer = run("rotate_encryption_keys")

    assert answer.code == 1
    assert "client_secret: no key in FIELD_ENCRYPTION_KEYS opens it." in answer.err
    assert "Put back the key they were written with" in answer.err


def test_silence_is_kept(run: Run, settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW]

    answer = run("rotate_encryption_keys", "-v", "0")

    assert (answer.code, answer.out, answer.err) == (1, "", "")
