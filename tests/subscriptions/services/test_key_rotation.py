"""Another key in the first place: every stored value follows, while others work on the rows."""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from notifications.models import Delivery
from subscriptions.keys import field_encryption
from subscriptions.models import AppRegistration, DelegatedAccount
from subscriptions.models.fields import EncryptedColumn
from subscriptions.services import key_rotation

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW, FOREIGN = (field_encryption.generate_key() for _ in range(3))
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _under_the_old_key(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]


@pytest.fixture
def registration() -> AppRegistration:
    return AppRegistration.objects.create(
        name="Contoso", tenant_id="contoso.example", client_id="c", client_secret="s3cret"
    )


def deliver(body: bytes = b"what came") -> Delivery:
    return Delivery.objects.create(body=body, size=len(body), received_at=NOW, next_attempt_at=NOW)


def only(summary: key_rotation.Summary, column: str) -> key_rotation.Column:
    return next(one for one in summary.columns if one.column == column)


def test_secrets_and_bodies_open_with_the_new_key_alone(
    settings: Settings, registration: AppRegistration
) -> None:
    delivery = deliver()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    summary = key_rotation.rotate()

    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert AppRegistration.objects.get(pk=registration.pk).client_secret.reveal() == "s3cret"
    assert Delivery.objects.get(pk=delivery.pk).body == b"what came"
    assert (summary.due, summary.total("rotated"), summary.unneeded_keys) == (2, 2, [2])


def test_a_second_run_writes_nothing(settings: Settings, registration: AppRegistration) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    key_rotation.rotate()
    before = AppRegistration.objects.values("client_secret").get()["client_secret"].sealed()

    summary = key_rotation.rotate()

    assert (summary.total("values"), summary.due, summary.total("rotated")) == (1, 0, 0)
    assert AppRegistration.objects.get().client_secret.sealed() == before


def test_a_dry_run_counts_by_key_and_writes_nothing(
    settings: Settings, registration: AppRegistration
) -> None:
    before = AppRegistration.objects.get().client_secret.sealed()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, FOREIGN, OLD]

    summary = key_rotation.rotate(is_dry_run=True)

    assert only(summary, "client_secret").due == {3: 1}
    assert summary.unneeded_keys == [2]
    assert AppRegistration.objects.get().client_secret.sealed() == before


@pytest.mark.parametrize(
    ("name", "at_once"), [("ROWS_AT_ONCE", 20), ("ROWS_AT_ONCE", 41), ("BYTES_AT_ONCE", 500)]
)
def test_more_than_is_done_at_once_is_rotated(
    name: str, at_once: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rotation, name, at_once)
    for number in range(41):
        deliver(b"%d" % number)
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    summary = key_rotation.rotate()

    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert only(summary, "body").rotated == 41
    assert {delivery.body for delivery in Delivery.objects.all()} == {b"%d" % number for number in range(41)}


def test_what_no_key_opens_is_named_and_left_alone(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [FOREIGN]
    lost = deliver(b"lost")
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    kept = deliver(b"kept")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    summary = key_rotation.rotate()

    assert summary.errors == [
        f"notifications.Delivery {lost.pk}, body: no key in FIELD_ENCRYPTION_KEYS opens it."
    ]
    assert (summary.total("failed"), summary.unneeded_keys) == (1, [2])
    settings.FIELD_ENCRYPTION_KEYS = [NEW, FOREIGN]
    assert Delivery.objects.get(pk=lost.pk).body == b"lost"
    assert Delivery.objects.get(pk=kept.pk).body == b"kept"


def test_what_is_written_between_reading_and_writing_is_not_overwritten(
    settings: Settings, registration: AppRegistration
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    model, column = AppRegistration, AppRegistration._meta.get_field("client_secret")
    stale = [registration.pk]
    AppRegistration.objects.update(client_secret="newer")

    key_rotation._rewrite(
        model, column, stale, key_rotation.Column(table="", column=""), sleep=lambda _: None
    )

    assert AppRegistration.objects.get().client_secret.reveal() == "newer"


@contextmanager
def held(delivery: Delivery) -> Any:
    """Hold a row in another transaction, as a worker does."""
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Delivery.objects.select_for_update().filter(pk=delivery.pk))
            is_held.set()
            may_end.wait(30)
        connection.close()

    worker = threading.Thread(target=hold)
    worker.start()
    is_held.wait(30)
    yield may_end
    may_end.set()
    worker.join()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_a_row_in_other_hands_is_waited_for_and_others_are_not_held_up(settings: Settings) -> None:
    delivery, other = deliver(b"held"), deliver(b"free")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    with held(delivery) as may_end:
        stayed = key_rotation.rotate(sleep=lambda _: None)
        summary = key_rotation.rotate(sleep=lambda _: may_end.set())

    assert (stayed.total("busy"), stayed.total("rotated"), stayed.unneeded_keys) == (1, 1, [])
    assert (summary.total("busy"), summary.unneeded_keys) == (0, [2])
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert Delivery.objects.get(pk=delivery.pk).body == b"held"
    assert Delivery.objects.get(pk=other.pk).body == b"free"


def test_a_row_deleted_meanwhile_is_no_trouble() -> None:
    found = key_rotation.Column(table="", column="")
    column = Delivery._meta.get_field("body")

    key_rotation._rewrite(Delivery, column, [77], found, sleep=lambda _: None)

    assert found.busy == 0


def test_the_token_cache_is_still_compared_and_set_after_the_run(
    settings: Settings, registration: AppRegistration
) -> None:
    account = DelegatedAccount.objects.create(
        app_registration=registration, username="u", token_cache="{}", signed_in_at=NOW
    )
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    key_rotation.rotate()

    stale = DelegatedAccount.objects.filter(pk=account.pk, token_cache=account.token_cache)
    assert stale.update(token_cache="old") == 0
    fresh = DelegatedAccount.objects.get()
    assert DelegatedAccount.objects.filter(token_cache=fresh.token_cache).update(token_cache="new") == 1


def test_every_column_that_opens_by_itself_is_found() -> None:
    opening = {
        (model, column.name)
        for model in apps.get_models()
        for column in model._meta.local_concrete_fields
        if type(column).__module__ == EncryptedColumn.__module__
    }

    assert opening
    assert opening == {(model, column.name) for model, column in key_rotation.encrypted_columns()}
