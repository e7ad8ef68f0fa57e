"""Subscriptions that are due, and runs that renew them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from subscriptions.models import AppRegistration, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import renewal
from subscriptions.services.access import app_registrations

Make = Callable[..., Subscription]


@pytest.fixture
def make_due(make_subscription: Make, now: datetime) -> Callable[..., list[Subscription]]:
    """Return a function that makes a number of subscriptions which are due."""

    def make(
        number: int = 1, *, app_registration: AppRegistration | None = None, **facts: Any
    ) -> list[Subscription]:
        wish = {"app_registration": app_registration} if app_registration else {}
        rows = [make_subscription(resource=f"/users/{uuid4()}/messages", **wish) for _ in range(number)]
        chosen = Subscription.objects.filter(pk__in=[row.pk for row in rows])
        chosen.update(**{"renew_at": now, "expires_at": now + timedelta(hours=1), **facts})
        for row in rows:
            row.refresh_from_db()
        return rows

    return make


@pytest.fixture
def naps() -> list[float]:
    """Collect the seconds that runs would have slept."""
    return []


@pytest.fixture
def run(now: datetime, naps: list[float]) -> Callable[..., renewal.Summary]:
    """Return a function that renews what is due and does not sleep."""

    def run(**options: Any) -> renewal.Summary:
        return renewal.renew_due(**{"clock": lambda: now, "actor": "cron", "sleep": naps.append, **options})

    return run


@pytest.fixture
def another_app(sandbox: Sandbox, app_registration: AppRegistration) -> AppRegistration:
    """Register an application of another tenant."""
    tenant = sandbox.add_tenant("Fabrikam", domain="fabrikam.example")
    application = sandbox.add_application(tenant_ids=[tenant.id])
    return app_registrations.register(
        name="Fabrikam",
        cloud=AppRegistration.Cloud.CUSTOM,
        tenant_id=tenant.id,
        client_id=application.client_id,
        credential=app_registrations.NewCredential(client_secret=application.client_secret),
    )
