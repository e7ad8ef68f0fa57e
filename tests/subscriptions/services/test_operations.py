"""The log of what was said to Graph, and what must never be in it."""

import logging
from collections.abc import Callable
from datetime import datetime

import pytest

from subscriptions.graph.errors import GraphError
from subscriptions.models import AppRegistration, EncryptionCertificate, Operation, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import creation, reauthorization, recreation, removal, renewal
from subscriptions.services.connection import test_connection as check_connection

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]


def test_every_call_is_logged_with_who_asked_and_what_graph_said(make_wish: Make, now: datetime) -> None:
    row = creation.create(make_wish(), now=now, actor="alice")
    removal.remove(row, now=now, actor="bob")

    log = list(Operation.objects.order_by("pk"))
    assert [(one.action, one.actor, one.status_code, one.succeeded) for one in log] == [
        ("create", "alice", 201, True),
        ("remove", "bob", 204, True),
    ]
    assert all(len(one.request_id) == 36 and one.duration_ms >= 0 for one in log)
    assert log[0].message == "POST /v1.0/subscriptions"
    assert log[1].graph_id == row.graph_id
    assert {one.app_registration for one in log} == {row.app_registration}


def test_a_refused_call_is_logged_with_its_code(make_wish: Make, sandbox: Sandbox, now: datetime) -> None:
    body = {"error": {"code": "ExtensionError", "message": "No", "innerError": {"request-id": "r-1"}}}
    sandbox.add_fault(method="POST", path="/subscriptions", status=403, body=body)

    with pytest.raises(GraphError):
        creation.create(make_wish(), now=now, actor="alice")

    one = Operation.objects.get()
    assert (one.succeeded, one.status_code, one.error_code) == (False, 403, "ExtensionError")


def test_a_refusal_is_in_the_log_of_the_process_with_the_request_id_of_graph(
    make_wish: Make, sandbox: Sandbox, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"error": {"code": "ExtensionError", "message": "No", "innerError": {"request-id": "r-1"}}}
    sandbox.add_fault(method="POST", path="/subscriptions", status=403, body=body)

    with pytest.raises(GraphError):
        creation.create(make_wish(), now=now, actor="alice")

    request_id = Operation.objects.get().request_id
    [line] = [record.getMessage() for record in caplog.records if "graph called" in record.getMessage()]
    assert "status=403 error=ExtensionError" in line
    assert f"graph_request_id={request_id} client_request_id=" in line


def test_a_call_without_an_answer_is_logged_too(make_wish: Make, sandbox: Sandbox, now: datetime) -> None:
    sandbox.add_fault(method="POST", path="/subscriptions", drop=True)

    with pytest.raises(GraphError):
        creation.create(make_wish(), now=now, actor="alice")

    first = Operation.objects.earliest("pk")
    assert (first.succeeded, first.status_code, first.error_code) == (False, None, "connection")


def test_the_log_outlives_its_subscription(make_wish: Make, now: datetime) -> None:
    row = creation.create(make_wish(), now=now, actor="alice")

    row.delete()

    one = Operation.objects.get()
    assert (one.subscription, one.app_registration) == (None, row.app_registration)


def test_no_secret_is_ever_logged(
    make_wish: Make,
    sandbox: Sandbox,
    now: datetime,
    caplog: pytest.LogCaptureFixture,
    app_registration: AppRegistration,
    certificate: EncryptionCertificate,
) -> None:
    caplog.set_level(logging.DEBUG)
    wish = make_wish(
        resource="/teams/getAllMessages", include_resource_data=True, encryption_certificate=certificate
    )
    row = creation.create(wish, now=now, actor="alice")
    check_connection(app_registration, now=now, actor="alice")
    renewal.renew(row, now=now, actor="alice")
    Subscription.objects.update(renewed_at=None)
    row.refresh_from_db()
    reauthorization.reauthorize(row, now=now, actor="alice")
    recreation.recreate(row, now=now, actor="alice")
    removal.remove(row, now=now, actor="alice")
    app_registration.client_secret = "wrong~secret~value"
    check_connection(app_registration, now=now, actor="alice")

    # The stand-in sends the handshake from this process, and its urllib3 logs the address with the token in it.
    ours = [one.getMessage() for one in caplog.records if "validationToken" not in str(one.args)]
    texts = [*ours, *Operation.objects.values_list("message", flat=True), repr(row), repr(vars(row))]
    hidden = [
        sandbox.application.client_secret,
        "wrong~secret~value",
        certificate.private_key.reveal().splitlines()[3],
        "PRIVATE KEY",
        row.client_state.reveal(),
        "eyJ",
    ]
    assert len(ours) > 10
    assert [secret for text in texts for secret in hidden if secret in text] == []
