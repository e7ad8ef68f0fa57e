"""Export: the rows that other tools get."""

import csv
import io
import json
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyarrow import parquet
from pytest_django import DjangoAssertNumQueries

from notifications.models import ChangeNotification, ContentAccess, NotificationContent
from notifications.services import export
from notifications.services.export import as_parquet
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db

NOON_AT = datetime(2026, 11, 17, 12, tzinfo=UTC)
COLUMNS = {
    *("id", "notification_id", "subscription", "resource", "change_type", "lifecycle_event", "tenant_id"),
    *("state", "reason", "origin", "times_delivered", "received_at"),
    *("content", "content_source", "content_fetched_at"),
}


def save(
    *, content: dict[str, Any] | None = None, source: str = "notification", **changes: Any
) -> ChangeNotification:
    facts = {
        "subscription_graph_id": "3c5d9a70-41be-4d27-8f16-a0c7e2b95d84",
        "change_type": "created",
        "state": "accepted",
        "received_at": NOON_AT,
        "last_received_at": NOON_AT,
        "processed_at": NOON_AT,
        **changes,
    }
    row = ChangeNotification.objects.create(**facts)
    if content is not None:
        NotificationContent.objects.create(notification=row, data=content, source=source, opened_at=NOON_AT)
    return row


def write(file_format: str, **selection: Any) -> str:
    return in_bytes(file_format, **selection).decode()


def in_bytes(file_format: str, **selection: Any) -> bytes:
    file = io.BytesIO()
    export.write(file, export.Selection(**selection), file_format=file_format, actor="somebody", now=NOON_AT)
    return file.getvalue()


def stream(*, with_content: bool, file_format: str = "ndjson") -> Generator[bytes, None, None]:
    pieces = export.pieces(
        ChangeNotification.objects.all(),
        file_format=file_format,
        with_content=with_content,
        described="all",
        actor="somebody",
        now=NOON_AT,
    )
    yield from pieces


def in_csv(**selection: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(write("csv", **selection), newline="")))


def in_ndjson(**selection: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in write("ndjson", **selection).splitlines()]


def in_parquet(**selection: Any) -> list[dict[str, Any]]:
    return list(parquet.read_table(io.BytesIO(in_bytes("parquet", **selection))).to_pylist())


@pytest.mark.parametrize("read", [in_csv, in_ndjson])
def test_every_promised_column_is_there(read: Callable[..., list[dict[str, Any]]]) -> None:
    save(content={"a": 1})

    (row,) = read()

    assert set(row) >= COLUMNS
    assert row["subscription"] == "3c5d9a70-41be-4d27-8f16-a0c7e2b95d84"
    assert row["received_at"] == "2026-11-17T12:00:00+00:00"


def test_content_is_json_in_its_own_type_or_in_one_cell() -> None:
    content = {"text": 'a "quoted",\r\nline; Grüße', "n": [1, None]}
    save(content=content)

    assert in_ndjson()[0]["content"] == content
    assert json.loads(in_csv()[0]["content"]) == content


def test_parquet_has_the_same_rows_with_types_of_their_own() -> None:
    saved = save(content={"text": "Zoë"}, resource="=1+1")

    (row,) = in_parquet()

    assert set(row) >= COLUMNS
    assert (row["id"], row["times_delivered"], row["received_at"]) == (saved.pk, 1, NOON_AT)
    assert (row["resource"], json.loads(row["content"])) == ("=1+1", {"text": "Zoë"})


def test_parquet_is_written_in_pieces_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(as_parquet, "ROWS_IN_A_PIECE", 2)
    for _ in range(5):
        save()

    file = parquet.ParquetFile(io.BytesIO(in_bytes("parquet")))

    assert (file.num_row_groups, file.metadata.num_rows) == (3, 5)


@pytest.mark.parametrize("source", ["fetched", "delta"])
def test_content_that_came_later_says_from_where_and_when(source: str) -> None:
    save(content={"a": 1}, source=source)

    told = {"content_source": source, "content_fetched_at": NOON_AT.isoformat()}
    assert in_ndjson()[0].items() >= told.items()
    assert in_csv()[0].items() >= told.items()
    assert in_parquet()[0].items() >= {**told, "content_fetched_at": NOON_AT}.items()


def test_content_that_came_along_says_so_and_was_not_fetched() -> None:
    save(content={"a": 1})

    assert in_ndjson()[0].items() >= {"content_source": "notification", "content_fetched_at": None}.items()
    assert in_csv()[0].items() >= {"content_source": "notification", "content_fetched_at": ""}.items()
    assert in_parquet()[0].items() >= {"content_source": "notification", "content_fetched_at": None}.items()


def test_a_row_without_content_is_exported_too() -> None:
    save()

    assert in_ndjson()[0]["content"] is None
    assert in_csv()[0]["content"] == ""
    assert in_parquet()[0]["content"] is None


@pytest.mark.parametrize(
    "text",
    ['=HYPERLINK("https://evil.example")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1"],
)
def test_what_a_spreadsheet_would_run_is_defused_in_csv_and_left_alone_in_json(text: str) -> None:
    save(resource=text, notification_id=text)

    assert {in_csv()[0]["resource"], in_csv()[0]["notification_id"]} == {f"'{text}"}
    assert in_ndjson()[0]["resource"] == text


def test_since_is_included_and_until_is_not() -> None:
    hours = [save(received_at=NOON_AT + timedelta(hours=number)).pk for number in range(4)]

    found = in_ndjson(since=NOON_AT + timedelta(hours=1), until=NOON_AT + timedelta(hours=3))

    assert [row["id"] for row in found] == hours[1:3]


def test_one_subscription_is_chosen_by_graphs_id_in_any_case() -> None:
    chosen = save()
    save(subscription_graph_id="other")

    found = in_ndjson(subscription="3C5D9A70-41BE-4D27-8F16-A0C7E2B95D84")

    assert [row["id"] for row in found] == [chosen.pk]


def test_rows_are_read_without_a_query_for_each(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(5):
        save(content={"n": number})

    with django_assert_num_queries(3):
        assert len(in_ndjson()) == 5


def test_rows_are_handed_on_while_the_table_is_still_being_read() -> None:
    save()

    found = export.rows(ChangeNotification.objects.all(), with_content=True)

    assert next(found)["state"] == "accepted"


@pytest.mark.parametrize("read", [in_csv, in_ndjson, in_parquet])
def test_who_exported_content_is_on_the_audit_log(read: Callable[..., list[dict[str, Any]]]) -> None:
    save(content={"a": 1})
    save()

    read(until=NOON_AT + timedelta(hours=1))

    access = ContentAccess.objects.get()
    assert (access.actor, access.way, access.count) == ("somebody", "export", 1)
    assert "received before 2026-11-17T13:00:00+00:00" in access.selection


def test_an_export_that_breaks_off_is_on_the_audit_log_too() -> None:
    save(content={"a": 1})
    save(content={"a": 2})
    pieces = stream(with_content=True)

    next(pieces)
    pieces.close()

    assert ContentAccess.objects.get().count == 1


@pytest.mark.parametrize("file_format", export.FORMATS)
def test_without_content_there_is_no_column_for_it_and_nothing_to_audit(file_format: str) -> None:
    save(content={"hidden": "in the file"})

    written = b"".join(stream(with_content=False, file_format=file_format))

    assert b"resource_id" in written
    assert b"content" not in written.replace(b"with_content", b"")
    assert b"hidden" not in written
    assert not ContentAccess.objects.exists()


def test_an_empty_export_still_names_its_columns() -> None:
    assert write("csv").split(",")[0] == "id"
    assert write("ndjson") == ""
    assert in_parquet() == []


def test_the_subscription_is_named_as_graph_spells_it(known: Callable[..., Subscription]) -> None:
    subscription = known(graph_id="F43847F7-0E52-43C7-B097-8C9FC4930B20")
    save(subscription=subscription, subscription_graph_id="f43847f7-0e52-43c7-b097-8c9fc4930b20")

    (row,) = in_ndjson()

    assert row["subscription"] == subscription.graph_id


def test_the_subscription_is_named_by_the_id_that_it_had_then(known: Callable[..., Subscription]) -> None:
    save(subscription=known(), subscription_graph_id="f43847f7-0e52-43c7-b097-8c9fc4930b20")

    (row,) = in_ndjson()

    assert row["subscription"] == "f43847f7-0e52-43c7-b097-8c9fc4930b20"


def test_it_is_told_how_far_an_export_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        save()
    monkeypatch.setattr(export, "TOLD_EVERY", 2)
    told: list[int] = []

    export.write(
        io.BytesIO(), export.Selection(), file_format="ndjson", actor="a", now=NOON_AT, progress=told.append
    )

    assert told == [2, 4]
