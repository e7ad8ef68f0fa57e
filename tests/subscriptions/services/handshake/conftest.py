"""Web servers that answer the handshake wrongly, and certificates that are no good."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from subscriptions.graph import probe
from subscriptions.services import handshake
from subscriptions.services.findings import Finding

Answer = Callable[[Request], Response]
PATH = "/webhooks/graph/notifications"


def echo(request: Request) -> Response:
    """Answer as Graph wants it."""
    return Response(
        request.args["validationToken"],
        content_type="text/plain; charset=utf-8",
        headers={"X-Content-Type-Options": "nosniff"},
    )


@contextmanager
def _served(answer: Answer, context: ssl.SSLContext | None) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, Request.application(answer), threaded=True, ssl_context=context)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Return a function that starts a web server, with TLS if it gets a context, and returns the webhook's URL."""
    with ExitStack() as servers:

        def start(
            answer: Answer = echo, *, context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
        ) -> str:
            port = servers.enter_context(_served(answer, context))
            return f"{'https' if context else 'http'}://{host}:{port}{PATH}"

        yield start


@pytest.fixture
def played(serve: Callable[..., str]) -> Callable[[Answer], list[Finding]]:
    """Return a function that plays the handshake against an answer and returns what is said about it."""

    def play(answer: Answer) -> list[Finding]:
        return handshake.explain(probe.play_handshake(serve(answer)))

    return play


class Authority:
    """A throw-away certificate authority."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        certificate = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.bundle = directory / "authority.pem"
        self.bundle.write_bytes(self._pem(certificate.sign(self._key, hashes.SHA256())))

    def context(
        self, *, host: str = "127.0.0.1", starts: timedelta = timedelta(days=-2), self_signed: bool = False
    ) -> ssl.SSLContext:
        """Return a server's TLS context with a certificate that is valid for a day."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        builder = self._builder(name, key, starts=starts, issuer=name if self_signed else self._name)
        names = [x509.DNSName(host)] if host[0].isalpha() else [x509.IPAddress(ip_address(host))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(key if self_signed else self._key, hashes.SHA256())
        chain = self._directory / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain.write_bytes(private + self._pem(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _builder(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        starts: timedelta = timedelta(days=-2),
        issuer: x509.Name | None = None,
    ) -> x509.CertificateBuilder:
        starts_at = datetime.now(UTC) + starts
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(starts_at)
            .not_valid_after(starts_at + timedelta(days=3))
        )

    @staticmethod
    def _pem(certificate: x509.Certificate) -> bytes:
        return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Make a certificate authority."""
    return Authority(tmp_path)
