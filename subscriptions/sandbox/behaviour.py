"""What may be changed about the sandbox while it runs."""

from dataclasses import dataclass
from datetime import timedelta

# Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (2026-04-22)
HANDSHAKE_TIME_LIMIT = timedelta(seconds=10)
DELIVERY_TIME_LIMIT = timedelta(seconds=3)
REDELIVERY_TIME_LIMIT = timedelta(seconds=10)
# For those who do not want to wait for four hours.
SHORT_RETRY_DELAYS = (timedelta(seconds=0.2), timedelta(seconds=0.5), timedelta(seconds=1))


@dataclass(kw_only=True, eq=False)
class Behaviour:
    """The choices, set to how Graph behaves unless its request limits are wanted too."""

    page_size: int = 20  # subscriptions on one page of a list
    delta_page_size: int = 10
    refuse_certificate_patch: bool = False  # the pages disagree whether an update may bring a certificate
    ignore_certificate_patch: bool = (
        False  # answer 200 and keep the old one, as some servers do with what they do not know
    )
    refuse_duplicates: bool = True  # without, what asks twice gets two, and a test sees who did
    longest_life: timedelta | None = None  # shorter than published: asking for more is refused
    longest_grant: timedelta | None = None  # asking for more is granted, but less is given
    enforce_quotas: bool = True
    enforce_limits: bool = False  # request limits; see Limits for the numbers
    group_deliveries: bool = True  # one POST tells a URL of everything that happened together
    handshake_time_limit: timedelta = HANDSHAKE_TIME_LIMIT
    delivery_time_limit: timedelta = DELIVERY_TIME_LIMIT  # for the first try of a notification
    redelivery_time_limit: timedelta = REDELIVERY_TIME_LIMIT  # for each later one
    retry_delays: tuple[timedelta, ...] = SHORT_RETRY_DELAYS  # before each repeated delivery
