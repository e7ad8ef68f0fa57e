"""A webhook to call and a client to call with."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from subscriptions.sandbox import Application, Sandbox


@dataclass(kw_only=True)
class Receiver:
    """A webhook that answers as it is told and keeps what came."""

    url: str = ""
    echo: Callable[[str], str] = str
    handshake_status: int = 200
    handshake_type: str = "text/plain"
    delay: float = 0
    statuses: list[int] = field(default_factory=list)  # for notifications, in turn; 202 when used up
    handshakes: list[dict[str, str]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def items(self) -> list[dict[str, Any]]:
        """All notification items so far."""
        return [item for body in self.bodies for item in body["value"]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Run a webhook on loopback."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            query = parse_qs(urlsplit(self.path).query)
            time.sleep(kept.delay)
            if "validationToken" in query:
                kept.handshakes.append({name: values[0] for name, values in query.items()})
                self._answer(kept.handshake_status, kept.echo(query["validationToken"][0]))
            else:
                kept.bodies.append(json.loads(content))
                self._answer(kept.statuses.pop(0) if kept.statuses else 202, "")

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kept.handshake_type)
            self.send_header("Content-Length", str(len(body)))
            if status // 100 == 3:
                self.send_header("Location", f"{self.path}&again=1")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}/hook?key=7"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


@dataclass(kw_only=True)
class Client:
    """Calls the sandbox as one application or user."""

    sandbox: Sandbox
    session: requests.Session
    token: str = ""
    version: str = "v1.0"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call Graph; a path that is a whole URL is taken as it is."""
        url = path if path.startswith("https:") else f"{self.sandbox.graph_url}/{self.version}{path}"
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        verify = str(self.sandbox.ca_bundle)
        return self.session.request(method, url, headers=headers, verify=verify, timeout=60, **options)

    def log_in(self, tenant: str, endpoint: str, **form: str) -> requests.Response:
        """Post a form to an endpoint of the sign-in."""
        url = f"{self.sandbox.login_url}/{tenant}/oauth2/v2.0/{endpoint}"
        verify = str(self.sandbox.ca_bundle)
        return self.session.post(url, data=form, verify=verify, timeout=60, allow_redirects=False)

    def as_application(self, application: Application | None = None) -> "Client":
        """Get a token for an application, the ready one unless another is given."""
        chosen = application or self.sandbox.application
        answer = self.log_in(
            next(iter(chosen.tenant_ids)),
            "token",
            grant_type="client_credentials",
            client_id=chosen.client_id,
            client_secret=chosen.client_secret,
            scope=f"{self.sandbox.graph_url}/.default",
        )
        token = answer.json()["access_token"]
        return Client(sandbox=self.sandbox, session=self.session, token=token, version=self.version)

    def as_user(self, username: str, scope: str = "openid offline_access .default") -> "Client":
        """Get a token for a user through the device code flow."""
        client_id, tenant = self.sandbox.application.client_id, self.sandbox.tenant_id
        started = self.log_in(
            tenant, "devicecode", client_id=client_id, scope=_graph(self.sandbox, scope)
        ).json()
        self.sandbox.approve_device_code(started["user_code"], self.sandbox.tenants.user(username))
        answer = self.log_in(
            tenant,
            "token",
            grant_type="urn:ietf:params:oauth:grant-type:device_code",
            client_id=client_id,
            device_code=started["device_code"],
        )
        return Client(sandbox=self.sandbox, session=self.session, token=answer.json()["access_token"])


def _graph(sandbox: Sandbox, scope: str) -> str:
    return scope.replace(".default", f"{sandbox.graph_url}/.default")


@pytest.fixture
def stranger(sandbox: Sandbox) -> Iterator[Client]:
    """Return a client that has not yet signed in."""
    with requests.Session() as session:
        yield Client(sandbox=sandbox, session=session)


@pytest.fixture
def client(stranger: Client) -> Client:
    """Return a client that is signed in as the ready application."""
    return stranger.as_application()


@pytest.fixture
def soon() -> str:
    """Return an expiry that suits every resource, lifecycle URL or not."""
    return (datetime.now(UTC) + timedelta(minutes=59)).isoformat()


Creator = Callable[..., requests.Response]


@pytest.fixture
def create(client: Client, receiver: Receiver, sandbox: Sandbox, soon: str) -> Creator:
    """Return a function that creates a subscription; keywords change the body, None leaves one out."""

    def post(by: Client | None = None, *, prefer: str = "", **changes: Any) -> requests.Response:
        body = {
            "changeType": "updated",
            "resource": f"/users/{sandbox.users[0].id}/messages",
            "notificationUrl": receiver.url,
            "expirationDateTime": soon,
            "clientState": "invented-state",
            **changes,
        }
        given = {name: value for name, value in body.items() if value is not None}
        headers = {"Prefer": prefer} if prefer else {}
        return (by or client).call("POST", "/subscriptions", json=given, headers=headers)

    return post


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    """Make one RSA key for all tests: making keys is slow."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


CertificateMaker = Callable[..., x509.Certificate]


@pytest.fixture(scope="session")
def make_certificate(rsa_key: rsa.RSAPrivateKey) -> CertificateMaker:
    """Return a function that makes a self-signed certificate."""

    def make(
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
        *,
        begins: timedelta = timedelta(days=-1),
        ends: timedelta = timedelta(days=400),
    ) -> x509.Certificate:
        chosen = key or rsa_key
        name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "test")])
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(chosen.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
            .sign(chosen, hashes.SHA256())
        )

    return make


@pytest.fixture(scope="session")
def one_line() -> Callable[[x509.Certificate], str]:
    """Return the function that writes a certificate as Graph wants it: Base64 of DER on one line."""

    def write(certificate: x509.Certificate) -> str:
        return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()

    return write


@pytest.fixture(scope="session")
def rich(make_certificate: CertificateMaker, one_line: Callable[[x509.Certificate], str]) -> dict[str, Any]:
    """Return the properties that ask for resource data."""
    return {
        "includeResourceData": True,
        "encryptionCertificate": one_line(make_certificate()),
        "encryptionCertificateId": "hooks-1",
    }
