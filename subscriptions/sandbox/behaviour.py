"""What may be changed about the sandbox while it runs."""

from dataclasses import dataclass
from datetime import timedelta

from subscriptions.sandbox import handshake


@dataclass(kw_only=True, eq=False)
class Behaviour:
    """The choices, set to how Graph behaves unless its request limits are wanted too."""

    page_size: int = 20  # subscriptions on one page of a list
    delta_page_size: int = 10
    refuse_certificate_patch: bool = False  # the pages disagree whether an update may bring a certificate
    enforce_quotas: bool = True
    enforce_limits: bool = False  # request limits; see Limits for the numbers
    group_deliveries: bool = True  # one POST tells a URL of everything that happened together
    handshake_time_limit: timedelta = handshake.TIME_LIMIT
