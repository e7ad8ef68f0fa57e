"""The signature of a JWT, and nothing else of it: each reader checks the claims by its own rules."""

from collections.abc import Mapping, Sequence
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


def claims_of(
    unverified_token: str, signing_key: RSAPublicKey, *, required: Sequence[str]
) -> Mapping[str, Any]:
    """Return the claims of a token that was signed with RS256 by the holder of `signing_key`.

    The claims named in `required` are there; what they say is left to the caller.

    Raises:
        MissingRequiredClaimError: of `jwt`, a required claim is not there.
        PyJWTError: of `jwt`, the signature does not match or the token cannot be read.

    """
    return jwt.decode(
        unverified_token,
        signing_key,
        algorithms=["RS256"],
        # Spelled out although many are defaults: a default may change, and these decide who is believed.
        options={
            "verify_signature": True,
            "enforce_minimum_key_length": True,
            "require": list(required),
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
            "verify_aud": False,
            "strict_aud": False,
            "verify_iss": False,
            "verify_sub": False,
            "verify_jti": False,
        },
    )
