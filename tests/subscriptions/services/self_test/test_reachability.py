"""Whether Graph can reach the webhook, and what is said where it cannot."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import override_settings
from pytest_django.fixtures import Settings

from subscriptions.models import AppRegistration
from subscriptions.sandbox import Sandbox
from subscriptions.services.findings import Finding, Status
from subscriptions.services.self_test import Caller, reachability

pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[..., list[Finding]]


def test_both_paths_of_the_webhook_pass_the_handshake(look: Look, webhook: str) -> None:
    findings = look("handshake")

    assert [(finding.subject, finding.status) for finding in findings] == [
        (f"{webhook}/webhooks/graph/notifications", Status.OK),
        (f"{webhook}/webhooks/graph/lifecycle", Status.OK),
    ]


def test_a_host_that_is_not_allowed_is_told(look: Look, webhook: str) -> None:
    assert webhook
    with override_settings(ALLOWED_HOSTS=["hooks.example.org"]):
        findings = look("handshake")

    assert "ALLOWED_HOSTS" in findings[0].advice


def test_loopback_is_an_error_where_a_real_cloud_is_used(
    look: Look, app_registration: AppRegistration
) -> None:
    app_registration.cloud = AppRegistration.Cloud.GLOBAL
    app_registration.save()

    # The limit keeps Microsoft out of the test.
    (finding,) = look("public address", time_limit=timedelta(0))

    assert finding.status == Status.ERROR
    assert "Graph cannot reach it" in finding.message


def test_loopback_is_only_a_warning_for_the_custom_cloud(
    look: Look, app_registration: AppRegistration
) -> None:
    assert app_registration.cloud == AppRegistration.Cloud.CUSTOM

    (finding,) = look("public address")

    assert finding.status == Status.WARNING


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://localhost:1", Status.ERROR),
        ("http://[::1]:1", Status.ERROR),
        ("https://127.0.0.1:1", Status.ERROR),
        ("https://hooks.invalid", Status.OK),
    ],
)
def test_what_is_on_this_machine_only_is_known(settings: Settings, url: str, status: Status) -> None:
    settings.PUBLIC_BASE_URL = url

    finding = next(reachability.check(Caller.WORKER, is_trial=False))

    assert finding.status == status


def test_an_answer_while_a_worker_is_busy_proves_a_second_one(look: Look) -> None:
    (finding,) = look("worker threads", caller=Caller.WORKER)

    assert finding.status == Status.OK
    assert "while a worker was busy" in finding.message


def test_from_outside_a_second_request_is_tried(look: Look) -> None:
    (finding,) = look("worker threads", caller=Caller.OUTSIDE)

    assert finding.status == Status.OK
    assert "while a first was kept open" in finding.message


def test_the_only_worker_does_not_wait_for_itself(look: Look) -> None:
    (finding,) = look("worker threads", caller=Caller.ONLY_WORKER)

    assert finding.status == Status.ERROR
    assert "gthread" in finding.advice
    assert look("handshake", caller=Caller.ONLY_WORKER) == []


def test_a_server_that_is_down_says_nothing_about_its_threads(look: Look, settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:9"

    assert look("worker threads") == []


def test_the_ca_bundle_of_the_custom_cloud_is_no_public_authority(
    sandbox: Sandbox, custom_cloud: Sandbox, settings: Settings
) -> None:
    settings.PUBLIC_BASE_URL = sandbox.graph_url
    assert custom_cloud.ca_bundle

    trial, real = (
        [finding.message for finding in reachability.check(Caller.WORKER, is_trial=is_trial)]
        for is_trial in (True, False)
    )

    assert "authority that is trusted" not in trial[1]
    assert "authority that is trusted" in real[1]
