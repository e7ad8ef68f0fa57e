"""Builders for tests of what Graph tells us: subscriptions that are known here, items about them, and the webhook."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.test import RequestFactory

from config import webhook_lane
from notifications.models import ChangeNotification
from notifications.services import processing
from notifications.services.intake import endpoint_health, quarantine
from subscriptions.keys import certificates as keys
from subscriptions.models import AppRegistration, EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services.access import app_registrations

NOTIFICATIONS = "/webhooks/graph/notifications"
RICH_RESOURCE = "/teams/getAllMessages"

Item = dict[str, Any]


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    """Let what one test counted in memory not use up the minute of the next."""
    quarantine.forget()
    endpoint_health.forget()


@pytest.fixture
def unasked_registration(db: None) -> AppRegistration:
    """Register an app whose cloud is never called: good for whatever needs no network."""
    return app_registrations.register(
        name="Fabrikam",
        cloud=AppRegistration.Cloud.GLOBAL,
        tenant_id="5b0f9a31-7e62-4c1d-9f38-a6d2047be513",
        client_id="c2e81d70-94b6-4f3a-8d25-71fa60b93ce4",
        credential=app_registrations.NewCredential(client_secret="never-sent"),
    )


@pytest.fixture
def known(unasked_registration: AppRegistration) -> Callable[..., Subscription]:
    """Return a function that writes an active subscription without asking Graph; keyword arguments change it."""

    def make(**changes: Any) -> Subscription:
        facts = {
            "app_registration": unasked_registration,
            "resource": f"/users/{uuid4()}/messages",
            "change_type": "created,updated",
            "status": Subscription.Status.ACTIVE,
            "graph_id": str(uuid4()),
            "expires_at": datetime.now(UTC) + timedelta(days=1),
            "client_state": f"state-{uuid4()}",
            **changes,
        }
        subscription = Subscription(**facts)
        subscription.save(force_insert=True)
        return subscription

    return make


@pytest.fixture
def known_rich(
    known: Callable[..., Subscription],
    app_registration: AppRegistration,
    certificate: EncryptionCertificate,
) -> Subscription:
    """Write an active subscription with content; its signing keys are those of the sandbox."""
    return known(
        app_registration=app_registration,
        resource=RICH_RESOURCE,
        include_resource_data=True,
        encryption_certificate=certificate,
    )


@pytest.fixture
def item_of() -> Callable[..., Item]:
    """Return a function that spells a change of a new message; None as a value leaves the key out."""

    def spell(subscription: Subscription, **changes: Any) -> Item:
        message = f"AAMk{uuid4().hex}"
        item = {
            "subscriptionId": subscription.graph_id,
            "subscriptionExpirationDateTime": "2027-02-03T04:05:06.1234567Z",
            "clientState": subscription.client_state.reveal(),
            "changeType": "created",
            "resource": f"Users/u1/Messages/{message}",
            "tenantId": subscription.app_registration.tenant_id,
            "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": message},
            **changes,
        }
        return {name: value for name, value in item.items() if value is not None}

    return spell


@pytest.fixture
def rich_item_of(sandbox: Sandbox, item_of: Callable[..., Item]) -> Callable[..., Item]:
    """Return a function that spells a change with content, really encrypted; `content` is what is inside."""

    def spell(subscription: Subscription, *, content: Item | None = None, **changes: Any) -> Item:
        certificate = subscription.encryption_certificate
        assert certificate is not None
        der = keys.public_base64(certificate.certificate)
        sealed = sandbox.encrypt(
            content or {"body": {"content": "Hello"}}, der, certificate.encryption_certificate_id
        )
        return item_of(subscription, **{"encryptedContent": sealed, **changes})

    return spell


@pytest.fixture
def post(rf: RequestFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[..., HttpResponse]:
    """Return a function that posts a body as Graph does, by the lane that the web server has for it.

    Bytes are sent as they are, anything else as JSON.
    """
    # The test's own connection stays open, as with Django's client.
    monkeypatch.setattr(webhook_lane, "close_old_connections", lambda: None)
    lane = webhook_lane.WebhookLane(get_wsgi_application())

    def send(
        body: Any,
        *,
        path: str = NOTIFICATIONS,
        content_type: str = "application/json; charset=utf-8",
        **headers: str,
    ) -> HttpResponse:
        unverified_body = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = rf.generic("POST", path, unverified_body, content_type=content_type, headers=headers)
        said: list[Any] = []
        body = b"".join(lane(request.environ, lambda *told: said.extend(told)))
        status, answered = said
        return HttpResponse(body, status=int(status[:3]), headers=dict(answered))

    return send


@pytest.fixture
def receive(post: Callable[..., HttpResponse]) -> Callable[..., list[ChangeNotification]]:
    """Return a function that posts items with their tokens, drains the inbox, and returns all rows as they came."""

    def take(
        *items: Item, tokens: list[str] | None = None, at: datetime | None = None
    ) -> list[ChangeNotification]:
        body: Item = {"value": list(items)}
        if tokens is not None:
            body["validationTokens"] = tokens
        assert post(body).status_code == 202
        now = at or datetime.now(UTC)
        processing.process(clock=lambda: now)
        return list(ChangeNotification.objects.order_by("delivery_id", "item_index"))

    return take
