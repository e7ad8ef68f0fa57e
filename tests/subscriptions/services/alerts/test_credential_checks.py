"""Credentials that end: told while there is time, unless another one takes over."""

from datetime import UTC, datetime, timedelta

import pytest

from subscriptions.models import AppRegistration
from subscriptions.services.access import app_registrations, credentials
from subscriptions.services.alerts.credential_checks import credentials_that_end, credentials_that_took_over

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 6, 7, 8, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def app(db: None) -> AppRegistration:
    """Save an app registration whose secret ends in ten days."""
    return AppRegistration.objects.create(
        name="Fabrikam",
        tenant_id="fabrikam.example",
        client_id="7d6a1c1e-55c1-4b6e-9e53-0c6d1a0f3b11",
        client_secret="kept~secret",
        credential_expires_at=NOW + 10 * DAY,
    )


@pytest.mark.parametrize(("days", "stage"), [(30, 0), (8, 0), (7, 1), (1, 1), (0, 2), (-3, 2)])
def test_it_is_told_a_month_and_a_week_before_and_at_the_end(
    app: AppRegistration, days: int, stage: int
) -> None:
    AppRegistration.objects.update(credential_expires_at=NOW + days * DAY)

    [finding] = credentials_that_end(NOW)

    assert (finding.app_registration, finding.stage) == (app.pk, stage)
    assert ("ended" if days <= 0 else "ends") in finding.title
    assert "kept~secret" not in repr(finding)


@pytest.mark.parametrize(
    "changes",
    [
        {"credential_expires_at": NOW + 31 * DAY},
        {"credential_expires_at": None},
        {"next_credential_type": "client_secret"},
        {"next_credential_type": "certificate", "next_credential_expires_at": NOW + 99 * DAY},
    ],
)
def test_what_does_not_end_or_is_taken_over_is_not_told(
    app: AppRegistration, changes: dict[str, object]
) -> None:
    AppRegistration.objects.update(**changes)

    assert list(credentials_that_end(NOW)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"next_credential_expires_at": NOW + 20 * DAY},
        {"next_credential_refused_at": NOW},
    ],
)
def test_a_next_one_that_ends_too_or_was_refused_takes_nothing_over(
    app: AppRegistration, changes: dict[str, object]
) -> None:
    AppRegistration.objects.update(next_credential_type="client_secret", **changes)

    assert len(list(credentials_that_end(NOW))) == 1


def test_it_is_told_that_the_next_credential_took_over_until_there_is_another(app: AppRegistration) -> None:
    spare = app_registrations.NewCredential(client_secret="spare~secret")
    app_registrations.set_credential(app, spare, as_next=True)
    app.save()
    before = list(credentials_that_took_over())

    credentials.change_places(app, refused_at=NOW)
    [told] = credentials_that_took_over()
    app_registrations.set_credential(app, spare, as_next=True)
    app.save()

    assert (before, list(credentials_that_took_over())) == ([], [])
    assert told.app_registration == app.pk
    assert "2026-05-06 07:08 UTC" in told.title
    assert "secret" not in told.title


def test_who_takes_the_refused_credential_away_hears_no_more_of_it(app: AppRegistration) -> None:
    AppRegistration.objects.update(next_credential_type="client_secret", next_credential_refused_at=NOW)
    app.refresh_from_db()

    credentials.put(app, {}, as_next=True)
    app.save()

    assert list(credentials_that_took_over()) == []
