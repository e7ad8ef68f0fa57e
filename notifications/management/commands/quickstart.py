"""The first minute: a running admin full of living data, with a local stand-in for Microsoft's cloud."""

import json
import secrets
import signal
import socket
import time
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from notifications.management.processes import Processes, ProcessFailedError
from notifications.models import ChangeNotification

APP_NAME = "Sandbox"
CERTIFICATE_NAME = "quickstart"
SECRET_VARIABLE = "QUICKSTART_CLIENT_SECRET"  # noqa: S105 -- the name of a variable
WAIT_SECONDS = 40.0
CHECK_ACTIVITY_SECONDS = "1"
LIVING_ACTIVITY_SECONDS = "5"
RENEW_EVERY_SECONDS = 60.0
ALL_WITHIN = "525600"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that the newcomer was promised, and whether it happened."""

    name: str
    happened: bool
    detail: str


@dataclass(kw_only=True)
class Story:
    """What happened, told as it happens."""

    tell: Callable[[str], None]
    steps: list[Step] = field(default_factory=list)

    def add(self, name: str, detail: str, *, happened: bool = True) -> None:
        """Note a step and tell it."""
        self.steps.append(Step(name=name, happened=happened, detail=detail))
        self.tell(f"{'✓' if happened else '✗'} {name}: {detail}")

    @property
    def is_happy(self) -> bool:
        """Say whether everything happened."""
        return all(step.happened for step in self.steps)


class Command(BaseCommand):
    help = (
        "Set up everything and show it working: database, first administrator, a local stand-in for Microsoft "
        "Graph, an encryption certificate, a basic and a rich subscription, notifications that keep coming, "
        "and the admin."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Run the whole main job once, report and exit."
        )
        parser.add_argument(
            "--no-sandbox", action="store_true", help="Set up for a real tenant: nothing stands in for Graph."
        )
        parser.add_argument("--port", type=int, default=8000, help="Port of the admin on 127.0.0.1.")
        parser.add_argument("--json", action="store_true", help="With --check: print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Exit 1 when a step did not happen, 2 when the port is taken."""
        if options["json"] and not options["check"]:
            raise CommandError("--json goes with --check.", returncode=2)
        quiet = options["json"] or not options["verbosity"]
        story = Story(tell=lambda line: None if quiet else self._say(line))
        port = _free_port() if options["check"] else options["port"]
        _require_free(port)
        started_at = timezone.now()
        # A closed terminal and a supervisor end everything too, or the web server would stay and keep the port.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        try:
            with ExitStack() as stack:
                processes = stack.enter_context(Processes(directory=Path(settings.VAR_DIR) / "quickstart"))
                password = _prepare(story)
                if options["no_sandbox"]:
                    self._serve_real_tenant(processes, story, port=port, password=password)
                    return
                _main_job(processes, story, port=port, started_at=started_at, is_check=options["check"])
                if not options["check"]:
                    self._live(processes, story, port=port, password=password)
        except ProcessFailedError as error:
            story.add("stopped", str(error), happened=False)
        except KeyboardInterrupt:
            story.tell("Stopped.")
            if options["check"]:
                raise SystemExit(1) from None
            return
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {"ok": story.is_happy, "steps": [asdict(step) for step in story.steps], "errors": []}
                )
            )
        if not story.is_happy:
            raise SystemExit(1)
        story.tell("Everything happened.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _serve_real_tenant(self, processes: Processes, story: Story, *, port: int, password: str) -> None:
        processes.environment.update(_web_environment(port))
        _start_web(processes, port=port)
        story.tell(_where_to_click(port, password))
        story.tell(
            "Next, for a real tenant: set PUBLIC_BASE_URL to an https address that reaches this machine, then register "
            "your Entra app in the admin. README.md says how. Ctrl-C stops."
        )
        processes.wait()

    def _live(self, processes: Processes, story: Story, *, port: int, password: str) -> None:
        story.tell("")
        story.tell(_where_to_click(port, password))
        story.tell("Notifications keep coming every few seconds. Ctrl-C stops everything.")
        seen_at = timezone.now()
        while True:
            processes.wait(RENEW_EVERY_SECONDS)
            summary = processes.manage("renew_subscriptions", "--json")
            now = timezone.now()
            count = ChangeNotification.objects.filter(received_at__gte=seen_at, received_at__lt=now).count()
            story.tell(
                f"{now:%H:%M:%S} UTC  {count} notifications in the last minute; renewal: {summary['due']} due, "
                f"{summary['renewed']} renewed"
            )
            seen_at = now


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _prepare(story: Story) -> str:
    """Make the database and the first administrator; return the password if one was made now."""
    call_command("migrate", verbosity=0, interactive=False)
    story.add("database", f"{settings.DATABASES['default']['ENGINE'].rpartition('.')[2]} is ready")
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        story.add("administrator", "there is one already")
        return ""
    password = secrets.token_urlsafe(12)
    users.create_superuser("admin", password=password)
    story.add("administrator", f"user admin, password {password} (kept nowhere in clear)")
    return password


def _main_job(processes: Processes, story: Story, *, port: int, started_at: datetime, is_check: bool) -> None:
    cloud = processes.start_and_read(
        *("sandbox", "--port", "0", "--directory", str(Path(settings.VAR_DIR) / "sandbox")),
        *("--activity", CHECK_ACTIVITY_SECONDS if is_check else LIVING_ACTIVITY_SECONDS, "--json"),
    )
    story.add("local Graph", f"stands in for Microsoft's cloud at {cloud['graph_url']}, over HTTPS")
    processes.environment.update(
        _web_environment(port),
        CUSTOM_GRAPH_URL=cloud["graph_url"],
        CUSTOM_LOGIN_URL=cloud["login_url"],
        CUSTOM_CA_BUNDLE=cloud["ca_bundle"],
        **{SECRET_VARIABLE: cloud["client_secret"]},
    )
    _start_web(processes, port=port)
    story.add("admin and webhook", f"gunicorn answers on http://127.0.0.1:{port}")
    app = processes.manage(
        *("add_app_registration", "--name", APP_NAME, "--cloud", "custom", "--tenant-id", cloud["tenant_id"]),
        *("--client-id", cloud["client_id"], "--client-secret-env", SECRET_VARIABLE, "--test", "--json"),
    )
    story.add("app registration", app["message"], happened=app["status"] == "connected")
    certificate = processes.manage("add_certificate", "--name", CERTIFICATE_NAME, "--json")
    story.add(
        "encryption certificate",
        f"{certificate['name']}, RSA {certificate['key_size']}, thumbprint {certificate['thumbprint']}",
    )
    # What an earlier quickstart left belongs to a stand-in that is gone: the renewal run creates it again.
    processes.manage("renew_subscriptions", "--within", ALL_WITHIN, "--json", check=False)
    basic = processes.manage(
        *("create_subscription", "--app", APP_NAME, "--resource", f"/users/{cloud['user_id']}/messages"),
        *("--change-type", "created,updated", "--json"),
    )
    story.add("basic subscription", _about(basic), happened=basic["status"] == "active")
    rich = processes.manage(
        *("create_subscription", "--app", APP_NAME, "--resource", "/teams/getAllMessages"),
        *("--change-type", "created,updated", "--rich", "--certificate", CERTIFICATE_NAME, "--json"),
    )
    story.add("rich subscription", _about(rich), happened=rich["status"] == "active")
    _watch(story, basic=basic["id"], rich=rich["id"], started_at=started_at)
    _renew(processes, story)


def _watch(story: Story, *, basic: int, rich: int, started_at: datetime) -> None:
    """Wait until each kind of notification has arrived and been dealt with."""
    accepted = ChangeNotification.objects.filter(
        state=ChangeNotification.State.ACCEPTED, received_at__gte=started_at
    )
    found = _wait_for(accepted.filter(subscription=basic, lifecycle_event="").first)
    story.add(
        "basic notification",
        f"{found.change_type} {found.resource_type}, proven by {' and '.join(found.proof)}"
        if found
        else "none came",
        happened=found is not None,
    )
    found = _wait_for(accepted.filter(subscription=rich, content__isnull=False).first)
    story.add(
        "rich notification",
        f"{found.change_type} {found.resource_type}, proven by {' and '.join(found.proof)}, decrypted"
        if found
        else "none came",
        happened=found is not None,
    )
    notice = _wait_for(accepted.exclude(lifecycle_event="").filter(handled_at__isnull=False).first)
    story.add(
        "lifecycle notice",
        f"{notice.lifecycle_event}. {notice.handling}" if notice else "none came",
        happened=notice is not None,
    )


def _renew(processes: Processes, story: Story) -> None:
    before = {row["id"]: row["expires_at"] for row in _living(processes)}
    summary = processes.manage("renew_subscriptions", "--within", ALL_WITHIN, "--json", check=False)
    after = {row["id"]: row["expires_at"] for row in _living(processes)}
    moved = sum(1 for key, expires_at in before.items() if after.get(key, "") > expires_at)
    story.add(
        "renewal",
        f"{summary['renewed']} of {summary['due']} renewed, {moved} expiries moved",
        happened=bool(moved) and not summary["failed"],
    )


def _living(processes: Processes) -> list[dict[str, Any]]:
    answer = processes.manage("renew_subscriptions", "--within", ALL_WITHIN, "--dry-run", "--json")
    return list(answer["subscriptions"])


def _wait_for(look: Callable[[], ChangeNotification | None]) -> ChangeNotification | None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    return None


def _about(subscription: dict[str, Any]) -> str:
    if subscription["status"] != "active":
        return "; ".join(subscription.get("errors", [])) or str(subscription["status"])
    return f"{subscription['resource']} until {subscription['expires_at']}"


def _start_web(processes: Processes, *, port: int) -> None:
    processes.start(
        *("-m", "gunicorn", "config.wsgi", "-k", "gthread", "--threads", "8", "--bind", f"127.0.0.1:{port}"),
        "--no-control-socket",
        name="web",
    )
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        processes.require_alive()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise ProcessFailedError(f"The admin did not come up on port {port}.")


def _web_environment(port: int) -> dict[str, str]:
    if settings.PUBLIC_BASE_URL.startswith("https://"):
        return {}
    return {"PUBLIC_BASE_URL": f"http://127.0.0.1:{port}"}


def _where_to_click(port: int, password: str) -> str:
    sign_in = f"user admin, password {password}" if password else "with your administrator account"
    return f"Open http://127.0.0.1:{port}/admin/ ({sign_in})."


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(
                f"Port {port} on 127.0.0.1 is taken: stop what uses it, or choose another with --port.",
                returncode=2,
            ) from error
