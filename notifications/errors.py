"""Why something that arrived was not taken as genuine."""

from enum import StrEnum


class Reason(StrEnum):
    """Name each ground for refusing a delivery or one of its items; kept on the row and in the metrics."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNKNOWN_SUBSCRIPTION = "unknown_subscription"
    CLIENT_STATE_MISSING = "client_state_missing"
    CLIENT_STATE_MISMATCH = "client_state_mismatch"
    VALIDATION_TOKENS_MISSING = "validation_tokens_missing"
    VALIDATION_TOKEN_MALFORMED = "validation_token_malformed"  # noqa: S105 - a label, not a secret
    VALIDATION_TOKEN_ALGORITHM = "validation_token_algorithm"  # noqa: S105 - a label, not a secret
    VALIDATION_TOKEN_SIGNATURE = "validation_token_signature"  # noqa: S105 - a label, not a secret
    VALIDATION_TOKEN_EXPIRED = "validation_token_expired"  # noqa: S105 - a label, not a secret
    VALIDATION_TOKEN_NOT_YET_VALID = "validation_token_not_yet_valid"  # noqa: S105 - a label, not a secret
    VALIDATION_TOKEN_AUDIENCE = "validation_token_audience"  # noqa: S105 - a label, not a secret
    VALIDATION_TOKEN_ISSUER = "validation_token_issuer"  # noqa: S105 - a label, not a secret
    VALIDATION_TOKEN_AZP = "validation_token_azp"  # noqa: S105 - a label, not a secret
    VALIDATION_TOKEN_TENANT = "validation_token_tenant"  # noqa: S105 - a label, not a secret
    UNKNOWN_SIGNING_KEY = "unknown_signing_key"
    SIGNING_KEYS_UNAVAILABLE = "signing_keys_unavailable"
    UNKNOWN_CERTIFICATE = "unknown_certificate"
    PRIVATE_KEY_UNAVAILABLE = "private_key_unavailable"
    PRIVATE_KEY_DESTROYED = "private_key_destroyed"
    THUMBPRINT_MISMATCH = "thumbprint_mismatch"
    ENCRYPTED_CONTENT_MALFORMED = "encrypted_content_malformed"
    CONTENT_NOT_AUTHENTIC = "content_not_authentic"
    CONTENT_NOT_JSON = "content_not_json"


# Each of these may be cured by an operator or by waiting: a key imported, restored or published later.
_CURABLE = frozenset(
    {
        Reason.SIGNING_KEYS_UNAVAILABLE,
        # Of a host whose clock is slow; time cures it.
        Reason.VALIDATION_TOKEN_NOT_YET_VALID,
        Reason.UNKNOWN_CERTIFICATE,
        Reason.PRIVATE_KEY_UNAVAILABLE,
        # Nothing cures this one, but what is genuine and cannot be read is given up and not called forged.
        Reason.PRIVATE_KEY_DESTROYED,
    }
)


class NotificationRejectedError(Exception):
    """Say that a delivery, or one item of it, is not taken as genuine.

    `is_final` is false where trying again later may succeed. The text may be logged and shown to staff.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.is_final = reason not in _CURABLE

    def __str__(self) -> str:
        return self.message
