"""A direct connection that ends at a deadline whatever the other side does, and says how it failed."""

import http.client
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread, Timer
from typing import Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

FailureKind = Literal[
    "dns",
    "refused",
    "connect_timeout",
    "answer_timeout",
    "self_signed",
    "expired",
    "not_yet_valid",
    "wrong_name",
    "untrusted",
    "not_tls",
    "tls_version",
    "tls",
    "connection",
]
Address = tuple[Any, ...]


class ProbeFailedError(Exception):
    """No answer came; `kind` says where it failed."""

    def __init__(self, kind: FailureKind) -> None:
        super().__init__(kind)
        self.kind: FailureKind = kind


def addresses_of(url: str, *, deadline: float) -> tuple[str, ...]:
    """Return the addresses behind the host name of `url`; `deadline` is on the monotonic clock, in seconds.

    Raises:
        ProbeFailedError: the name does not resolve in time.

    """
    return tuple(dict.fromkeys(str(place[-1][0]) for place in _resolved(urlsplit(url), deadline)))


@contextmanager
def connected(url: str, *, ca_bundle: Path | None, deadline: float) -> Iterator[http.client.HTTPConnection]:
    """Connect to the host of `url` for the length of the block; at `deadline` the connection is cut.

    Trusts the public authorities and those in `ca_bundle`. TLS is 1.2, as Graph uses by default.

    Raises:
        ProbeFailedError: no connection was made, or it broke within the block.

    Source: Microsoft Learn, resources/subscription.md (2026-09-17), on latestSupportedTlsVersion.
    """
    parts = urlsplit(url)
    opened = _open(_resolved(parts, deadline), deadline)
    with _Cut(opened, deadline) as cut:
        try:
            if parts.scheme == "https":
                cut.opened = _trust(ca_bundle).wrap_socket(
                    opened, server_hostname=parts.hostname, do_handshake_on_connect=False
                )
                cut.opened.do_handshake()
            yield _http_over(cut.opened, parts)
            if cut.is_done:
                # What was read up to the cut looks whole where its length was not told.
                raise ProbeFailedError("answer_timeout")
        except (OSError, http.client.HTTPException) as error:
            raise ProbeFailedError("answer_timeout" if cut.is_done else _kind_of(error)) from error


def reset(connection: http.client.HTTPConnection) -> None:
    """Break the connection off so that the server sees an error, not the end of a request."""
    if connection.sock is not None:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


class _Cut:
    """Closes a connection when its block ends, and cuts it when time is up before."""

    def __init__(self, opened: socket.socket, deadline: float) -> None:
        self.opened: Any = opened
        self.is_done = False
        self._timer = Timer(_remaining(deadline), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        self.opened.close()

    def _cut(self) -> None:
        self.is_done = True
        try:
            # On the bare socket: the TLS layer's own shutdown is not for use beside a reading thread.
            socket.socket.shutdown(self.opened, socket.SHUT_RDWR)
        except OSError:
            return


def _resolved(parts: SplitResult, deadline: float) -> list[Address]:
    found: SimpleQueue[list[Address] | OSError] = SimpleQueue()

    def resolve() -> None:
        try:
            found.put(
                list(socket.getaddrinfo(parts.hostname, parts.port or _port(parts), type=socket.SOCK_STREAM))
            )
        except (OSError, UnicodeError) as error:
            found.put(error if isinstance(error, OSError) else OSError(str(error)))

    # The resolver takes no time limit, so it is waited for from outside.
    Thread(target=resolve, daemon=True).start()
    try:
        result = found.get(timeout=_remaining(deadline))
    except Empty:
        raise ProbeFailedError("dns") from None
    if isinstance(result, OSError):
        raise ProbeFailedError("dns") from result
    return result


def _open(places: list[Address], deadline: float) -> socket.socket:
    """Connect to the first address that answers; each gets its share of the time."""
    kind: FailureKind = "connection"
    for number, (family, socket_type, protocol, _, address) in enumerate(places):
        candidate = socket.socket(family, socket_type, protocol)
        candidate.settimeout(_remaining(deadline) / (len(places) - number))
        try:
            candidate.connect(address)
        except OSError as error:
            candidate.close()
            kind = "connect_timeout" if isinstance(error, TimeoutError) else _kind_of(error)
        else:
            candidate.settimeout(_remaining(deadline))
            return candidate
    raise ProbeFailedError(kind)


def _trust(ca_bundle: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    # A slim container has no authorities of its own.
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    if ca_bundle is not None:
        context.load_verify_locations(ca_bundle)
    # Newer Pythons ask more of a certificate than those who call us do.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _http_over(opened: socket.socket, parts: SplitResult) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or _port(parts))
    # The port is left out of the Host header where it is the usual one.
    connection.default_port = _port(parts)
    connection.sock = opened
    return connection


def _port(parts: SplitResult) -> int:
    return http.client.HTTPS_PORT if parts.scheme == "https" else http.client.HTTP_PORT


def _remaining(deadline: float) -> float:
    # Never zero, which would mean a socket that does not wait at all.
    return max(deadline - time.monotonic(), 0.001)


# OpenSSL's numbers, from x509_vfy.h.
_CERTIFICATE_FAULTS: dict[int, FailureKind] = {
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    62: "wrong_name",
    64: "wrong_name",
}
_TLS_FAULTS: dict[str, FailureKind] = {
    "WRONG_VERSION_NUMBER": "not_tls",
    "HTTP_REQUEST": "not_tls",
    "TLSV1_ALERT_PROTOCOL_VERSION": "tls_version",
    "UNSUPPORTED_PROTOCOL": "tls_version",
}


def _kind_of(error: Exception) -> FailureKind:
    match error:
        case ssl.SSLCertVerificationError():
            return _CERTIFICATE_FAULTS.get(error.verify_code, "untrusted")
        case ssl.SSLError():
            return _TLS_FAULTS.get(error.reason or "", "tls")
        case ConnectionRefusedError():
            return "refused"
        case TimeoutError():
            return "answer_timeout"
        case _:
            return "connection"
