"""What a client repeats, how long it waits, and what it must not repeat."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from subscriptions.graph import errors
from subscriptions.graph.client import GraphClient
from subscriptions.graph.clouds import Cloud
from subscriptions.graph.documents import CallRecord, Renewal, SubscriptionRequest
from subscriptions.sandbox import Sandbox

MakeRequest = Callable[..., SubscriptionRequest]


def throttle(sandbox: Sandbox, *, times: int | None = 1, status: int = 429, **headers: str) -> None:
    body = {"error": {"code": "TooManyRequests", "message": "Too many requests"}}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    sandbox.add_fault(path="/subscriptions", status=status, headers=names, body=body, times=times)


@pytest.mark.parametrize(("status", "wish"), [(429, "7"), (429, "2.128"), (503, "10")])
def test_the_wait_that_graph_asks_for_is_kept(
    client: GraphClient, sandbox: Sandbox, naps: list[float], status: int, wish: str
) -> None:
    throttle(sandbox, status=status, Retry_After=wish)

    assert client.list_subscriptions() == []
    assert naps == [float(wish)]


def test_retry_after_may_be_a_date(client: GraphClient, sandbox: Sandbox, naps: list[float]) -> None:
    at = datetime.now(UTC) + timedelta(seconds=30)
    throttle(sandbox, Retry_After=format_datetime(at, usegmt=True))

    client.list_subscriptions()

    assert 20 < naps[0] <= 30


def test_without_a_wish_the_wait_grows(client: GraphClient, sandbox: Sandbox, naps: list[float]) -> None:
    throttle(sandbox, times=2)

    client.list_subscriptions()

    assert 0.5 <= naps[0] <= 1.5
    assert 1 <= naps[1] <= 3


def test_a_longer_wait_is_left_to_the_caller(
    client: GraphClient, sandbox: Sandbox, naps: list[float]
) -> None:
    throttle(sandbox, Retry_After="120")

    with pytest.raises(errors.ThrottledError) as caught:
        client.list_subscriptions()
    assert caught.value.retry_after == timedelta(minutes=2)
    assert naps == []


def test_attempts_come_to_an_end(client: GraphClient, sandbox: Sandbox, calls: list[CallRecord]) -> None:
    throttle(sandbox, times=None, Retry_After="1")

    with pytest.raises(errors.ThrottledError):
        client.list_subscriptions()
    assert len(calls) == 3


def test_a_create_that_was_throttled_is_repeated(
    client: GraphClient, sandbox: Sandbox, make_request: MakeRequest
) -> None:
    throttle(sandbox, status=503, Retry_After="1")
    throttle(sandbox, status=429, Retry_After="1")

    client.create_subscription(make_request())

    assert len(sandbox.subscriptions) == 1


@pytest.mark.parametrize("trouble", [{"drop": True}, {"status": 504}, {"status": 500}])
def test_a_create_that_may_have_worked_is_not_repeated(
    client: GraphClient,
    sandbox: Sandbox,
    calls: list[CallRecord],
    make_request: MakeRequest,
    trouble: dict[str, Any],
) -> None:
    sandbox.add_fault(method="POST", path="/subscriptions", act=True, **trouble)

    with pytest.raises(errors.GraphError) as caught:
        client.create_subscription(make_request())

    assert caught.value.outcome_unknown
    assert caught.value.is_transient
    assert len(calls) == len(sandbox.subscriptions) == 1


def test_a_create_with_an_unreadable_success_may_have_worked(
    client: GraphClient, sandbox: Sandbox, make_request: MakeRequest
) -> None:
    sandbox.add_fault(method="POST", path="/subscriptions", act=True, status=201, body="<html></html>")

    with pytest.raises(errors.UnexpectedAnswerError) as caught:
        client.create_subscription(make_request())
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("trouble", [{"drop": True}, {"status": 504}, {"status": 500}])
def test_a_renewal_is_repeated_as_twice_does_no_harm(
    client: GraphClient, sandbox: Sandbox, make_request: MakeRequest, trouble: dict[str, Any]
) -> None:
    created = client.create_subscription(make_request())
    sandbox.add_fault(method="PATCH", act=True, **trouble)
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=9)

    renewed = client.update_subscription(Renewal(id=created.id, expires_at=later))

    assert renewed.expires_at == later


def test_a_removal_that_worked_unseen_counts(
    client: GraphClient, sandbox: Sandbox, make_request: MakeRequest
) -> None:
    created = client.create_subscription(make_request())
    sandbox.add_fault(method="DELETE", drop=True, act=True)

    client.delete_subscription(created.id)

    assert created.id not in sandbox.subscriptions


def test_a_refusal_is_not_repeated(
    client: GraphClient, calls: list[CallRecord], make_request: MakeRequest
) -> None:
    with pytest.raises(errors.InvalidRequestError):
        client.create_subscription(make_request(change_type="renamed"))
    assert len(calls) == 1


def test_a_refused_token_is_replaced_once(
    client: GraphClient, sandbox: Sandbox, forced: list[bool], naps: list[float]
) -> None:
    sandbox.add_fault(path="/subscriptions", status=401)

    assert client.list_subscriptions() == []
    assert forced == [False, True]
    assert naps == []


def test_a_token_refused_twice_is_an_error(
    client: GraphClient, sandbox: Sandbox, forced: list[bool], calls: list[CallRecord]
) -> None:
    sandbox.add_fault(path="/subscriptions", status=401, times=None)

    with pytest.raises(errors.UnauthorizedError):
        client.list_subscriptions()
    assert forced == [False, True]
    assert len(calls) == 2


def test_a_token_that_aged_at_graph_is_replaced(
    client: GraphClient, sandbox: Sandbox, forced: list[bool]
) -> None:
    client.list_subscriptions()
    sandbox.advance(timedelta(hours=2))

    client.list_subscriptions()

    assert forced == [False, False, True]


def test_trouble_in_getting_a_token_is_repeated_too(cloud: Cloud, naps: list[float]) -> None:
    asked: list[bool] = []

    def access_token(force: bool) -> str:
        asked.append(force)
        raise errors.TokenRefusedError("Busy.", is_transient=True)

    client = GraphClient(cloud=cloud, access_token=access_token, sleep=naps.append)

    with pytest.raises(errors.TokenRefusedError):
        client.list_subscriptions()
    assert asked == [False] * 3
    assert len(naps) == 2


def test_the_total_wait_is_the_callers_to_choose(cloud: Cloud, sandbox: Sandbox) -> None:
    throttle(sandbox, Retry_After="5")
    hasty = GraphClient(cloud=cloud, access_token=lambda _: "t", max_wait=timedelta(seconds=4))

    with pytest.raises(errors.ThrottledError):
        hasty.list_subscriptions()
