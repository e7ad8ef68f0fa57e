"""Rows that never were at Graph, a mail server in memory, and a webhook that takes what comes."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from subscriptions.models import AppRegistration, Subscription

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """Return the time at which a test begins: an argument like any other."""
    return NOW


@pytest.fixture
def registration(db: None) -> AppRegistration:
    """Save an app registration that is never used to sign in."""
    return AppRegistration.objects.create(name="Fabrikam", tenant_id="fabrikam.example", client_id="1")


@pytest.fixture
def make_row(registration: AppRegistration) -> Callable[..., Subscription]:
    """Return a function that saves a healthy subscription, half way through a life of two days."""
    count = iter(range(1, 10_000))

    def make(**changes: Any) -> Subscription:
        number = next(count)
        facts = {
            "app_registration": registration,
            "resource": f"/users/{number}/messages",
            "change_type": "created",
            "status": Subscription.Status.ACTIVE,
            "graph_id": f"00000000-0000-4000-8000-{number:012}",
            "granted_at": NOW - timedelta(days=1),
            "expires_at": NOW + timedelta(days=1),
            "renew_at": NOW + timedelta(hours=8),
            **changes,
        }
        row = Subscription.objects.create(**facts)
        Subscription.objects.filter(pk=row.pk).update(created_at=NOW - timedelta(days=1))
        return row

    return make


@pytest.fixture
def operators(settings: Settings) -> None:
    """Name somebody to tell by e-mail."""
    settings.ADMINS = [("Ops", "ops@example.org")]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


@dataclass
class Receiver:
    """A webhook: what came to it, and how it answers."""

    url: str = ""
    status: int = 200
    bodies: list[Any] = field(default_factory=list)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """Serve an address for alerts, and name it in the settings."""
    receiver = Receiver()

    @Request.application
    def take(request: Request) -> Response:
        receiver.bodies.append(json.loads(request.get_data()))
        return Response(status=receiver.status, headers={"Location": "http://127.0.0.1:1/elsewhere"})

    server = make_server("127.0.0.1", 0, take, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks/very-secret-path"
    settings.ALERT_WEBHOOK_URL = receiver.url
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()
