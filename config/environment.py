"""How settings are read: environment first, then `.env`, secrets also from files, generated on a first run."""

import os
import re
import secrets
import stat
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from subscriptions.graph import key_vault
from subscriptions.keys.field_encryption import FieldCipher, InvalidFieldKeyError

MINIMUM_SECRET_KEY_LENGTH = 50
# As few different characters Django itself calls insecure (security.W009).
MINIMUM_SECRET_KEY_CHARACTERS = 5
SAYS_ON = frozenset({"1", "true", "yes", "y", "on", "ok"})
SAYS_OFF = frozenset({"0", "false", "no", "n", "off"})
DATABASE_SCHEMES = frozenset({"sqlite", "postgres", "postgresql"})


def read_secret(name: str) -> str:
    """Return the secret `name`; empty when it is not set.

    It comes from the environment, from the file named by `NAME_FILE` or from Azure Key Vault, where `NAME_VAULT` is its
    address. Read without django-environ, which takes a value that begins with `$` for the name of another variable.

    Raises:
        ImproperlyConfigured: more than one of the three is set, or what is named gives no secret.

    """
    file, vault = f"{name}_FILE", f"{name}_VAULT"
    given = {source: value for source in (name, file, vault) if (value := os.environ.get(source, "").strip())}
    if len(given) > 1:
        raise ImproperlyConfigured(f"Set only one of {', '.join(given)}.")
    if file in given:
        return _read_file(Path(given[file]), name=file)
    if vault in given:
        return _read_vault(given[vault], name=vault)
    return given.get(name, "")


def generated_secret(name: str, *, generate: Callable[[], str], directory: Path) -> str:
    """Return the secret kept in `directory` with mode 0600, making it on the first run.

    Several first runs at once find the same value.

    Raises:
        ImproperlyConfigured: the file can be read by other users, or does not read.

    """
    path = directory / name.lower()
    if not path.exists():
        _write_once(path, generate())
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ImproperlyConfigured(f"{path} can be read by other users. Run: chmod 600 {path}")
    return _read_file(path, name=name)


def _read_file(path: Path, *, name: str) -> str:
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name} names {path}, which cannot be read: {error}.") from error
    if not value:
        raise ImproperlyConfigured(f"{name} names {path}, which is empty.")
    return value


def _read_vault(address: str, *, name: str) -> str:
    try:
        return key_vault.read(address)
    except key_vault.KeyVaultError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error


def _write_once(path: Path, value: str) -> None:
    """Write the file whole or not at all; when two first runs race, the first one's value stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(value)
        # What is encrypted with the key may reach the disk at once; the key must not come later.
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def generate_secret_key() -> str:
    """Return a new value for SECRET_KEY."""
    return secrets.token_urlsafe(64)


def generate_field_encryption_key() -> str:
    """Return a new value for FIELD_ENCRYPTION_KEYS."""
    return Fernet.generate_key().decode("ascii")


def split_keys(value: str) -> list[str]:
    """Return the comma-separated keys in order; the first encrypts, all of them decrypt."""
    return [key.strip() for key in value.split(",") if key.strip()]


def switch(name: str, *, default: bool) -> bool:
    """Return whether the variable `name` says on or off; `default` when it is unset or empty.

    Raises:
        ImproperlyConfigured: it says neither. Read as off, a misspelled HTTPS would leave an installation open.

    """
    value = os.environ.get(name, "").strip().lower()
    if value in SAYS_ON | SAYS_OFF:
        return value in SAYS_ON
    if value:
        raise ImproperlyConfigured(f"{name} must be on or off.")
    return default


def whole_number(name: str, *, default: int) -> int:
    """Return the number that the variable `name` holds; `default` when it is unset or empty.

    Raises:
        ImproperlyConfigured: it holds something else.

    """
    value = os.environ.get(name, "").strip()
    if value and not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise ImproperlyConfigured(f"{name} must be a whole number.")
    return int(value) if value else default


def rate(name: str, *, default: str) -> str:
    """Return how often something may be asked for, as Django REST framework reads it; `default` when unset or empty.

    Raises:
        ImproperlyConfigured: it names no number and unit of time.

    """
    value = os.environ.get(name, "").strip() or default
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)", value):
        raise ImproperlyConfigured(f"{name} must look like 600/min: a number, and sec, min, hour or day.")
    return value


def one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    """Return the value of `name` if it is allowed.

    Raises:
        ImproperlyConfigured: it is not; says what is.

    """
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of: {', '.join(allowed)}.")
    return value


def at_least(name: str, value: int, least: int) -> int:
    """Return the value of `name` if it is not too small.

    Raises:
        ImproperlyConfigured: it is.

    """
    if value < least:
        raise ImproperlyConfigured(f"{name} must be at least {least}.")
    return value


def database(url: str) -> dict[str, Any]:
    """Return the Django database that a URL describes.

    Raises:
        ImproperlyConfigured: it describes none; the text does not repeat it, because a password may be in it.

    """
    parts = url.partition("://")
    if parts[0] in DATABASE_SCHEMES and parts[1]:
        try:
            return dict(environ.Env.db_url_config(url))
        except ValueError:
            pass
    raise ImproperlyConfigured(
        "DATABASE_URL must look like postgres://user:password@host:5432/name or sqlite:////path/to/file. "
        "Write special characters of the password percent-encoded, / as %2F and # as %23."
    )


def is_loopback(host: str) -> bool:
    """Say whether `host` names this machine only."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def public_host(url: str) -> str:
    """Return the host of PUBLIC_BASE_URL after checking its form.

    Raises:
        ImproperlyConfigured: the address is not an origin that Graph could call (or a loopback one for trying out).

    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        # The reason would repeat a part of the address, which may hold a password by mistake.
        raise ImproperlyConfigured("PUBLIC_BASE_URL must look like https://graph.example.org.") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ImproperlyConfigured("PUBLIC_BASE_URL must look like https://graph.example.org.")
    if url != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc or " " in host:
        raise ImproperlyConfigured(
            "PUBLIC_BASE_URL must hold scheme, host and port only: no path, query, fragment, blank or user name."
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise ImproperlyConfigured(
            "PUBLIC_BASE_URL must begin with https://: Graph calls nothing else. Plain http works on loopback only."
        )
    return host


def refuse_unsafe(
    *,
    debug: bool,
    https: bool,
    secret_key: str,
    field_encryption_keys: list[str],
    allowed_hosts: list[str],
    host: str,
) -> None:
    """Stop the start when a value would leave a reachable installation open.

    Raises:
        ImproperlyConfigured: says which value and what to do about it.

    """
    if debug and (https or not is_loopback(host)):
        raise ImproperlyConfigured("DEBUG must be off where others can reach the application: unset DEBUG.")
    if (
        len(secret_key) < MINIMUM_SECRET_KEY_LENGTH
        or len(set(secret_key)) < MINIMUM_SECRET_KEY_CHARACTERS
        or secret_key.startswith("django-insecure-")
    ):
        raise ImproperlyConfigured(
            f"SECRET_KEY is too weak: use at least {MINIMUM_SECRET_KEY_LENGTH} random characters, "
            "or leave it unset to have one generated."
        )
    if "*" in allowed_hosts and not debug:
        raise ImproperlyConfigured("ALLOWED_HOSTS must name hosts: '*' lets anybody choose the host name.")
    try:
        FieldCipher(field_encryption_keys)
    except InvalidFieldKeyError as error:
        raise ImproperlyConfigured(
            f"{error} Make one with: "
            'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
        ) from error
    if secret_key in field_encryption_keys:
        raise ImproperlyConfigured("SECRET_KEY must not be one of FIELD_ENCRYPTION_KEYS.")
