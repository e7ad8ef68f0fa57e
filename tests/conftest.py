"""Fixtures that every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

OUTSIDE_VARIABLES = (
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
)


@pytest.fixture(autouse=True, scope="session")
def _no_outside_network_settings() -> Iterator[None]:
    """Keep the machine's proxy and trust settings out of the tests."""
    patch = pytest.MonkeyPatch()
    for name in OUTSIDE_VARIABLES:
        patch.delenv(name, raising=False)
        patch.delenv(name.lower(), raising=False)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the top of the checkout."""
    return Path(os.fspath(__file__)).resolve().parent.parent
