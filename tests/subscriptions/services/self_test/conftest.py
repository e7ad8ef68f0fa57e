"""A self-test against the sandbox, with its findings by what was checked."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from subscriptions.models import AppRegistration
from subscriptions.services import self_test
from subscriptions.services.findings import Finding

Look = Callable[..., list[Finding]]


@pytest.fixture
def look(webhook: str) -> Look:
    """Return a function that runs the self-test and returns the findings of one check."""

    def look(check: str, **options: Any) -> list[Finding]:
        registered = AppRegistration.objects.all()
        wanted: dict[str, Any] = {
            "now": datetime.now(UTC),
            "actor": "alice",
            "caller": self_test.Caller.WORKER,
        }
        found = self_test.run(registered, **(wanted | options))
        return [finding for finding in found if finding.check == check]

    return look
