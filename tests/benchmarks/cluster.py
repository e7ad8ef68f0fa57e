"""A PostgreSQL cluster of its own, which may be stopped and started without harm to anybody."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

PROGRAMS = Path("/usr/lib/postgresql")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster in a directory, reachable on a port of 127.0.0.1."""

    directory: Path
    port: int
    settings: Mapping[str, str]

    @property
    def url(self) -> str:
        """Return the address of its database."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        own = " ".join(f"-c {name}={value}" for name, value in self.settings.items())
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.directory} {own}"
        self._run("pg_ctl", "-D", "data", "-l", "log", "-w", "-o", options, "start")

    def stop(self) -> None:
        """Stop it as a crash would: at once, with all connections broken."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def create(self) -> None:
        """Make its files."""
        self._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "--no-locale", "-E", "UTF8")

    def _run(self, program: str, *arguments: str) -> None:
        found = max(PROGRAMS.glob(f"*/bin/{program}"))
        # PostgreSQL refuses to run as root.
        user = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
        # No pipes: the server would keep them open, and this would wait for its end.
        subprocess.run(
            [*user, str(found), *arguments],
            cwd=self.directory,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def running_cluster(**settings: str) -> Iterator[Cluster]:
    """Make a cluster, run it under PostgreSQL's own settings but for some, and throw it away."""
    directory = Path(mkdtemp(prefix="gsm-cluster-"))
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    cluster = Cluster(directory=directory, port=port, settings=settings)
    cluster.create()
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(directory)
