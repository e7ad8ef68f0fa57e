"""The API's subscriptions: facts, and no secret."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from subscriptions.models import AppRegistration, Subscription

URL = "/api/v1/subscriptions/"
SIGHT = "subscriptions.view_subscription"


@pytest.fixture
def row(db: None) -> Subscription:
    """Save a subscription which Graph knows nothing of."""
    app = AppRegistration.objects.create(
        name="Fabrikam",
        tenant_id="fabrikam.example",
        client_id="7d6a1c1e-55c1-4b6e-9e53-0c6d1a0f3b11",
        client_secret="kept~secret",
    )
    return Subscription.objects.create(
        app_registration=app,
        resource="/users/1/messages",
        change_type="created",
        status="active",
        graph_id="f43847f7-0e52-43c7-b097-8c9fc4930b20",
        client_state="1.never-shown",
        expires_at=datetime.now(UTC) + timedelta(days=1),
    )


def test_a_subscription_is_told_without_its_secrets(
    signed_in: Callable[..., Client], row: Subscription
) -> None:
    answer = signed_in(SIGHT).get(URL)

    (found,) = answer.json()["results"]
    assert (found["app"], found["graph_id"], found["account"]) == ("Fabrikam", row.graph_id, "")
    assert b"never-shown" not in answer.content
    assert b"kept~secret" not in answer.content


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("?app=Fabrikam", 1),
        ("?app=x", 0),
        ("?status=gone", 0),
        ("?graph_id=F43847F7-0E52-43C7-B097-8C9FC4930B20", 1),
    ],
)
def test_the_list_is_narrowed(
    signed_in: Callable[..., Client], row: Subscription, query: str, count: int
) -> None:
    assert signed_in(SIGHT).get(URL + query).json()["count"] == count


@pytest.mark.usefixtures("row")
def test_an_unknown_status_is_named(signed_in: Callable[..., Client]) -> None:
    answer = signed_in(SIGHT).get(f"{URL}?status=x")

    assert (answer.status_code, list(answer.json())) == (400, ["status"])


def test_it_takes_the_right_to_see(signed_in: Callable[..., Client], row: Subscription) -> None:
    assert signed_in().get(f"{URL}{row.pk}/").status_code == 403
