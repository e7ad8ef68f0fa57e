"""The form of Graph's $batch call."""

from collections.abc import Mapping
from typing import Any

from subscriptions.graph.answers import Answer
from subscriptions.graph.documents import Renewal
from subscriptions.graph.errors import UnexpectedAnswerError

# Source: Microsoft Learn, json-batching.md (2021).
MAX_REQUESTS = 20


def envelope(paths: Mapping[str, str], renewals: Mapping[str, Renewal]) -> dict[str, Any]:
    """Return the body that asks for all renewals at once; both mappings are keyed by the id of the item."""
    return {
        "requests": [
            {
                "id": item_id,
                "method": "PATCH",
                "url": paths[item_id],
                "headers": {"Content-Type": "application/json"},
                "body": renewal.as_json(),
            }
            for item_id, renewal in renewals.items()
        ]
    }


def answers_in(document: Mapping[str, Any]) -> dict[str, Answer]:
    """Return the answers by the id of their item; those without an id or a status are left out.

    Raises:
        UnexpectedAnswerError: the document is no batch answer.

    """
    responses = document.get("responses")
    if not isinstance(responses, list):
        raise UnexpectedAnswerError("Graph's batch answer holds no responses.")
    answers = {}
    for item in responses:
        if isinstance(item, dict) and isinstance(item.get("id"), str) and isinstance(item.get("status"), int):
            answers[item["id"]] = Answer.from_batch_item(item)
    return answers
