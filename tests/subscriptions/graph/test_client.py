"""Single calls to Graph about subscriptions."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subscriptions.graph import clouds, errors
from subscriptions.graph.client import GraphClient
from subscriptions.graph.clouds import Cloud
from subscriptions.graph.documents import CallRecord, Renewal, SubscriptionRequest
from subscriptions.sandbox import Sandbox

MakeRequest = Callable[..., SubscriptionRequest]
GONE = "8f3b2c1d-64a7-4b59-91e0-2d7c5f0a3e61"


def in_hours(hours: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)


def graph_calls(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(call.method, call.path) for call in sandbox.requests if call.path.startswith(("/v1.0", "/beta"))]


def graph_body(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "innerError": {"request-id": "r-1"}}}


def test_a_subscription_is_created_as_asked(
    client: GraphClient, sandbox: Sandbox, make_request: MakeRequest
) -> None:
    expires_at = in_hours(2)

    subscription = client.create_subscription(make_request(expires_at=expires_at))

    assert subscription.id in sandbox.subscriptions
    assert subscription.expires_at == expires_at
    assert subscription.application_id == sandbox.application.client_id
    assert subscription.client_state == "state-never-to-be-seen"


def test_the_expiry_is_the_one_graph_grants(client: GraphClient, make_request: MakeRequest) -> None:
    subscription = client.create_subscription(make_request(expires_at=in_hours(0.1)))

    assert in_hours(0.7) < subscription.expires_at <= in_hours(0.76)


def test_each_call_carries_a_request_id_of_its_own_and_our_name(
    client: GraphClient, sandbox: Sandbox
) -> None:
    client.list_subscriptions()
    client.list_subscriptions()

    headers = [call.headers for call in sandbox.requests if call.path == "/v1.0/subscriptions"]
    ids = [uuid.UUID(header["Client-Request-Id"]) for header in headers]
    assert len(set(ids)) == 2
    assert {header["User-Agent"] for header in headers} == {"graph-subscription-manager"}


def test_preferences_go_into_the_prefer_header(
    client: GraphClient, sandbox: Sandbox, make_request: MakeRequest
) -> None:
    client.create_subscription(make_request(prefer=('IdType="ImmutableId"', "includesecuritywebhooks")))

    created = next(call for call in sandbox.requests if call.path == "/v1.0/subscriptions")
    assert created.headers["Prefer"] == 'IdType="ImmutableId", includesecuritywebhooks'


def test_beta_is_called_where_asked(client: GraphClient, sandbox: Sandbox) -> None:
    client.list_subscriptions(version="beta")

    assert graph_calls(sandbox) == [("GET", "/beta/subscriptions")]


def test_a_subscription_is_fetched_by_id(client: GraphClient, make_request: MakeRequest) -> None:
    created = client.create_subscription(make_request())

    assert client.get_subscription(created.id).id == created.id


def test_a_list_is_read_to_its_last_page(
    client: GraphClient, sandbox: Sandbox, make_request: MakeRequest
) -> None:
    created = [client.create_subscription(make_request(resource=path)).id for path in ("/users", "/groups")]
    sandbox.page_size = 1

    listed = client.list_subscriptions()

    assert {subscription.id for subscription in listed} == set(created)
    assert graph_calls(sandbox).count(("GET", "/v1.0/subscriptions")) == 2


def test_a_failing_page_leaves_no_partial_list(
    client: GraphClient, sandbox: Sandbox, make_request: MakeRequest
) -> None:
    for path in ("/users", "/groups"):
        client.create_subscription(make_request(resource=path))
    sandbox.page_size = 1
    sandbox.add_fault(path="skiptoken", status=500, body=graph_body("X", "Broken."), times=None)

    with pytest.raises(errors.ServiceUnavailableError):
        client.list_subscriptions()


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/v1.0/subscriptions?page=2",
        "{root}.elsewhere.example/v1.0/subscriptions",
        "{root}@elsewhere.example/v1.0/subscriptions",
        "{root}\\@elsewhere.example/",
        "//elsewhere.example/",
        "",
        None,
        7,
    ],
)
def test_a_list_that_goes_on_elsewhere_is_not_followed(
    client: GraphClient, sandbox: Sandbox, link: object
) -> None:
    address = link.replace("{root}", sandbox.graph_url) if isinstance(link, str) else link
    sandbox.add_fault(path="/subscriptions", status=200, body={"value": [], "@odata.nextLink": address})

    with pytest.raises(errors.UnexpectedAnswerError):
        client.list_subscriptions()
    assert len(graph_calls(sandbox)) == 1


def test_a_list_that_leads_in_a_circle_ends(client: GraphClient, sandbox: Sandbox) -> None:
    page = {"value": [], "@odata.nextLink": f"{sandbox.graph_url}/v1.0/subscriptions?$skiptoken=a"}
    sandbox.add_fault(path="/subscriptions", status=200, body=page, times=None)

    with pytest.raises(errors.UnexpectedAnswerError):
        client.list_subscriptions()
    assert len(graph_calls(sandbox)) == 2


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": ["text"]}, {"value": [{"id": "s"}]}])
def test_a_list_in_another_form_is_refused(client: GraphClient, sandbox: Sandbox, body: Any) -> None:
    sandbox.add_fault(path="/subscriptions", status=200, body=body)

    with pytest.raises(errors.UnexpectedAnswerError):
        client.list_subscriptions()


def test_a_renewal_moves_the_expiry(client: GraphClient, make_request: MakeRequest) -> None:
    created = client.create_subscription(make_request())
    later = in_hours(5)

    renewed = client.update_subscription(Renewal(id=created.id, expires_at=later))

    assert renewed.expires_at == later


def test_what_is_gone_is_told_apart(client: GraphClient) -> None:
    with pytest.raises(errors.SubscriptionGoneError):
        client.update_subscription(Renewal(id=GONE, expires_at=in_hours(2)))
    with pytest.raises(errors.SubscriptionGoneError):
        client.get_subscription(GONE)
    with pytest.raises(errors.SubscriptionGoneError):
        client.reauthorize_subscription(GONE)


def test_an_html_page_does_not_make_a_subscription_gone(client: GraphClient, sandbox: Sandbox) -> None:
    sandbox.add_fault(method="PATCH", status=404, body="<html>No such page</html>")

    with pytest.raises(errors.UnexpectedAnswerError):
        client.update_subscription(Renewal(id=GONE, expires_at=in_hours(2)))


def test_a_subscription_is_removed_once_and_for_all(
    client: GraphClient, sandbox: Sandbox, make_request: MakeRequest
) -> None:
    created = client.create_subscription(make_request())

    client.delete_subscription(created.id)
    client.delete_subscription(created.id)

    assert created.id not in sandbox.subscriptions


@pytest.mark.parametrize("call", [GraphClient.delete_subscription, GraphClient.reauthorize_subscription])
def test_a_sign_in_page_confirms_nothing(
    client: GraphClient, sandbox: Sandbox, call: Callable[[GraphClient, str], None]
) -> None:
    sandbox.add_fault(path=GONE, status=200, body="<html>Please sign in</html>")

    with pytest.raises(errors.UnexpectedAnswerError) as caught:
        call(client, GONE)
    assert caught.value.outcome_unknown


def test_reauthorizing_leaves_the_expiry(client: GraphClient, make_request: MakeRequest) -> None:
    created = client.create_subscription(make_request())

    client.reauthorize_subscription(created.id)

    assert client.get_subscription(created.id).expires_at == created.expires_at


def test_any_path_can_be_read(client: GraphClient, sandbox: Sandbox) -> None:
    organizations = client.get("/organization")["value"]

    assert [organization["id"] for organization in organizations] == [sandbox.tenant_id]


def test_a_path_begins_with_a_slash(client: GraphClient) -> None:
    with pytest.raises(ValueError, match="slash"):
        client.get("https://elsewhere.example/")


def test_ids_are_quoted(client: GraphClient, sandbox: Sandbox) -> None:
    sandbox.add_fault(path="/subscriptions/", status=404, body=graph_body("ResourceNotFound", "No."))

    with pytest.raises(errors.SubscriptionGoneError):
        client.get_subscription("a/../b?c#d")
    assert len(graph_calls(sandbox)) == 1
    assert sandbox.requests[-1].query == {}


@pytest.mark.parametrize("subscription_id", ["", ".", ".."])
def test_an_id_that_would_mean_the_collection_is_refused(
    client: GraphClient, sandbox: Sandbox, subscription_id: str
) -> None:
    with pytest.raises(ValueError, match="id"):
        client.delete_subscription(subscription_id)
    assert graph_calls(sandbox) == []


def test_a_failed_handshake_is_told_apart(client: GraphClient, make_request: MakeRequest) -> None:
    with pytest.raises(errors.EndpointValidationError) as caught:
        client.create_subscription(make_request(notification_url="http://127.0.0.1:9/nobody"))
    assert "notification URL" in caught.value.explanation


def test_a_duplicate_names_the_other(client: GraphClient, make_request: MakeRequest) -> None:
    first = client.create_subscription(make_request())

    with pytest.raises(errors.DuplicateSubscriptionError) as caught:
        client.create_subscription(make_request())
    assert caught.value.existing_id == first.id


def test_a_fault_in_the_request_is_told_apart(client: GraphClient, make_request: MakeRequest) -> None:
    with pytest.raises(errors.InvalidRequestError) as caught:
        client.create_subscription(make_request(change_type="renamed"))
    assert type(caught.value) is errors.InvalidRequestError
    assert caught.value.request_id
    assert caught.value.client_request_id


@pytest.mark.parametrize(
    ("status", "message", "leaf"),
    [
        (403, "Reason: Access denied", errors.AccessDeniedError),
        (403, "App 'a' has reached its limit of '1' 'chatMessage' subscription", errors.QuotaReachedError),
        (404, "REST API is not yet supported for this mailbox", errors.ResourceNotFoundError),
    ],
)
def test_refusals_of_create_have_their_leaf(
    client: GraphClient,
    sandbox: Sandbox,
    make_request: MakeRequest,
    status: int,
    message: str,
    leaf: type[errors.GraphError],
) -> None:
    sandbox.add_fault(path="/subscriptions", status=status, body=graph_body("ExtensionError", message))

    with pytest.raises(errors.GraphError) as caught:
        client.create_subscription(make_request())
    assert type(caught.value) is leaf


def test_calls_of_many_threads_go_over_one_client(client: GraphClient, make_request: MakeRequest) -> None:
    created = client.create_subscription(make_request())

    with ThreadPoolExecutor(8) as pool:
        ids = {found.id for found in pool.map(client.get_subscription, [created.id] * 24)}

    assert ids == {created.id}


def test_every_call_is_reported(client: GraphClient, sandbox: Sandbox, calls: list[CallRecord]) -> None:
    began_at = datetime.now(UTC)
    sandbox.add_fault(path="/subscriptions", status=503, body=graph_body("ServiceUnavailable", "Stale."))
    sandbox.add_fault(path="/subscriptions", drop=True)
    client.list_subscriptions()

    with pytest.raises(errors.SubscriptionGoneError):
        client.get_subscription(GONE)

    assert [(call.method, call.path, call.status, call.error_code) for call in calls] == [
        ("GET", "/v1.0/subscriptions", 503, "ServiceUnavailable"),
        ("GET", "/v1.0/subscriptions", None, "connection"),
        ("GET", "/v1.0/subscriptions", 200, ""),
        ("GET", f"/v1.0/subscriptions/{GONE}", 404, "ResourceNotFound"),
    ]
    assert all(began_at <= call.started_at <= datetime.now(UTC) for call in calls)
    assert all(timedelta() < call.duration < timedelta(seconds=30) for call in calls)
    assert calls[2].request_id


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 409, 418, 429, 500, 503])
def test_no_error_shows_a_secret(
    client: GraphClient,
    sandbox: Sandbox,
    access_token: Callable[[bool], str],
    make_request: MakeRequest,
    status: int,
) -> None:
    token = access_token(False)
    leak = f"clientState state-never-to-be-seen, Bearer {token}"
    sandbox.add_fault(
        path="/subscriptions", status=status, body=graph_body("state-never-to-be-seen", leak), times=None
    )

    with pytest.raises(errors.GraphError) as caught:
        client.create_subscription(make_request())

    error = caught.value
    shown = f"{error} {error!r} {error.args} {vars(error)} {error.__cause__!r} {error.explanation}"
    assert "state-never-to-be-seen" not in shown
    assert token not in shown


def test_a_client_does_not_show_its_token(cloud: Cloud, make_request: MakeRequest) -> None:
    stranger = GraphClient(
        cloud=clouds.custom("https://127.0.0.1:9", cloud.login_url, cloud.ca_bundle),
        access_token=lambda _: "opaque-token",
        attempts=1,
    )

    with pytest.raises(errors.UnreachableError) as caught:
        stranger.create_subscription(make_request())

    assert "opaque-token" not in f"{caught.value!r} {caught.value.__cause__!r} {stranger!r}"
