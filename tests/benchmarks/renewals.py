"""Two cron hosts that renew the same subscriptions again and again, and what came of it at Graph."""

import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests.benchmarks.product import ROOT, Product

APPS, EACH = 4, 10
HOSTS = 2
PAUSE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class RenewalReckoning:
    """Figures of all rounds."""

    subscriptions: int
    rounds: int
    renewed: int
    by_workers: int
    doubled: int
    never: int
    at_graph_twice: int
    not_at_graph: int

    @property
    def is_good(self) -> bool:
        """Say whether each was renewed, none more often than it was due, and Graph has each once."""
        return not (self.doubled or self.never or self.at_graph_twice or self.not_at_graph)

    def in_words(self) -> str:
        """Return the figures on a line."""
        return (
            f"renewals: {self.subscriptions} subscriptions due {self.rounds} times, renewed {self.renewed} times, "
            f"{self.by_workers} of these by workers; more often than due {self.doubled}, never {self.never}; "
            f"at Graph twice {self.at_graph_twice}, not at Graph {self.not_at_graph}"
        )


@dataclass(kw_only=True)
class Renewals:
    """Makes all subscriptions due, and has two processes renew them at once, until it is told to end."""

    product: Product
    rounds: int = 0
    _pks: list[int] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def make(self) -> None:
        """Create subscriptions of several app registrations at Graph."""
        from subscriptions.models import AppRegistration, Subscription
        from subscriptions.services import creation
        from subscriptions.services.access import app_registrations

        sandbox = self.product.sandbox
        for number in range(APPS):
            application = sandbox.add_application(
                client_id=str(uuid4()), tenant_ids=[sandbox.tenant_id], client_secret=f"secret-of-{number}"
            )
            app = app_registrations.register(
                name=f"Renewed {number}",
                cloud=AppRegistration.Cloud.CUSTOM,
                tenant_id=sandbox.tenant_id,
                client_id=application.client_id,
                credential=app_registrations.NewCredential(client_secret=application.client_secret),
            )
            for _ in range(EACH):
                wish = Subscription(
                    app_registration=app, resource=f"/users/{uuid4()}/messages", change_type="created"
                )
                made = creation.create(wish, now=datetime.now(UTC), actor="benchmark")
                self._pks.append(made.pk)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        """End after the round that runs, and one more in which all is up."""
        self._end.set()
        if self._thread:
            self._thread.join()
        self._round(is_last=True)

    def _run(self) -> None:
        while not self._end.is_set():
            self._round()
            time.sleep(PAUSE_SECONDS)

    def _round(self, *, is_last: bool = False) -> None:
        from django.db import Error, connection

        from subscriptions.models import Subscription

        try:
            free = Subscription.objects.filter(pk__in=self._pks)
            facts = {"claim": "", "claimed_until": None} if is_last else {}
            # The claims of who was killed end by themselves after minutes; the last round does not wait for them.
            free.update(renew_at=datetime.now(UTC) - timedelta(seconds=1), **facts)
        except Error:
            # The database is down at this moment.
            return
        finally:
            connection.close()
        self.rounds += 1
        command = [sys.executable, "manage.py", "renew_subscriptions", "-v", "0"]
        hosts = [
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(HOSTS)
        ]
        for host in hosts:
            host.wait()

    def reckon(self) -> RenewalReckoning:
        """Compare what was due with what was renewed, and what is here with what Graph has."""
        from subscriptions.models import Operation, Subscription

        renewals = Operation.objects.filter(subscription__in=self._pks, action="renew", succeeded=True)
        times = Counter(renewals.values_list("subscription", flat=True))
        rows = Subscription.objects.filter(pk__in=self._pks)
        at_graph = self.product.sandbox.subscriptions
        resources = Counter(one.resource for one in at_graph.values())
        return RenewalReckoning(
            subscriptions=len(self._pks),
            rounds=self.rounds,
            renewed=sum(times.values()),
            by_workers=renewals.filter(actor="worker").count(),
            doubled=sum(max(times[pk] - self.rounds, 0) for pk in self._pks),
            never=sum(not times[pk] for pk in self._pks),
            at_graph_twice=sum(resources[row.resource] > 1 for row in rows),
            not_at_graph=sum(row.graph_id not in at_graph for row in rows),
        )
