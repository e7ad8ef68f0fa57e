"""Fill the inbox with rich notifications that are really encrypted, and go on as the cloud that proves them."""

import json
import os
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django

from subscriptions.sandbox import Sandbox

CHUNK = 200
CONTENT = {
    "@odata.context": "https://graph.microsoft.com/$metadata#chats('19%3Ameeting')/messages/$entity",
    "messageType": "message",
    "importance": "normal",
    "locale": "en-us",
    "from": {"user": {"id": "9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3", "displayName": "Invented Person"}},
    "body": {"contentType": "html", "content": "<p>" + "A message of ordinary length. " * 12 + "</p>"},
}


def main(deliveries: int, items: int, directory: Path) -> None:
    """Write `deliveries` of `items` notifications each, say so in the file named filled, and wait for SIGTERM."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with Sandbox(directory=directory / "sandbox") as sandbox:
        cloud = {
            "CUSTOM_GRAPH_URL": sandbox.graph_url,
            "CUSTOM_LOGIN_URL": sandbox.login_url,
            "CUSTOM_CA_BUNDLE": str(sandbox.ca_bundle),
        }
        os.environ.update(cloud)
        django.setup()
        _fill(sandbox, deliveries, items)
        (directory / "filled.new").write_text(json.dumps(cloud))
        (directory / "filled.new").rename(directory / "filled")
        stopped.wait()


def _fill(sandbox: Sandbox, deliveries: int, items: int) -> None:
    from notifications.models import Delivery

    spell = _speller(sandbox)
    token, now = sandbox.validation_token(), datetime.now(UTC)
    for start in range(0, deliveries, CHUNK):
        rows = []
        for number in range(start, min(start + CHUNK, deliveries)):
            value = [spell(f"{number}-{index}") for index in range(items)]
            body = json.dumps({"value": value, "validationTokens": [token]}).encode()
            rows.append(
                Delivery(
                    received_at=now, endpoint="notifications", body=body, size=len(body), next_attempt_at=now
                )
            )
        Delivery.objects.bulk_create(rows)


def _speller(sandbox: Sandbox) -> Any:
    from subscriptions.keys import certificates as keys
    from subscriptions.models import AppRegistration, Subscription
    from subscriptions.services import certificates
    from subscriptions.services.access import app_registrations

    app = app_registrations.register(
        name="Benchmark",
        cloud=AppRegistration.Cloud.CUSTOM,
        tenant_id=sandbox.tenant_id,
        client_id=sandbox.application.client_id,
        credential=app_registrations.NewCredential(client_secret=sandbox.application.client_secret),
    )
    certificate = certificates.generate("benchmark", key_size=2048, now=datetime.now(UTC))
    graph_id = "5a1c7e90-3b64-4f0e-9d27-1f8c0b6e2a11"
    subscription = Subscription(
        app_registration=app,
        resource="/chats/getAllMessages",
        change_type="created",
        status=Subscription.Status.ACTIVE,
        include_resource_data=True,
        encryption_certificate=certificate,
        graph_id=graph_id,
        expires_at=datetime.now(UTC) + timedelta(days=1),
        client_state="1.a-secret-of-the-benchmark",
    )
    subscription.save(force_insert=True)
    der = keys.public_base64(certificate.certificate)

    def spell(name: str) -> dict[str, Any]:
        return {
            "subscriptionId": graph_id,
            "subscriptionExpirationDateTime": "2027-02-03T04:05:06.1234567Z",
            "clientState": "1.a-secret-of-the-benchmark",
            "changeType": "created",
            "resource": f"chats('19:meeting')/messages('{name}')",
            "tenantId": sandbox.tenant_id,
            "resourceData": {"@odata.type": "#Microsoft.Graph.chatMessage", "id": name},
            "encryptedContent": sandbox.encrypt({"id": name, **CONTENT}, der, "benchmark"),
        }

    return spell


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
