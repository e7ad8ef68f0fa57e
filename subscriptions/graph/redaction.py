"""Take secrets out of texts that others wrote before they reach a log or a screen."""

import re

MAX_LENGTH = 1_000
REMOVED = "[removed]"

_SECRET_SHAPES = re.compile(
    r"""
      eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*              # a JSON web token
    | [\w.~-]{3}\dQ~[\w.~-]{20,}                  # an Entra client secret
    | -----BEGIN[ ].*?(?:-----END[ ][\w ]+-----|$)  # PEM
    | [A-Za-z0-9+/=_-]{100,}                      # a key, certificate or opaque token
    | (?<=[?&]validationToken=)[^&\s"']+
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


def without_secrets(text: str, *known_secrets: str | None) -> str:
    """Return the text without what is known or looks to be secret, cut to 1,000 characters."""
    for secret in sorted(filter(None, known_secrets), key=len, reverse=True):
        text = text.replace(secret, REMOVED)
    return _SECRET_SHAPES.sub(REMOVED, text)[:MAX_LENGTH]
