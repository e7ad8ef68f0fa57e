"""What is said about clocks and signing keys."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from subscriptions.models import AppRegistration
from subscriptions.sandbox import Sandbox
from subscriptions.services.findings import Finding, Status
from subscriptions.services.self_test import clouds

Look = Callable[..., list[Finding]]


@pytest.mark.parametrize(
    ("seconds", "status"),
    [
        (0, Status.OK),
        (60, Status.OK),
        (61, Status.WARNING),
        (-61, Status.WARNING),
        (300, Status.WARNING),
        (301, Status.ERROR),
        (-301, Status.ERROR),
    ],
)
def test_a_clock_is_judged_by_how_far_it_is_off(seconds: int, status: Status) -> None:
    assert clouds.judged("global", timedelta(seconds=seconds)).status == status


@pytest.mark.parametrize(("seconds", "words"), [(90, "90 seconds behind"), (-90, "90 seconds ahead of")])
def test_the_direction_is_told(seconds: int, words: str) -> None:
    assert words in clouds.judged("global", timedelta(seconds=seconds)).message


def test_what_cannot_be_measured_is_not_told() -> None:
    assert "agrees" in clouds.judged("global", timedelta(seconds=-1.9)).message


def test_an_unknown_time_is_warned_of() -> None:
    assert clouds.judged("global", None).status == Status.WARNING


@pytest.mark.django_db(transaction=True)
def test_a_clock_that_is_right_is_good(look: Look, app_registration: AppRegistration) -> None:
    assert app_registration.pk

    (finding,) = look("clock")

    assert finding.status == Status.OK


@pytest.mark.django_db(transaction=True)
def test_a_sign_in_service_that_cannot_be_reached_is_told_once(
    look: Look, sandbox: Sandbox, app_registration: AppRegistration
) -> None:
    assert app_registration.pk
    sandbox.close()

    (finding,) = look("clock")

    assert finding.status == Status.ERROR
    assert "refused" in finding.message
    assert look("credentials") == []


@pytest.mark.django_db(transaction=True)
def test_the_key_that_signed_our_token_is_found(look: Look, app_registration: AppRegistration) -> None:
    assert app_registration.pk

    (finding,) = look("signing keys")

    assert finding.status == Status.OK


@pytest.mark.django_db(transaction=True)
def test_keys_that_cannot_be_fetched_are_told(
    look: Look, sandbox: Sandbox, app_registration: AppRegistration
) -> None:
    assert app_registration.pk
    sandbox.add_fault(path="keys", status=500, times=None)

    (finding,) = look("signing keys")

    assert finding.status == Status.ERROR
    assert "could not be fetched" in finding.advice


@pytest.mark.django_db(transaction=True)
def test_keys_without_the_one_needed_are_told(
    look: Look, sandbox: Sandbox, app_registration: AppRegistration
) -> None:
    assert app_registration.pk
    sandbox.add_fault(path="keys", status=200, body={"keys": []}, times=None)

    (finding,) = look("signing keys")

    assert finding.status == Status.ERROR
    assert "lack the one" in finding.message


@pytest.mark.django_db(transaction=True)
def test_keys_that_no_token_of_ours_tried_are_warned_of(
    look: Look, app_registration: AppRegistration
) -> None:
    app_registration.client_secret = "wrong"
    app_registration.save()

    (finding,) = look("signing keys")

    assert finding.status == Status.WARNING
