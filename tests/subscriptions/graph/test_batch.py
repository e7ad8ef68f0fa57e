"""The form of Graph's $batch call."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from subscriptions.graph import batch
from subscriptions.graph.documents import Renewal
from subscriptions.graph.errors import UnexpectedAnswerError


@pytest.fixture
def sample() -> Any:
    path = Path(__file__).with_name("payloads") / "batch_renew.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_envelope_is_that_of_json_batching_md(sample: Any) -> None:
    expected = sample["request"]["body"]
    ids = [request["url"].rpartition("/")[2] for request in expected["requests"]]
    at = [datetime(2026, 11, 27, 18, 23, 45, tzinfo=UTC)] + [datetime(2026, 11, 20, 18, tzinfo=UTC)] * 2
    renewals = {
        str(number): Renewal(id=subscription_id, expires_at=expires_at)
        for number, (subscription_id, expires_at) in enumerate(zip(ids, at, strict=True), start=1)
    }
    paths = {number: f"/subscriptions/{renewal.id}" for number, renewal in renewals.items()}

    assert batch.envelope(paths, renewals) == expected


def test_answers_are_matched_by_id_in_any_order(sample: Any) -> None:
    answers = batch.answers_in(sample["response"]["body"])

    assert {item_id: answer.status for item_id, answer in answers.items()} == {"1": 200, "2": 429, "3": 404}
    assert answers["2"].headers["retry-after"] == "12"


def test_items_without_id_or_status_are_left_out() -> None:
    items = [None, {}, {"id": 1, "status": 200}, {"id": "a"}, {"id": "b", "status": "200"}]

    assert batch.answers_in({"responses": [*items, {"id": "c", "status": 200}]}).keys() == {"c"}


@pytest.mark.parametrize("document", [{}, {"responses": None}, {"responses": {"id": "1"}}])
def test_anything_else_is_no_batch_answer(document: Any) -> None:
    with pytest.raises(UnexpectedAnswerError):
        batch.answers_in(document)
