"""From an HTTP answer to the error it means."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from subscriptions.graph import errors
from subscriptions.graph.answers import Answer, error_in, parse_retry_after

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


def make_answer(status: int, body: Any = None, **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=CaseInsensitiveDict(names), unverified_body=body)


def graph_error(code: str = "SomeCode", message: str = "Some text.", **inner: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "innerError": inner}}


def read(
    answer: Answer,
    *,
    not_found: type[errors.GraphError] = errors.ResourceNotFoundError,
    changes_something: bool = True,
    known_secrets: tuple[str | None, ...] = (),
) -> errors.GraphError:
    return error_in(
        answer, not_found=not_found, changes_something=changes_something, known_secrets=known_secrets
    )


@pytest.mark.parametrize(
    ("name", "leaf"),
    [
        ("error_400_lifecycle_url_required", errors.InvalidRequestError),
        ("error_400_validation_failed", errors.EndpointValidationError),
        ("error_400_validation_mismatch", errors.EndpointValidationError),
        ("error_400_validation_timeout", errors.EndpointValidationError),
        ("error_401", errors.UnauthorizedError),
        ("error_403_access_denied", errors.AccessDeniedError),
        ("error_403_quota", errors.QuotaReachedError),
        ("error_404_subscription_gone", errors.ResourceNotFoundError),
        ("error_409_duplicate", errors.DuplicateSubscriptionError),
        ("error_429_throttled", errors.ThrottledError),
        ("error_503", errors.ThrottledError),
    ],
)
def test_graphs_error_payloads_become_their_leaf(name: str, leaf: type[errors.GraphError]) -> None:
    path = Path(__file__).with_name("payloads") / f"{name}.json"
    sample = json.loads(path.read_text(encoding="utf-8"))
    answer = Answer(
        status=sample["status"],
        headers=CaseInsensitiveDict(sample["headers"]),
        unverified_body=sample["body"],
    )

    error = read(answer)

    assert type(error) is leaf
    assert error.status == sample["status"]
    assert error.code == sample["body"]["error"]["code"]
    assert error.message == sample["body"]["error"]["message"]
    assert error.request_id == "3c5a0e17-49d2-4b86-8f71-0de6b29c54a8"
    assert error.is_transient is (leaf is errors.ThrottledError)
    assert error.explanation


def test_404_means_what_the_caller_says_it_means() -> None:
    answer = make_answer(404, graph_error())

    assert type(read(answer, not_found=errors.SubscriptionGoneError)) is errors.SubscriptionGoneError
    assert type(read(answer)) is errors.ResourceNotFoundError


@pytest.mark.parametrize("body", [None, [], "text", {"message": "Not Found"}])
@pytest.mark.parametrize("status", [400, 403, 404, 409, 410])
def test_an_error_page_of_somebody_else_is_not_taken_for_graphs_word(status: int, body: Any) -> None:
    error = read(make_answer(status, body), not_found=errors.SubscriptionGoneError)

    assert type(error) is errors.UnexpectedAnswerError
    assert error.status == status


def test_an_error_without_body_counts_as_graphs_if_it_has_a_request_id() -> None:
    error = read(make_answer(404, request_id="r-1"), not_found=errors.SubscriptionGoneError)

    assert type(error) is errors.SubscriptionGoneError
    assert error.request_id == "r-1"


@pytest.mark.parametrize(
    ("status", "headers", "leaf"),
    [
        (500, {}, errors.ServiceUnavailableError),
        (502, {}, errors.ServiceUnavailableError),
        (503, {}, errors.ServiceUnavailableError),
        (503, {"Retry_After": "3"}, errors.ThrottledError),
        (504, {}, errors.ServiceUnavailableError),
        (429, {}, errors.ThrottledError),
    ],
)
def test_gateways_may_throttle_and_fail_without_graphs_form(
    status: int, headers: dict[str, str], leaf: type[errors.GraphError]
) -> None:
    error = read(make_answer(status, **headers))

    assert type(error) is leaf
    assert error.is_transient


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304])
def test_a_redirect_is_no_answer_of_graphs(status: int) -> None:
    error = read(make_answer(status, Location="https://elsewhere.example"))

    assert type(error) is errors.UnexpectedAnswerError


@pytest.mark.parametrize(
    ("status", "changes_something", "expected"),
    [(500, True, True), (504, True, True), (503, True, False), (500, False, False), (400, True, False)],
)
def test_a_failing_gateway_leaves_open_what_a_change_has_done(
    status: int, changes_something: bool, expected: bool
) -> None:
    error = read(make_answer(status, graph_error()), changes_something=changes_something)

    assert error.outcome_unknown is expected


def test_a_fault_of_the_request_is_not_blamed_on_our_endpoint() -> None:
    error = read(make_answer(400, graph_error("InvalidRequest", "Property 'x' is missing.")))

    assert type(error) is errors.InvalidRequestError


@pytest.mark.parametrize(
    "text",
    [
        "App 'a' has reached its limit of '1' 'chatMessage' subscription on tenant 't'",
        "The limit of subscriptions has been exceeded.",
        "Number of subscriptions exceeds the maximum.",
        "Quota for this mailbox is used up.",
    ],
)
def test_a_403_about_a_limit_is_a_quota(text: str) -> None:
    assert type(read(make_answer(403, graph_error(message=text)))) is errors.QuotaReachedError


@pytest.mark.parametrize("text", ["Access denied", "Insufficient privileges", "Access is limited to admins."])
def test_any_other_403_is_a_matter_of_permission(text: str) -> None:
    assert type(read(make_answer(403, graph_error(message=text)))) is errors.AccessDeniedError


def test_ids_are_also_read_from_the_body() -> None:
    body = graph_error(**{"request-id": "r-2", "client-request-id": "c-2"})

    error = read(make_answer(409, body))

    assert (error.request_id, error.client_request_id) == ("r-2", "c-2")


def test_the_known_secrets_and_all_tokens_are_taken_out() -> None:
    token = "eyJ0eXAiOiJKV1QifQ.eyJhdWQiOiJ4In0.c2lnbmF0dXJl"
    body = graph_error(code="my-state", message=f"clientState my-state with token {token} is wrong")

    error = read(make_answer(400, body), known_secrets=("my-state",))

    assert error.message == "clientState [removed] with token [removed] is wrong"
    assert "my-state" not in f"{error!r} {error} {error.code}"


@pytest.mark.parametrize(
    "body", [{"error": []}, {"error": {"code": 5, "message": {"x": 1}}}, {"error": "text"}]
)
def test_errors_in_an_unknown_form_are_survived(body: Any) -> None:
    error = read(make_answer(400, body))

    assert error.status == 400
    assert error.code == ""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("2.128", 2.128),
        ("0", 0.0),
        ("Fri, 20 Nov 2026 18:01:30 GMT", 90.0),
        ("Fri, 20 Nov 2026 18:01:30 -0000", 90.0),
        ("Fri, 20 Nov 2026 17:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read_in_all_its_forms(text: str, seconds: float) -> None:
    assert parse_retry_after(text, now=NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1e3", "nan", "9" * 400, "Fri, 99 Nov 2026 18:01:30 GMT", "٣"]
)
def test_an_unreadable_retry_after_is_none(text: str) -> None:
    assert parse_retry_after(text, now=NOW) is None


def test_a_request_that_graph_waited_for_in_vain_may_be_repeated() -> None:
    assert read(make_answer(408, graph_error())).is_transient


def test_a_code_and_ids_of_absurd_length_are_cut() -> None:
    body = graph_error(code="code " * 100, **{"request-id": "r" * 500, "client-request-id": "c" * 500})

    error = read(make_answer(400, body))

    assert (len(error.code), len(error.request_id), len(error.client_request_id)) == (200, 100, 100)
