"""A RabbitMQ of its own, which may be stopped and started without harm to anybody."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
LONGEST_START_SECONDS = 60.0


@dataclass(kw_only=True)
class Broker:
    """A node in a directory, reachable on a port of 127.0.0.1."""

    directory: Path
    # For AMQP, for the node itself, and for Erlang's register of nodes.
    ports: tuple[int, int, int]
    _process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Return its address."""
        return f"amqp://guest:guest@127.0.0.1:{self.ports[0]}//"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        amqp, node, register = map(str, self.ports)
        settings = {
            "HOME": str(self.directory),
            "ERL_EPMD_PORT": register,
            "RABBITMQ_NODENAME": f"gsm-{node}@localhost",
            "RABBITMQ_NODE_PORT": amqp,
            "RABBITMQ_DIST_PORT": node,
            "RABBITMQ_MNESIA_BASE": str(self.directory),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "none"),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
        }
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM], env=os.environ | settings, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + LONGEST_START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                raise TimeoutError("RabbitMQ does not start.")
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop it as a crash would: at once, with all connections broken."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def forget(self) -> None:
        """Stop it for good, with the register of nodes that it has started."""
        self.stop()
        subprocess.run(
            ["epmd", "-port", str(self.ports[2]), "-kill"],  # noqa: S607
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _answers(self) -> bool:
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", self.ports[0]), timeout=1)):
            return True
        return False


@contextmanager
def running_broker() -> Iterator[Broker]:
    """Make a broker, run it, and throw it away."""
    directory = Path(mkdtemp(prefix="gsm-broker-"))
    first, second, third = (socket.create_server(("127.0.0.1", 0)) for _ in range(3))
    ports = first.getsockname()[1], second.getsockname()[1], third.getsockname()[1]
    for probe in (first, second, third):
        probe.close()
    broker = Broker(directory=directory, ports=ports)
    try:
        broker.start()
        yield broker
    finally:
        broker.forget()
        shutil.rmtree(directory)
