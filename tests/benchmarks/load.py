"""Post one body over and over through a number of kept connections, and print what came of it as JSON."""

import argparse
import asyncio
import json
import time
from collections import Counter
from pathlib import Path

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
    print(json.dumps(asyncio.run(load(**vars(options)))))


async def load(*, port: int, body: bytes, concurrency: int, seconds: float) -> dict[str, object]:
    """Return requests a second, p50 and p99 in milliseconds, and how often each status was answered."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json; charset=utf-8\r\n"
    )
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    took: list[float] = []
    statuses: Counter[str] = Counter()
    started = time.perf_counter()
    end = started + seconds
    await asyncio.gather(*(_one_connection(port, request, end, took, statuses) for _ in range(concurrency)))
    elapsed = time.perf_counter() - started
    took.sort()
    return {
        "rate": len(took) / elapsed,
        "p50_ms": took[len(took) // 2] * 1000,
        "p99_ms": took[len(took) * 99 // 100] * 1000,
        "statuses": statuses,
    }


async def _one_connection(
    port: int, request: bytes, end: float, took: list[float], statuses: Counter[str]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (began := time.perf_counter()) < end:
        if writer.is_closing():
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        await reader.readexactly(int(lowered.partition(b"content-length:")[2].partition(b"\r\n")[0]))
        took.append(time.perf_counter() - began)
        statuses[head[9:12].decode("ascii")] += 1
        if b"connection: close" in lowered:
            writer.close()
    writer.close()


if __name__ == "__main__":
    main()
