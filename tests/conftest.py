"""Fixtures that every test may use."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as examples
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from notifications.services.intake import inbox
from subscriptions.keys import certificates as keys
from subscriptions.models import AppRegistration, EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.sandbox.signing import SigningKeys
from subscriptions.services import certificates, creation, identities
from subscriptions.services.access import app_registrations
from tests.azure import Azure

# Neighbours on the machine make examples slow; that is no fault of what is tested.
examples.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("ours")

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


# What asks the database, or is skipped by which one it is.
_FIXTURES_OF_DATABASE = frozenset({"db", "transactional_db", "live_server"})
_MARKS_OF_DATABASE = ("django_db", "postgresql", "browser", "skipif")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a second run, on another database, leave out what it cannot change."""
    parser.addoption("--database-only", action="store_true", help="Leave out tests that ask no database.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what asks no database, if that is wanted."""
    if not config.getoption("--database-only"):
        return
    asking: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        (asking if _asks_database(item) else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = asking


def _asks_database(item: pytest.Item) -> bool:
    is_marked = any(item.get_closest_marker(name) for name in _MARKS_OF_DATABASE)
    return is_marked or bool(_FIXTURES_OF_DATABASE.intersection(getattr(item, "fixturenames", ())))


@pytest.fixture(autouse=True, scope="session")
def _no_outside_network_settings() -> Iterator[None]:
    """Keep the machine's proxy and trust settings out of the tests."""
    patch = pytest.MonkeyPatch()
    for name in OUTSIDE_VARIABLES:
        patch.delenv(name, raising=False)
        patch.delenv(name.lower(), raising=False)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """Row numbers repeat from test to test: what one test knew must not serve the next."""
    identities.forget()
    yield
    inbox.close()


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the top of the checkout."""
    return Path(os.fspath(__file__)).resolve().parent.parent


@pytest.fixture(scope="session")
def _signing_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the sandboxes' key once for the whole run: making keys is slow."""
    directory = tmp_path_factory.mktemp("sandbox")
    SigningKeys(directory)
    return directory / "signing-key.pem"


@pytest.fixture
def sandbox(tmp_path: Path, _signing_key: Path) -> Iterator[Sandbox]:
    """Run the stand-in for Microsoft's cloud."""
    directory = tmp_path / "sandbox"
    directory.mkdir()
    shutil.copy(_signing_key, directory)
    with Sandbox(directory=directory) as running:
        yield running


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    """Run the stand-in for Azure's vaults and identities."""
    with Azure(tmp_path / "azure") as running:
        yield running


@pytest.fixture
def custom_cloud(sandbox: Sandbox, settings: Settings) -> Sandbox:
    """Point the cloud named custom at the sandbox."""
    settings.CUSTOM_GRAPH_URL = sandbox.graph_url
    settings.CUSTOM_LOGIN_URL = sandbox.login_url
    settings.CUSTOM_CA_BUNDLE = str(sandbox.ca_bundle)
    return sandbox


@pytest.fixture
def webhook(live_server: LiveServer, settings: Settings) -> str:
    """Serve the product where the sandbox can call it, and return its address."""
    settings.PUBLIC_BASE_URL = live_server.url
    return str(live_server.url)


@pytest.fixture
def app_registration(custom_cloud: Sandbox, db: None) -> AppRegistration:
    """Register the sandbox's ready application."""
    return app_registrations.register(
        name="Contoso",
        cloud=AppRegistration.Cloud.CUSTOM,
        tenant_id=custom_cloud.tenant_id,
        client_id=custom_cloud.application.client_id,
        credential=app_registrations.NewCredential(client_secret=custom_cloud.application.client_secret),
    )


@pytest.fixture(scope="session")
def key_pair() -> keys.KeyPair:
    """Make one key pair for the whole run: making keys is slow."""
    return keys.generate("hooks", key_size=2048, now=datetime.now(UTC))


@pytest.fixture
def certificate(key_pair: keys.KeyPair, db: None) -> EncryptionCertificate:
    """Save an encryption certificate."""
    return certificates.save("hooks", key_pair)


SubscriptionMaker = Callable[..., Subscription]


@pytest.fixture
def make_subscription(app_registration: AppRegistration, webhook: str) -> SubscriptionMaker:
    """Return a function that creates a subscription at the sandbox; keyword arguments change the wish."""

    def make(**changes: Any) -> Subscription:
        wish = {
            "app_registration": app_registration,
            "resource": "/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/messages",
            "change_type": "created,updated",
            **changes,
        }
        return creation.create(Subscription(**wish), now=datetime.now(UTC), actor="test")

    return make


@pytest.fixture
def signed_in(client: Client, db: None) -> Callable[..., Client]:
    """Return a function that signs in a member of staff with the named rights, as `app.codename`."""

    def sign_in(*rights: str) -> Client:
        user = User.objects.create_user("analyst", is_staff=True)
        for right in rights:
            app_label, _, codename = right.partition(".")
            user.user_permissions.add(
                Permission.objects.get(content_type__app_label=app_label, codename=codename)
            )
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def administrator(client: Client, db: None) -> Client:
    """Sign in somebody who may do everything."""
    client.force_login(User.objects.create_superuser("admin"))
    return client
