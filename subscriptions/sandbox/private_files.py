"""What the sandbox keeps for itself in its directory."""

from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Write a file that nobody else on the machine may read."""
    path.touch(mode=0o600)
    path.write_bytes(content)
