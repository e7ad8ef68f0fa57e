"""What a client asks for in the Prefer header when it creates a subscription.

Source: https://learn.microsoft.com/graph/outlook-change-notifications-overview,
https://learn.microsoft.com/graph/api/subscription-post-subscriptions (2026-05-05) and
https://learn.microsoft.com/graph/teams-changenotifications-chatmessage (2026).
"""

from collections.abc import Iterable

IMMUTABLE_IDS = "idtype=immutableid"
PERMISSION_CHANGES = "includesecuritywebhooks"
ALL_ENUM_MEMBERS = "include-unknown-enum-members"


def parse(headers: Iterable[str]) -> frozenset[str]:
    """Return the preferences in the values of all Prefer headers, in lower case, without blanks and quotes.

    A preference is a wish: one that nobody knows is no error (RFC 7240), and Graph ignores it too.
    """
    given = (one for header in headers for one in header.split(","))
    return frozenset("".join(one.replace('"', "").split()).lower() for one in given if one.strip())
