"""The HTTPS server: HTTP/1.1 with kept-alive connections, each on a thread of its own."""

import io
import socket
import ssl
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_to_bytes

from werkzeug.wrappers import Request, Response

from subscriptions.sandbox.errors import DropConnectionError

_HANDSHAKE_SECONDS = 10
_IDLE_SECONDS = 75
_POLL_SECONDS = 0.01  # how long closing may take: tests close hundreds of sandboxes
_LARGEST_BODY = 8 * 1024 * 1024
_LONGEST_LINE = 1024

Answer = Callable[[Request], Response]


class HttpsServer(ThreadingHTTPServer):
    """Serve `answer` over TLS; each connection shakes hands on its own thread, never in the accept loop."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, answer: Answer) -> None:
        self.answer = answer
        self._context = context
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Handler)
        self._loop = threading.Thread(
            target=self.serve_forever, args=(_POLL_SECONDS,), name="sandbox", daemon=True
        )
        self._loop.start()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection without waiting for its TLS handshake."""
        plain, peer = super().get_request()
        plain.settimeout(_HANDSHAKE_SECONDS)
        try:
            connection = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        except OSError:
            plain.close()  # the caller has gone already
            raise
        with self._lock:
            self._connections.add(connection)
        return connection, peer

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands, then serve the connection until it ends."""
        try:
            request.do_handshake()
        except (OSError, ValueError):
            return  # the other side does not trust us or left: its loss, and no news here
        request.settimeout(_IDLE_SECONDS)
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about connections that break: clients in tests break them on purpose."""

    def close(self) -> None:
        """Stop serving and end every connection."""
        self.shutdown()
        self._loop.join()
        self.server_close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            self._end(connection)

    def _end(self, connection: socket.socket) -> None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # already ended by the other side


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "GraphSandbox"
    sys_version = ""
    wbufsize = -1  # headers and body leave in one segment
    disable_nagle_algorithm = True
    server: HttpsServer

    def _respond(self) -> None:
        body = self._body()
        if body is None:
            return
        try:
            response = self.server.answer(Request(self._environment(body)))
        except DropConnectionError:
            self.close_connection = True
            return
        content = response.get_data()
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        if response.status_code != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _respond  # noqa: N815 - the names inherited

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the inherited name
        """Log nothing: the sandbox records requests itself, without their secrets."""

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit():
            self._refuse(HTTPStatus.BAD_REQUEST)
            return None
        if int(length) > _LARGEST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return None
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes | None:
        content = b""
        try:
            while size := int(self.rfile.readline(_LONGEST_LINE).partition(b";")[0], 16):
                if len(content) + size > _LARGEST_BODY:
                    self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                    return None
                content += self.rfile.read(size)
                self.rfile.readline(_LONGEST_LINE)
        except ValueError:
            self._refuse(HTTPStatus.BAD_REQUEST)
            return None
        while self.rfile.readline(_LONGEST_LINE).strip():
            pass  # trailers, which nobody needs
        return content

    def _refuse(self, status: HTTPStatus) -> None:
        # What was not read would be taken for the next request.
        self.close_connection = True
        self.send_error(status)

    def _environment(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        environment: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": _unquoted(path),
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": self.server.server_address[0],
            "SERVER_PORT": str(self.server.server_port),
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
        }
        if "Content-Type" in self.headers:
            environment["CONTENT_TYPE"] = self.headers["Content-Type"]
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH", "TRANSFER_ENCODING"):
                environment[f"HTTP_{key}"] = value
        return environment


def _unquoted(path: str) -> str:
    # WSGI carries the path as octets dressed as Latin-1.
    return unquote_to_bytes(path).decode("latin-1")
