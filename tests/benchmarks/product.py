"""The real product as processes, for runs that break it: web server, workers, a database, and subscriptions."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any
from uuid import uuid4

from subscriptions.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent.parent
WEBHOOK = "/webhooks/graph/notifications"
CERTIFICATE = "benchmark"
OUTSIDE_VARIABLES = (
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "DATABASE_URL_FILE",
)


@dataclass(kw_only=True)
class Product:
    """One installation; its processes form groups of their own, so that a kill takes all of a group."""

    directory: Path
    sandbox: Sandbox
    port: int
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start_web(self, *, workers: int = 1) -> subprocess.Popen[bytes]:
        """Start the web server and wait until it answers."""
        process = self._start(
            "web",
            *("-m", "gunicorn", "config.wsgi", "--config", "config/deploy/gunicorn.conf.py"),
            *("--workers", str(workers), "--bind", f"127.0.0.1:{self.port}"),
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.status("GET", "/healthz", b"") != 200:
            time.sleep(0.05)
        return process

    def start_worker(self, name: str) -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self._start(name, "manage.py", "process_notifications", "--loop", "-v", "0")

    def start_celery(self, name: str) -> subprocess.Popen[bytes]:
        """Start a worker that the broker wakes."""
        alone = ("--without-gossip", "--without-mingle", "--concurrency", "1", "-n", f"{name}@%h")
        return self._start(name, "-m", "celery", "-A", "config", "worker", *alone)

    def kill(self, name: str) -> None:
        """Kill a process and its children as a power cut would."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def pids(self, name: str) -> list[int]:
        """Return the process and its children."""
        pid = self._processes[name].pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return [pid, *map(int, children)]

    def stop(self) -> None:
        """Kill what still runs."""
        for name in list(self._processes):
            self.kill(name)

    def status(self, method: str, path: str, body: bytes, **headers: str) -> int:
        """Return the status of one request; 0 when there was no answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            return 0
        else:
            return answer.status
        finally:
            connection.close()

    def post(self, body: bytes, **headers: str) -> int:
        """Post to the webhook and return the status; 0 when there was no answer."""
        return self.status("POST", WEBHOOK, body, **headers)

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with self._log(name) as log:
            process = subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        self._processes[name] = process
        return process

    def _log(self, name: str) -> IO[bytes]:
        return (self.directory / f"{name}.log").open("ab")


@contextmanager
def installed(*, database_url: str = "", **variables: str) -> Iterator[Product]:
    """Set up an installation of its own with a migrated, empty database, and throw all of it away at the end.

    From here on this process is set up for that installation too: it may be called once.
    """
    # A run that is stopped from outside must not leave its processes behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = Path(mkdtemp(prefix="gsm-benchmark-"))
    with Sandbox(directory=directory / "sandbox") as sandbox, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        for name in OUTSIDE_VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(
            DJANGO_SETTINGS_MODULE="config.settings",
            VAR_DIR=str(directory),
            DATABASE_URL=database_url or f"sqlite:///{directory / 'db.sqlite3'}",
            CUSTOM_GRAPH_URL=sandbox.graph_url,
            CUSTOM_LOGIN_URL=sandbox.login_url,
            CUSTOM_CA_BUNDLE=str(sandbox.ca_bundle),
            PUBLIC_BASE_URL=f"http://127.0.0.1:{port}",
            EMBEDDED_WORKER="off",
            LOG_LEVEL="WARNING",
            **variables,
        )
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        product = Product(directory=directory, sandbox=sandbox, port=port)
        try:
            yield product
        finally:
            product.stop()
            from django.db import connections

            connections.close_all()
            shutil.rmtree(directory)


@dataclass(frozen=True, kw_only=True)
class Speller:
    """Spells items of subscriptions that are known here; each item has an id of its own."""

    sandbox: Sandbox
    names: dict[str, dict[str, Any]]
    certificate: str
    token: str

    def item(self, kind: str) -> dict[str, Any]:
        """Return an item of a kind: `basic`, `rich` or `lifecycle`."""
        key = str(uuid4())
        item = {"id": key, "tenantId": self.sandbox.tenant_id, **self.names[kind]}
        if kind == "lifecycle":
            return {**item, "lifecycleEvent": "missed"}
        item |= {
            "changeType": "updated",
            "resource": f"Users/u/Messages/{key}",
            "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": key},
        }
        if kind == "rich":
            item["encryptedContent"] = self.sandbox.encrypt({"id": key}, self.certificate, CERTIFICATE)
        return item

    def body(self, *items: dict[str, Any]) -> dict[str, Any]:
        """Return the body of a delivery."""
        return {"value": list(items), "validationTokens": [self.token]}


def speller(sandbox: Sandbox) -> Speller:
    """Save an app registration, a certificate and a subscription of each kind, and return who spells items of them."""
    from subscriptions.keys import certificates as keys
    from subscriptions.models import AppRegistration, Subscription
    from subscriptions.services import certificates
    from subscriptions.services.access import app_registrations

    now = datetime.now(UTC)
    app_registration = app_registrations.register(
        name="Contoso",
        cloud=AppRegistration.Cloud.CUSTOM,
        tenant_id=sandbox.tenant_id,
        client_id=sandbox.application.client_id,
        credential=app_registrations.NewCredential(client_secret=sandbox.application.client_secret),
    )
    certificate = certificates.generate(CERTIFICATE, key_size=2048, now=now)
    names = {}
    for kind in ("basic", "rich", "lifecycle"):
        client_state = f"state-{uuid4()}"
        row = Subscription.objects.create(
            app_registration=app_registration,
            resource=f"/users/{kind}/messages",
            change_type="updated",
            status=Subscription.Status.ACTIVE,
            graph_id=str(uuid4()),
            expires_at=now + timedelta(days=1),
            client_state=client_state,
            include_resource_data=kind == "rich",
            encryption_certificate=certificate if kind == "rich" else None,
        )
        names[kind] = {"subscriptionId": row.graph_id, "clientState": client_state}
    return Speller(
        sandbox=sandbox,
        names=names,
        certificate=keys.public_base64(certificate.certificate),
        token=sandbox.validation_token(),
    )
