"""A stand-in for Azure: key vaults and Entra behind a proxy for HTTPS, and the managed identity of an App Service.

Microsoft's own libraries call the real names; `environment` has them come here and trust what they find.
"""

import json
import ssl
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_hex
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from subscriptions.sandbox.authority import server_context

LOGIN = "login.microsoftonline.com"
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the vault answers in the place of a secret."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def refusal(cls, status: int, code: str, *, inner: str = "", **headers: str) -> Self:
        """Return an error in the vault's form."""
        error: dict[str, Any] = {"code": code, "message": f"{code} for this caller."}
        if inner:
            error["innererror"] = {"code": inner}
        return cls(
            status=status,
            body=json.dumps({"error": error}).encode(),
            headers={"x-ms-request-id": "5c3b0b7a", **{n.replace("_", "-"): v for n, v in headers.items()}},
        )


class Azure(ThreadingHTTPServer):
    """Serve one vault, whose name nobody had before, and whoever vouches for its callers."""

    daemon_threads = True

    def __init__(self, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.vault = f"contoso-{token_hex(4)}.vault.azure.net"
        self.resource = "https://vault.azure.net"
        self.client_secret = token_hex(16)
        self.token = token_hex(16)
        self.identity_header = token_hex(16)
        self.secrets: dict[str, dict[str, Any]] = {}
        self.replies: deque[Reply] = deque()
        self.asked: list[str] = []
        self.proofs: list[str] = []
        self.holds_back = Event()
        self.holds_back.set()
        directory.mkdir()
        self.contexts: dict[str, ssl.SSLContext] = {}
        for host in (self.vault, LOGIN):
            self.contexts[host], self.ca_bundle = server_context(directory, host)

    @property
    def proxied(self) -> dict[str, str]:
        """The variables that lead every HTTPS call here."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.server_port}",
            "REQUESTS_CA_BUNDLE": str(self.ca_bundle),
        }

    @property
    def managed_identity(self) -> dict[str, str]:
        """The variables of an App Service with a managed identity."""
        return self.proxied | {
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{self.server_port}/identity",
            "IDENTITY_HEADER": self.identity_header,
        }

    @property
    def service_principal(self) -> dict[str, str]:
        """The variables of an app with a client secret."""
        return self.proxied | {
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": "1f1b1a52-4d39-4b7f-8a43-6a3a0d9f6d11",
            "AZURE_CLIENT_SECRET": self.client_secret,
        }

    def keep(self, name: str, value: Any, **attributes: Any) -> str:
        """Put a secret into the vault and return its address."""
        self.secrets[name] = {
            "value": value,
            "id": f"https://{self.vault}/secrets/{name}/{'0' * 32}",
            "attributes": {"enabled": True, **attributes},
        }
        return f"https://{self.vault}/secrets/{name}"

    def __enter__(self) -> Self:
        self._thread = Thread(target=self.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.holds_back.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about callers that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Azure

    def answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def answer_json(self, body: dict[str, Any], status: int = HTTPStatus.OK) -> None:
        self.answer(Reply(status=status, body=json.dumps(body).encode()))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the inherited name
        pass


class _Door(_Handler):
    def do_CONNECT(self) -> None:
        host = self.path.removesuffix(":443")
        if host not in self.server.contexts:
            self.send_error(HTTPStatus.BAD_GATEWAY)
            return
        self.send_response(HTTPStatus.OK)
        self.end_headers()
        context = self.server.contexts[host]
        with suppress(OSError), context.wrap_socket(self.connection, server_side=True) as inside:
            (_Login if host == LOGIN else _Vault)(inside, self.client_address, self.server)
        self.close_connection = True

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if self.headers.get("X-IDENTITY-HEADER") != self.server.identity_header:
            self.answer_json({"message": "no such identity"}, HTTPStatus.UNAUTHORIZED)
            return
        self.server.proofs.append("managed identity")
        self.answer_json(
            {
                "access_token": self.server.token,
                "expires_on": "4102444800",
                "resource": query["resource"][0],
                "token_type": "Bearer",
            }
        )


class _Login(_Handler):
    def do_GET(self) -> None:
        root = f"https://{LOGIN}/{TENANT}"
        self.answer_json(
            {
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "issuer": f"{root}/v2.0",
            }
        )

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if form.get("client_secret") != [self.server.client_secret]:
            self.answer_json(
                {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."},
                HTTPStatus.UNAUTHORIZED,
            )
            return
        self.server.proofs.append(form["scope"][0])
        self.answer_json(
            {"access_token": self.server.token, "expires_in": 3600, "token_type": "Bearer"},
        )


class _Vault(_Handler):
    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            challenge = f'Bearer authorization="https://{LOGIN}/{TENANT}", resource="{self.server.resource}"'
            self.answer(
                Reply(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": challenge}),
            )
            return
        self.server.asked.append(path)
        self.server.holds_back.wait()
        if self.server.replies:
            self.answer(self.server.replies.popleft())
            return
        _, _, name, *_ = path.split("/")
        if name not in self.server.secrets:
            self.answer(Reply.refusal(HTTPStatus.NOT_FOUND, "SecretNotFound"))
        elif not self.server.secrets[name]["attributes"]["enabled"]:
            self.answer(Reply.refusal(HTTPStatus.FORBIDDEN, "Forbidden", inner="SecretDisabled"))
        else:
            self.answer_json(self.server.secrets[name])
