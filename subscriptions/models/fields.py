"""Columns that are encrypted at rest and never show their value by accident."""

from functools import cache
from typing import Any, ClassVar, Self

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.query_utils import DeferredAttribute

from subscriptions import conf
from subscriptions.keys.field_encryption import FieldCipher

# Begins a stored token in a dump, so that loading it does not take the token for the secret itself.
DUMPED = "sealed:"


@cache
def _cipher_for(keys: tuple[str, ...]) -> FieldCipher:
    return FieldCipher(keys)


def cipher() -> FieldCipher:
    """Return the cipher of FIELD_ENCRYPTION_KEYS.

    Raises:
        InvalidFieldKeyError: a key is malformed.

    """
    return _cipher_for(conf.configuration().field_encryption_keys)


class Secret:
    """A text that prints as nothing: it opens only when asked to, so lists and logs cannot leak it."""

    __slots__ = ("_plain", "_sealed")

    def __init__(self, *, plain: str | None = None, sealed: str | None = None) -> None:
        self._plain = plain
        self._sealed = sealed

    @classmethod
    def of(cls, plain: str) -> Self:
        """Wrap a text that is to be encrypted when it is saved."""
        return cls(plain=plain)

    @classmethod
    def of_sealed(cls, sealed: str) -> Self:
        """Wrap a text as it is stored."""
        return cls(sealed=sealed)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy the sealed text only: a pickled row may lie in a cache or a queue."""
        return type(self).of_sealed, (self.sealed(),)

    def reveal(self) -> str:
        """Return the text.

        Raises:
            FieldDecryptionError: none of FIELD_ENCRYPTION_KEYS opens it.

        """
        if self._plain is None:
            self._plain = (
                cipher().decrypt((self._sealed or "").encode("ascii")).decode() if self._sealed else ""
            )
        return self._plain

    def sealed(self) -> str:
        """Return the text as it is stored: a Fernet token, or nothing for an empty text."""
        if self._sealed is None:
            self._sealed = cipher().encrypt(self._plain.encode()).decode("ascii") if self._plain else ""
        return self._sealed

    def __bool__(self) -> bool:
        return bool(self._sealed or self._plain)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    __hash__ = None  # type: ignore[assignment] # equality opens the value; a hash would have to as well

    def __repr__(self) -> str:
        return "<Secret>" if self else "<Secret: empty>"

    __str__ = __repr__


class _SecretAttribute(DeferredAttribute):
    """Wraps whatever is assigned, so that the attribute is a `Secret` at all times."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = self.field.to_python(value)


class EncryptedColumn:
    """What every encrypted column is, so that a change of keys finds all of them."""

    # The column without its encryption: with it, what is stored is read and written as it is.
    stored_as: ClassVar[type[models.Field[Any, Any]]]


class EncryptedTextField(EncryptedColumn, models.TextField[Secret | str, Secret]):
    """Text as a `Secret`, stored as a Fernet token of FIELD_ENCRYPTION_KEYS."""

    stored_as = models.TextField
    description = "Encrypted text"
    descriptor_class = _SecretAttribute

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("editable", False)
        options.setdefault("blank", True)
        options.setdefault("default", "")
        super().__init__(*args, **options)

    def from_db_value(
        self, value: str | None, _expression: object, _connection: BaseDatabaseWrapper
    ) -> Secret:
        """Return the stored token unopened."""
        return Secret.of_sealed(value or "")

    def to_python(self, value: Any) -> Secret:
        """Accept plain text, a `Secret`, or what a dump holds."""
        if isinstance(value, Secret):
            return value
        if value and value.startswith(DUMPED):
            return Secret.of_sealed(value.removeprefix(DUMPED))
        return Secret.of(value or "")

    def get_prep_value(self, value: Any) -> str:
        """Return the token to store."""
        return self.to_python(value).sealed()

    def value_to_string(self, obj: models.Model) -> str:
        """Serialise as the token, so that a dump holds no secret."""
        sealed = self.get_prep_value(self.value_from_object(obj))
        return f"{DUMPED}{sealed}" if sealed else ""


class EncryptedBinaryField(EncryptedColumn, models.BinaryField[bytes, bytes]):
    """Bytes, sealed with FIELD_ENCRYPTION_KEYS in a form that is short and quick."""

    stored_as = models.BinaryField
    description = "Encrypted bytes"

    def from_db_value(self, value: Any, _expression: object, _connection: BaseDatabaseWrapper) -> bytes:
        """Open the stored bytes.

        Raises:
            FieldDecryptionError: none of FIELD_ENCRYPTION_KEYS opens it.

        """
        return cipher().unseal(bytes(value)) if value else b""

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """Return the bytes to store."""
        sealed = cipher().seal(bytes(value)) if value else b""
        return super().get_db_prep_value(sealed, connection, prepared)

    def value_to_string(self, obj: models.Model) -> str:
        """Serialise as a Fernet token, so that a dump holds no content."""
        value = bytes(self.value_from_object(obj))
        return cipher().encrypt(value).decode("ascii") if value else ""

    def to_python(self, value: Any) -> Any:
        """Accept bytes, or the token that a dump holds as text.

        Raises:
            FieldDecryptionError: none of FIELD_ENCRYPTION_KEYS opens it.

        """
        if isinstance(value, str):
            return cipher().decrypt(value.encode("ascii")) if value else b""
        return value
