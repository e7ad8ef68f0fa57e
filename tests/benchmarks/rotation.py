"""Rotation under load: content under the old and the new certificate arrives mixed, and every item is opened.

    python -m tests.benchmarks.rotation [--database-url postgres://...] [--subscriptions 60] [--seconds 30]

The stand-in seals what happens for each subscription by the certificate that it has at that moment, while renewals
move them one part after the other. It takes the new certificate by PATCH, refuses it and passes over it in turn. The
web server is killed in between, so that some bodies come late, and bodies of before the rotation come after its end.
The database that is named must be empty. Exit 1 when an item that was acknowledged is not opened, or anything is left
of the old certificate.
"""

import json
import logging
import random
import sys
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from subscriptions.sandbox import Sandbox
from tests.benchmarks.product import Product, installed
from tests.benchmarks.reckoning import wait_until_drained

WORKERS = ("worker-1", "worker-2")
OLD, NEW = "benchmark-old", "benchmark-new"
MOST_AT_ONCE = 8
PAUSE_SECONDS = 0.02
LONGEST_DRAIN_SECONDS = 400.0

Item = dict[str, Any]


def main() -> int:
    """Run and print the figures."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "--database-url", default="", help="An empty database; SQLite of its own if not given."
    )
    parser.add_argument("--subscriptions", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=30, help="How long the rotation takes.")
    options = parser.parse_args()
    # Each gap of a subscription that is created anew is worth a line in a log, and none here.
    logging.disable(logging.WARNING)
    with installed(database_url=options.database_url) as product:
        product.start_web()
        for name in WORKERS:
            product.start_worker(name)
        subscribe(product.sandbox, number=options.subscriptions)
        load = Load(sandbox=product.sandbox)
        load.start()
        moved = rotate(product, seconds=options.seconds)
        load.end()
        product.sandbox.flush(60)
        acknowledged = load.acknowledged() | late(product)
        seconds = wait_until_drained(seconds=LONGEST_DRAIN_SECONDS)
        figures = reckon(acknowledged, load.made, moved)
        print(f"drained {seconds:.0f} s after the end")
        print(figures.in_words())
        print(load.in_words())
    return 0 if figures.is_good else 1


@dataclass(kw_only=True)
class Load:
    """Lets things happen to several watched places at once, over and over."""

    sandbox: Sandbox
    made: set[str] = field(default_factory=set)
    _end: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin."""
        self._threads = [threading.Thread(target=self._run, args=(seed,)) for seed in range(2)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let nothing happen any more."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def acknowledged(self) -> set[str]:
        """Return what was told and answered by 2xx; each change is new, so that its id names it."""
        return {item["resourceData"]["id"] for body in self._bodies() for item in body}

    def in_words(self) -> str:
        """Return how the certificates were mixed."""
        used = [
            {item["encryptedContent"]["encryptionCertificateId"] for item in body} for body in self._bodies()
        ]
        attempts = Counter(delivery.attempt > 1 for delivery in self.sandbox.deliveries)
        mixed = sum(len(names) > 1 for names in used)
        return f"bodies: {len(used)}, {mixed} with both certificates in them; repeated deliveries {attempts[True]}"

    def _bodies(self) -> Iterator[list[Item]]:
        for delivery in self.sandbox.deliveries:
            if delivery.is_accepted:
                # Lifecycle notices and the like are no content.
                yield [
                    item
                    for item in json.loads(json.dumps(delivery.body["value"]))
                    if "encryptedContent" in item
                ]

    def _run(self, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 -- a load, not a secret
        while not self._end.is_set():
            alive = list(self.sandbox.subscriptions.values())
            chosen = chance.sample(alive, min(len(alive), chance.randint(1, MOST_AT_ONCE)))
            changes = self.sandbox.make_changes(
                [(one.resource, "created", {"id": f"m{uuid4().hex}"}) for one in chosen]
            )
            self.made |= {change.item.id for change in changes}
            time.sleep(PAUSE_SECONDS)


def subscribe(sandbox: Sandbox, *, number: int) -> None:
    """Register the app, make the old certificate, and create subscriptions with content."""
    from subscriptions.models import AppRegistration, Subscription
    from subscriptions.services import certificates, creation
    from subscriptions.services.access import app_registrations

    now = datetime.now(UTC)
    app_registration = app_registrations.register(
        name="Contoso",
        cloud=AppRegistration.Cloud.CUSTOM,
        tenant_id=sandbox.tenant_id,
        client_id=sandbox.application.client_id,
        credential=app_registrations.NewCredential(client_secret=sandbox.application.client_secret),
    )
    certificate = certificates.generate(OLD, key_size=2048, now=now)
    for place in range(number):
        wish = Subscription(
            app_registration=app_registration,
            resource=f"/teams/t{place}/channels/c/messages",
            change_type="created",
            include_resource_data=True,
            encryption_certificate=certificate,
        )
        creation.create(wish, now=now, actor="benchmark")


def rotate(product: Product, *, seconds: float) -> Counter[str]:
    """Rotate while things happen: move one part after the other, and return how each came to its new certificate."""
    from subscriptions.models import EncryptionCertificate, Subscription
    from subscriptions.services import certificate_rotation, renewal

    old = EncryptionCertificate.objects.get(encryption_certificate_id=OLD)
    certificate_rotation.replace_by_new(old, name=NEW, now=datetime.now(UTC))
    left = list(Subscription.objects.values_list("pk", flat=True))
    random.Random(7).shuffle(left)  # noqa: S311 -- an order, not a secret
    size = max(len(left) // 9, 1)
    parts = [left[start : start + size] for start in range(0, len(left), size)]
    moved: Counter[str] = Counter()
    for number, part in enumerate(parts):
        product.sandbox.refuse_certificate_patch = number % 3 == 1
        product.sandbox.ignore_certificate_patch = number % 3 == 2
        Subscription.objects.filter(pk__in=part).update(renew_at=datetime.now(UTC))
        summary = renewal.renew_due(clock=lambda: datetime.now(UTC), actor="benchmark")
        moved.update(renewed=summary.renewed, recreated=summary.recreated, failed=summary.failed)
        if number == len(parts) // 2:
            product.kill("web")
            time.sleep(1)
            product.start_web()
        time.sleep(seconds / len(parts))
    return moved


def late(product: Product) -> set[str]:
    """Post what Graph could not deliver before the rotation, under former ids too, and return what is in it."""
    from subscriptions.keys import certificates as keys
    from subscriptions.models import EncryptionCertificate, FormerIdentity, Subscription

    old = EncryptionCertificate.objects.get(encryption_certificate_id=OLD)
    der = keys.public_base64(old.certificate)
    known = [*Subscription.objects.all(), *FormerIdentity.objects.all()]
    items = [
        {
            "subscriptionId": one.graph_id,
            "clientState": one.client_state.reveal(),
            "changeType": "created",
            "resource": "teams/late",
            "tenantId": product.sandbox.tenant_id,
            "resourceData": {"id": f"late-{one.graph_id}"},
            "encryptedContent": product.sandbox.encrypt({"id": f"late-{one.graph_id}"}, der, OLD),
        }
        for one in known
    ]
    body = {"value": items, "validationTokens": [product.sandbox.validation_token()]}
    if product.post(json.dumps(body).encode()) != 202:
        raise RuntimeError("the late body was not taken")
    return {f"late-{one.graph_id}" for one in known}


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What came of it."""

    acknowledged: int
    opened: Counter[str]
    unopened: int
    unknown: int
    not_accepted: int
    moved: Counter[str]
    left_behind: int

    @property
    def is_good(self) -> bool:
        """Say whether all was opened and all has moved."""
        bad = self.unopened or self.not_accepted or self.left_behind or self.moved["failed"]
        return bool(self.opened[OLD] and self.opened[NEW]) and not bad

    def in_words(self) -> str:
        """Return the figures."""
        return (
            f"items: acknowledged {self.acknowledged}, opened with the old key {self.opened[OLD]}, with the new key "
            f"{self.opened[NEW]}, known from a delta query before {self.opened['']}, unopened {self.unopened}, "
            f"not accepted {self.not_accepted}; what happened while a subscription was created anew and is not known "
            f"yet: {self.unknown}\n"
            f"subscriptions: moved by PATCH {self.moved['renewed']}, created anew {self.moved['recreated']}, "
            f"failed {self.moved['failed']}, still with the old certificate {self.left_behind}"
        )


def reckon(acknowledged: set[str], made: set[str], moved: Counter[str]) -> Figures:
    """Compare what was acknowledged with what was opened."""
    from notifications.models import ChangeNotification, NotificationContent
    from subscriptions.models import EncryptionCertificate, Subscription

    opened = dict(NotificationContent.objects.values_list("data__id", "encryption_certificate_id"))
    old = EncryptionCertificate.objects.get(encryption_certificate_id=OLD)
    return Figures(
        acknowledged=len(acknowledged),
        opened=Counter(opened.values()),
        unopened=len(acknowledged - opened.keys()),
        unknown=len(made - opened.keys()),
        not_accepted=ChangeNotification.objects.exclude(state="accepted").count(),
        moved=moved,
        left_behind=Subscription.objects.encrypted_for(old, datetime.now(UTC)).count(),
    )


if __name__ == "__main__":
    sys.exit(main())
