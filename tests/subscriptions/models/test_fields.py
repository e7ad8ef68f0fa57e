"""Encrypted columns: what is stored, what is shown, and what happens without the key."""

import copy
import io
import json
import pickle
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from django.forms.models import model_to_dict
from pytest_django.fixtures import Settings

from notifications.models import Delivery
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models import AppRegistration, Subscription
from subscriptions.models.fields import Secret

PLAIN = "never-to-be-seen"


def stored(table: str, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")
        row: tuple[str] = cursor.fetchone()
    return row[0]


def dump(model: str) -> str:
    out = io.StringIO()
    call_command("dumpdata", model, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        lambda secret: f"{secret!s:>20}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 -- a way in which logs are written
        lambda secret: repr([secret, {"key": secret}]),
        lambda secret: pickle.dumps(secret).decode("latin-1"),
        lambda secret: repr(copy.deepcopy(secret)),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("is_opened", [True, False])
def test_no_way_of_showing_a_secret_shows_it(show: Callable[[Secret], str], is_opened: bool) -> None:
    secret = Secret.of(PLAIN) if is_opened else Secret.of_sealed(Secret.of(PLAIN).sealed())

    assert PLAIN not in show(secret)


@pytest.mark.parametrize("transport", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])  # noqa: S301 -- our own bytes
def test_a_copied_secret_still_opens(transport: Callable[[Secret], Secret]) -> None:
    assert transport(Secret.of(PLAIN)).reveal() == PLAIN


def test_an_empty_secret_is_false_and_stays_empty() -> None:
    assert not Secret.of("")
    assert Secret.of("").sealed() == ""
    assert Secret.of_sealed("").reveal() == ""
    assert "empty" in repr(Secret.of(""))


def test_secrets_are_equal_when_their_texts_are() -> None:
    assert Secret.of(PLAIN) == Secret.of_sealed(Secret.of(PLAIN).sealed())
    assert Secret.of(PLAIN) != Secret.of("other")
    assert Secret.of(PLAIN) != PLAIN


@pytest.mark.usefixtures("registration")
def test_the_column_holds_a_token() -> None:
    token = stored("subscriptions_appregistration", "client_secret")

    assert PLAIN not in token
    assert token.startswith("gAAAA")


@pytest.mark.usefixtures("registration")
def test_the_text_comes_back_from_the_database() -> None:
    assert AppRegistration.objects.get().client_secret.reveal() == PLAIN


def test_an_assigned_text_is_a_secret_at_once(registration: AppRegistration) -> None:
    registration.client_secret = "another-one"

    assert "another-one" not in repr(vars(registration))
    assert registration.client_secret.reveal() == "another-one"


@pytest.mark.usefixtures("registration")
def test_a_deferred_secret_is_read_when_it_is_asked_for() -> None:
    deferred = AppRegistration.objects.defer("client_secret").get()

    assert deferred.client_secret.reveal() == PLAIN


@pytest.mark.usefixtures("registration")
def test_saving_without_opening_keeps_the_token() -> None:
    before = stored("subscriptions_appregistration", "client_secret")

    AppRegistration.objects.get().save()

    assert stored("subscriptions_appregistration", "client_secret") == before


@pytest.mark.usefixtures("registration")
def test_without_the_key_a_secret_raises(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    secret = AppRegistration.objects.get().client_secret

    with pytest.raises(FieldDecryptionError) as caught:
        secret.reveal()
    assert "gAAAA" not in str(caught.value)


@pytest.mark.usefixtures("registration")
def test_an_older_key_still_opens(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEYS]

    assert AppRegistration.objects.get().client_secret.reveal() == PLAIN


def test_a_form_of_all_columns_has_no_secret(registration: AppRegistration) -> None:
    shown = model_to_dict(registration)

    assert "client_secret" not in shown
    assert PLAIN not in repr(model_to_dict(registration, [field.name for field in registration._meta.fields]))


def test_a_dump_has_no_secret(make_row: Callable[..., Subscription]) -> None:
    make_row()

    text = dump("subscriptions")

    assert PLAIN not in text
    assert "state-never" not in text


@pytest.mark.usefixtures("registration")
def test_a_dump_that_is_loaded_gives_the_secret_back(tmp_path: Path) -> None:
    file = tmp_path / "dump.json"
    file.write_text(dump("subscriptions.appregistration"))
    AppRegistration.objects.all().delete()

    call_command("loaddata", file, verbosity=0)

    assert AppRegistration.objects.get().client_secret.reveal() == PLAIN


@pytest.mark.usefixtures("registration")
def test_a_dump_that_is_loaded_with_another_key_raises(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "dump.json"
    file.write_text(dump("subscriptions.appregistration"))
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    call_command("loaddata", file, verbosity=0)

    with pytest.raises(FieldDecryptionError):
        AppRegistration.objects.get().client_secret.reveal()


@pytest.mark.django_db
def test_encrypted_bytes_survive_a_dump_that_does_not_show_them(now: datetime, tmp_path: Path) -> None:
    Delivery.objects.create(
        body=b'{"subject": "never-to-be-seen"}', size=31, received_at=now, next_attempt_at=now
    )
    file = tmp_path / "dump.json"
    text = dump("notifications.delivery")
    file.write_text(text)
    Delivery.objects.all().delete()

    call_command("loaddata", file, verbosity=0)

    assert json.loads(text)[0]["fields"]["body"].startswith("gAAAA")
    assert Delivery.objects.get().body == b'{"subject": "never-to-be-seen"}'
