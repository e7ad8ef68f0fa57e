"""A whole renewal run is written down, watched over, and tells its heartbeat when all went well."""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from subscriptions.models import Alert, AppRegistration, Run, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import renewal_run
from subscriptions.services.access import app_registrations
from subscriptions.services.watching import runs

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def beats(settings: Settings) -> Iterator[list[str]]:
    """Name a heartbeat address in the settings and return what was asked of it."""
    seen: list[str] = []

    @Request.application
    def take(request: Request) -> Response:
        seen.append(f"{request.method} {request.full_path.rstrip('?')}")
        return Response(status=200)

    server = make_server("127.0.0.1", 0, take, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    settings.RENEWAL_HEARTBEAT_URL = f"http://127.0.0.1:{server.server_port}/ping/secret"
    yield seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def due(make_subscription: Callable[..., Subscription]) -> Subscription:
    """Create a subscription that is due and ends in an hour."""
    row = make_subscription()
    Subscription.objects.filter(pk=row.pk).update(renew_at=timezone.now())
    return row


def run() -> None:
    renewal_run.run(clock=timezone.now, actor="test")


@pytest.mark.usefixtures("due")
def test_a_run_is_written_down_with_its_counts(beats: list[str]) -> None:
    run()

    written = Run.objects.get()
    assert (written.command, written.outcome) == ("renew_subscriptions", "succeeded")
    assert written.summary == {"due": 1, "renewed": 1, "recreated": 0, "failed": 0, "skipped": 0}
    assert written.finished_at
    assert beats == ["GET /ping/secret"]


def test_a_run_asks_for_help_with_all_apps_but_the_most_urgent_and_waits_for_none(
    due: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[int]] = []
    monkeypatch.setattr(renewal_run, "_helpers", [asked.append])
    late = AppRegistration.objects.get()
    other = app_registrations.register(
        name="Other",
        cloud=late.cloud,
        tenant_id=late.tenant_id,
        client_id="c2e81d70-94b6-4f3a-8d25-71fa60b93ce4",
        credential=app_registrations.NewCredential(client_secret="never-sent"),
    )
    Subscription.objects.create(
        app_registration=other,
        resource="/users/u1/messages",
        change_type="created",
        status="active",
        graph_id="g1",
        renew_at=timezone.now(),
        expires_at=timezone.now() + timedelta(minutes=1),
    )

    run()
    renewal_run.run(clock=timezone.now, actor="test", limit=1)

    assert asked == [[late.pk]]
    assert Run.objects.order_by("pk")[0].summary["due"] == 2


@pytest.mark.usefixtures("due")
def test_a_run_in_which_something_failed_sends_no_heartbeat_and_raises_an_alert(
    beats: list[str], sandbox: Sandbox
) -> None:
    body = {"error": {"code": "ExtensionError", "message": "Access denied"}}
    sandbox.add_fault(method="PATCH", status=403, body=body)

    run()

    assert Run.objects.get().outcome == "failed"
    assert [alert.kind for alert in Alert.objects.open()] == ["refused"]
    assert beats == []


def test_a_heartbeat_that_nobody_takes_fails_nothing(
    settings: Settings, caplog: pytest.LogCaptureFixture, db: None
) -> None:
    settings.RENEWAL_HEARTBEAT_URL = "https://heartbeat.invalid/ping/secret"

    run()

    assert Run.objects.get().outcome == "succeeded"
    assert "heartbeat not taken host=heartbeat.invalid" in caplog.text
    assert "secret" not in caplog.text


def test_a_run_that_breaks_off_is_written_down_as_such() -> None:
    with pytest.raises(RuntimeError), runs.recorded("renew_subscriptions", clock=lambda: NOW):
        raise RuntimeError

    assert Run.objects.get().outcome == "broken"
    assert runs.last_finished("renew_subscriptions") is None


def test_the_last_run_that_came_to_its_end_is_found() -> None:
    for hours, succeeded in ((1, True), (2, False)):
        at = NOW + timedelta(hours=hours)
        with runs.recorded("renew_subscriptions", clock=lambda at=at: at) as record:  # type: ignore[misc]
            record.conclude(succeeded=succeeded, summary={})

    last = runs.last_finished("renew_subscriptions")

    assert last
    assert (last.finished_at, last.outcome) == (NOW + timedelta(hours=2), "failed")


def test_old_runs_are_forgotten() -> None:
    for days in (0, 31):
        with runs.recorded("renew_subscriptions", clock=lambda: NOW + timedelta(days=days)):  # noqa: B023
            pass

    assert Run.objects.get().started_at == NOW + timedelta(days=31)
