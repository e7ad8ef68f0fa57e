"""Concrete paths for every entry of the catalogue."""

from collections.abc import Callable

import pytest

from subscriptions.catalogue import Entry, fill

EXAMPLES = {
    "bool": "true",
    "encodedJoinWebUrl": "https://teams.example/l/meetup-join/19%3ameeting_Ab/0?context=%7b%7d",
    "eventType": "webinars",
    "filter": "status eq 'New'",
    "joinWebUrl": "https://teams.example/l/meetup-join/19%3ameeting_Ab/0",
    "policyName": "The owner's policy",
    "user-id": "5d8f3c1e-7a0b-4f1d-9e55-2b1c0d5b7a11",
    "user-ids": "5d8f3c1e-7a0b-4f1d-9e55-2b1c0d5b7a11, 0c2b7a52-1d34-4d0e-8a66-94e7f9ab3c10",
}


@pytest.fixture
def example() -> Callable[[Entry], str]:
    """Fill an entry with invented values."""
    return lambda entry: fill(
        entry, {name: EXAMPLES.get(name, "19:Ab-cD1@thread.v2") for name in entry.parameters}
    )
