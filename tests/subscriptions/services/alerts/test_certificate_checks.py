"""A certificate that ends is told of while there is time, at its stages."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.services.alerts.certificate_checks import certificates_that_end

Maker = Callable[..., Subscription]


@pytest.fixture
def hooks(now: datetime, db: None) -> EncryptionCertificate:
    """Save a certificate that is valid for 100 days more."""
    return EncryptionCertificate.objects.create(
        encryption_certificate_id="hooks",
        thumbprint="AB" * 20,
        key_size=2048,
        not_before_at=now,
        not_after_at=now + timedelta(days=100),
    )


@pytest.mark.parametrize(
    ("days_left", "stage"), [(31, None), (30, 0), (8, 0), (7, 1), (1, 1), (0, 2), (-9, 2)]
)
def test_a_certificate_in_use_is_told_of_by_stages(
    make_row: Maker, hooks: EncryptionCertificate, now: datetime, days_left: int, stage: int | None
) -> None:
    row = make_row(include_resource_data=True, encryption_certificate=hooks)

    found = list(certificates_that_end(hooks.not_after_at - timedelta(days=days_left)))

    assert [finding.stage for finding in found] == ([] if stage is None else [stage])
    assert all(finding.subscriptions == {row.pk} for finding in found)


@pytest.mark.parametrize("facts", [{"is_enabled": False}, {"status": "removed"}])
def test_a_certificate_that_nobody_uses_is_not(
    make_row: Maker, hooks: EncryptionCertificate, facts: dict[str, Any]
) -> None:
    make_row(include_resource_data=True, encryption_certificate=hooks, **facts)

    assert not list(certificates_that_end(hooks.not_after_at))
