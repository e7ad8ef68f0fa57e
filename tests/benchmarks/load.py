"""Post one body over and over through a number of kept connections, and print what came of it as JSON.

It shares the machine with the server that it loads: plain sockets and one request spelled beforehand keep it cheap.
"""

import argparse
import json
import selectors
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATH = "/webhooks/graph/notifications"


def main() -> None:
    """Read the arguments, load the server, and print rate, milliseconds and statuses."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--body", type=Path, required=True)
    arguments.add_argument("--concurrency", type=int, required=True)
    arguments.add_argument("--seconds", type=float, required=True)
    options = arguments.parse_args()
    options.body = options.body.read_bytes()
    print(json.dumps(load(**vars(options))))


def load(*, port: int, body: bytes, concurrency: int, seconds: float) -> dict[str, Any]:
    """Return requests a second, p50 and p99 in milliseconds, and how often each status was answered."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json; charset=utf-8\r\n"
    )
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    loaded = _Load(port=port, request=request)
    started = time.perf_counter()
    loaded.run(concurrency, until=started + seconds)
    elapsed = time.perf_counter() - started
    took = sorted(loaded.took)
    return {
        "rate": len(took) / elapsed,
        "count": len(took),
        "p50_ms": took[len(took) // 2] * 1000,
        "p99_ms": took[len(took) * 99 // 100] * 1000,
        "statuses": loaded.statuses,
    }


@dataclass(kw_only=True)
class _Load:
    port: int
    request: bytes
    took: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    _began: dict[socket.socket, float] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def run(self, concurrency: int, *, until: float) -> None:
        for _ in range(concurrency):
            self._send(self._connect())
        while self._began:
            for key, _ in self._selector.select():
                assert isinstance(key.fileobj, socket.socket)
                self._receive(key.fileobj, goes_on=time.perf_counter() < until)

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ)
        return connection

    def _send(self, connection: socket.socket) -> None:
        self._began[connection] = time.perf_counter()
        connection.sendall(self.request)

    def _receive(self, connection: socket.socket, *, goes_on: bool) -> None:
        """Take one answer, which begins with what is there, and ask again on the same connection if it stays open."""
        answer = connection.recv(65536).lower()
        while b"\r\n\r\n" not in answer:
            answer += _more(connection).lower()
        head, _, body = answer.partition(b"\r\n\r\n")
        left = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]) - len(body)
        while left > 0:
            left -= len(_more(connection))
        self.took.append(time.perf_counter() - self._began.pop(connection))
        self.statuses[head[9:12].decode("ascii")] += 1
        if not goes_on or b"connection: close" in head:
            self._selector.unregister(connection)
            connection.close()
            connection = self._connect() if goes_on else connection
        if goes_on:
            self._send(connection)


def _more(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    if not part:
        raise ConnectionError("The server broke off.")
    return part


if __name__ == "__main__":
    main()
