"""Many renewals in one call."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subscriptions.graph import errors
from subscriptions.graph.client import GraphClient
from subscriptions.graph.documents import Renewal, SubscriptionRequest
from subscriptions.sandbox import Sandbox

MakeRequest = Callable[..., SubscriptionRequest]
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=12)
GONE = "8f3b2c1d-64a7-4b59-91e0-2d7c5f0a3e61"


@pytest.fixture
def ids(client: GraphClient, make_request: MakeRequest) -> list[str]:
    """Create three subscriptions."""
    paths = ("/users", "/groups", "/communications/callRecords")
    changes = ("updated", "updated", "created")
    return [
        client.create_subscription(make_request(resource=path, change_type=change)).id
        for path, change in zip(paths, changes, strict=True)
    ]


def renewals(ids: list[str]) -> list[Renewal]:
    return [Renewal(id=subscription_id, expires_at=LATER) for subscription_id in ids]


def envelopes(sandbox: Sandbox) -> list[list[str]]:
    bodies: list[Any] = [call.body for call in sandbox.requests if call.path == "/v1.0/$batch"]
    return [[item["url"].rpartition("/")[2] for item in body["requests"]] for body in bodies]


def item(number: int, status: int, body: Any = None, **headers: str) -> dict[str, Any]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"id": str(number), "status": status, "headers": names, "body": body}


def throttled(number: int, seconds: str) -> dict[str, Any]:
    body = {"error": {"code": "TooManyRequests", "message": "Too many requests"}}
    return item(number, 429, body, Retry_After=seconds)


def renewed(number: int, subscription_id: str) -> dict[str, Any]:
    return item(number, 200, {"id": subscription_id, "expirationDateTime": "2030-01-01T00:00:00Z"})


def answer_batch(sandbox: Sandbox, *items: dict[str, Any], times: int | None = 1) -> None:
    sandbox.add_fault(path=r"\$batch", status=200, body={"responses": list(items)}, times=times)


def test_nothing_to_renew_needs_no_call(client: GraphClient, sandbox: Sandbox) -> None:
    assert client.update_subscriptions([]) == []
    assert [call for call in sandbox.requests if "batch" in call.path] == []


def test_one_renewal_needs_no_batch(client: GraphClient, sandbox: Sandbox, ids: list[str]) -> None:
    [outcome] = client.update_subscriptions(renewals(ids[:1]))

    assert outcome.subscription is not None
    assert outcome.subscription.expires_at == LATER
    assert envelopes(sandbox) == []


def test_one_renewal_that_fails_is_an_outcome_too(client: GraphClient) -> None:
    [outcome] = client.update_subscriptions(renewals([GONE]))

    assert isinstance(outcome.error, errors.SubscriptionGoneError)
    assert outcome.id == GONE


def test_several_go_in_one_call_and_each_has_its_outcome(
    client: GraphClient, sandbox: Sandbox, ids: list[str]
) -> None:
    wanted = [ids[0], GONE, ids[1], ids[2]]
    began_at = datetime.now(UTC)

    outcomes = client.update_subscriptions(renewals(wanted))

    assert envelopes(sandbox) == [wanted]
    assert [outcome.id for outcome in outcomes] == wanted
    assert isinstance(outcomes[1].error, errors.SubscriptionGoneError)
    assert [outcome.subscription and outcome.subscription.expires_at for outcome in outcomes] == [
        LATER,
        None,
        LATER,
        LATER,
    ]
    assert all(began_at <= outcome.called_at <= datetime.now(UTC) for outcome in outcomes)


def test_more_than_twenty_go_in_chunks(client: GraphClient, sandbox: Sandbox, ids: list[str]) -> None:
    wanted = [*[GONE] * 20, *ids]

    outcomes = client.update_subscriptions(renewals(wanted))

    assert [len(envelope) for envelope in envelopes(sandbox)] == [20, 3]
    assert [outcome.id for outcome in outcomes] == wanted
    assert sum(outcome.error is None for outcome in outcomes) == 3


def test_a_throttled_item_is_sent_again_alone(
    client: GraphClient, sandbox: Sandbox, ids: list[str], naps: list[float]
) -> None:
    answer_batch(
        sandbox, throttled(3, "4"), renewed(1, ids[0]), item(2, 503, Retry_After="9"), renewed(4, ids[0])
    )

    outcomes = client.update_subscriptions(renewals(ids))

    assert envelopes(sandbox) == [ids, ids[1:]]
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert naps == [9.0]


def test_a_long_wait_is_left_to_the_caller(
    client: GraphClient, sandbox: Sandbox, ids: list[str], naps: list[float]
) -> None:
    answer_batch(sandbox, throttled(1, "300"), renewed(2, ids[1]), renewed(3, ids[2]))

    outcomes = client.update_subscriptions(renewals(ids))

    assert isinstance(outcomes[0].error, errors.ThrottledError)
    assert outcomes[0].error.retry_after == timedelta(minutes=5)
    assert [outcome.error for outcome in outcomes[1:]] == [None, None]
    assert naps == []


def test_one_long_wait_does_not_keep_the_others_from_being_tried_again(
    client: GraphClient, sandbox: Sandbox, ids: list[str], naps: list[float]
) -> None:
    answer_batch(sandbox, throttled(1, "300"), throttled(2, "3"), renewed(3, ids[2]))

    outcomes = client.update_subscriptions(renewals(ids))

    assert isinstance(outcomes[0].error, errors.ThrottledError)
    assert outcomes[1].error is None
    assert envelopes(sandbox) == [ids, [ids[1]]]
    assert naps == [3.0]


def test_the_total_wait_is_bounded_over_all_chunks(
    client: GraphClient, sandbox: Sandbox, naps: list[float]
) -> None:
    answer_batch(sandbox, *[throttled(number, "25") for number in range(1, 21)], times=None)

    outcomes = client.update_subscriptions(renewals([GONE] * 60))

    assert all(isinstance(outcome.error, errors.ThrottledError) for outcome in outcomes)
    assert naps == [25.0, 25.0]


def test_an_item_without_answer_is_an_error_of_its_own(
    client: GraphClient, sandbox: Sandbox, ids: list[str]
) -> None:
    answer_batch(sandbox, renewed(1, ids[0]), renewed(3, ids[2]))

    outcomes = client.update_subscriptions(renewals(ids))

    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1].error, errors.UnexpectedAnswerError)
    assert outcomes[1].error.outcome_unknown


def test_an_unreadable_item_is_an_error_of_its_own(
    client: GraphClient, sandbox: Sandbox, ids: list[str]
) -> None:
    answer_batch(sandbox, renewed(1, ids[0]), item(2, 200, "PGh0bWw+"), renewed(3, ids[2]))

    outcomes = client.update_subscriptions(renewals(ids))

    assert isinstance(outcomes[1].error, errors.UnexpectedAnswerError)


@pytest.mark.parametrize(
    ("trouble", "leaf"),
    [
        ({"status": 200, "body": "<html></html>"}, errors.UnexpectedAnswerError),
        ({"status": 502, "body": "<html></html>"}, errors.ServiceUnavailableError),
        ({"status": 401}, errors.UnauthorizedError),
        ({"drop": True}, errors.UnreachableError),
    ],
)
def test_trouble_with_the_envelope_is_the_error_of_each_item(
    client: GraphClient,
    sandbox: Sandbox,
    ids: list[str],
    trouble: dict[str, Any],
    leaf: type[errors.GraphError],
) -> None:
    sandbox.add_fault(path=r"\$batch", times=None, **trouble)

    outcomes = client.update_subscriptions(renewals(ids))

    assert [type(outcome.error) for outcome in outcomes] == [leaf] * 3


def test_an_envelope_that_failed_once_is_sent_again(
    client: GraphClient, sandbox: Sandbox, ids: list[str], naps: list[float]
) -> None:
    sandbox.add_fault(path=r"\$batch", status=429, headers={"Retry-After": "2"})

    outcomes = client.update_subscriptions(renewals(ids))

    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert naps == [2.0]


def test_each_chunk_has_its_own_attempts(
    client: GraphClient, sandbox: Sandbox, ids: list[str], naps: list[float]
) -> None:
    answer_batch(sandbox, *[throttled(number, "1") for number in range(1, 21)], times=4)

    outcomes = client.update_subscriptions(renewals([*[GONE] * 20, *ids]))

    assert [type(outcome.error) for outcome in outcomes[:20]] == [errors.ThrottledError] * 20
    assert [outcome.error for outcome in outcomes[20:]] == [None] * 3
    assert naps == [1.0, 1.0, 1.0]


def test_an_item_needs_no_error_text_to_be_gone(
    client: GraphClient, sandbox: Sandbox, ids: list[str]
) -> None:
    answer_batch(sandbox, item(1, 404), renewed(2, ids[1]), renewed(3, ids[2]))

    outcomes = client.update_subscriptions(renewals(ids))

    assert isinstance(outcomes[0].error, errors.SubscriptionGoneError)


def test_an_outcome_names_its_call_or_that_of_the_whole_batch(
    client: GraphClient, sandbox: Sandbox, ids: list[str]
) -> None:
    own = {**renewed(1, ids[0]), "headers": {"request-id": "its-own"}}
    sandbox.add_fault(
        path=r"\$batch",
        status=200,
        headers={"request-id": "of-all"},
        body={"responses": [own, renewed(2, ids[1]), item(3, 403)]},
    )

    outcomes = client.update_subscriptions(renewals(ids))

    assert [outcome.request_id for outcome in outcomes] == ["its-own", "of-all", "of-all"]
    assert outcomes[2].error is not None
    assert outcomes[2].error.request_id == "of-all"


def test_a_life_that_is_too_long_is_told_apart_from_other_faults(
    client: GraphClient, sandbox: Sandbox, ids: list[str]
) -> None:
    [too_long] = client.update_subscriptions([Renewal(id=ids[2], expires_at=LATER + timedelta(days=9))])

    assert isinstance(too_long.error, errors.LifetimeRefusedError)
    assert too_long.error.longest == timedelta(minutes=4230)
