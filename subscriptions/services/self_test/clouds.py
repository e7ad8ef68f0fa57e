"""Whether a cloud's sign-in service can be reached, what time it has, and whether it publishes usable keys."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta

from subscriptions.graph import probe
from subscriptions.graph.clouds import Cloud
from subscriptions.graph.errors import SigningKeysUnavailableError, UnknownSigningKeyError, UnreachableError
from subscriptions.graph.signing_keys import SigningKeys
from subscriptions.services import findings
from subscriptions.services.findings import Finding

CLOCK = "clock"
SIGNING_KEYS = "signing keys"
# Entra and we both allow for five minutes when the times in a token are checked; this is where tokens begin to fail.
LARGEST_OFFSET = timedelta(minutes=5)
NOTABLE_OFFSET = timedelta(seconds=60)
# The time that an answer tells is exact to a second, and was a while under way.
AGREEMENT = timedelta(seconds=2)
_SET_THE_CLOCK = (
    "Let the clock of this machine be set over the network (NTP), for example by systemd-timesyncd."
)
_ANY_KEY = "self-test"


@dataclass(frozen=True, kw_only=True)
class Clock:
    """What was found about the clock, and whether anybody was there to ask."""

    finding: Finding
    is_reachable: bool


def clock(cloud: Cloud) -> Clock:
    """Compare our clock with that of the cloud's sign-in service."""
    try:
        offset = probe.clock_offset(cloud)
    except UnreachableError as error:
        unreachable = findings.error(CLOCK, cloud.name, str(error), error.explanation)
        return Clock(finding=unreachable, is_reachable=False)
    return Clock(finding=judged(cloud.name, offset), is_reachable=True)


def judged(subject: str, offset: timedelta | None) -> Finding:
    """Say what it means that their clock is ahead of ours by `offset`; None stands for no answer to that."""
    if offset is None:
        return findings.warning(
            CLOCK,
            subject,
            "The sign-in service did not tell its time.",
            "Check the clock of this machine by hand.",
        )
    if abs(offset) < AGREEMENT:
        return findings.good(
            CLOCK, subject, "The clock of this machine agrees with that of the sign-in service."
        )
    seconds = abs(offset.total_seconds())
    ours = "behind" if offset > timedelta(0) else "ahead of"
    message = f"The clock of this machine is {seconds:.0f} seconds {ours} that of the sign-in service."
    if abs(offset) > LARGEST_OFFSET:
        return findings.error(CLOCK, subject, f"{message} Tokens are refused on both sides.", _SET_THE_CLOCK)
    if abs(offset) > NOTABLE_OFFSET:
        return findings.warning(CLOCK, subject, message, _SET_THE_CLOCK)
    return findings.good(CLOCK, subject, message)


def signing_keys(cloud: Cloud, *, key_ids: AbstractSet[str]) -> Finding:
    """Fetch the keys that prove Microsoft's tokens; the keys named by `key_ids`, which signed ours, are among them."""
    published = SigningKeys(cloud)
    try:
        for key_id in sorted(key_ids) or [_ANY_KEY]:
            published.key_for(key_id)
    except SigningKeysUnavailableError as error:
        return findings.error(
            SIGNING_KEYS,
            cloud.name,
            str(error),
            f"{error.explanation} Content cannot be proven until then. Let this machine reach {cloud.login_url}.",
        )
    except UnknownSigningKeyError:
        if key_ids:
            return findings.error(
                SIGNING_KEYS,
                cloud.name,
                "The published signing keys lack the one that signed our own token.",
                f"Check whether a proxy answers in place of {cloud.login_url}, and its address.",
            )
        return findings.warning(
            SIGNING_KEYS,
            cloud.name,
            "The signing keys can be fetched; without a token of our own, none was tried.",
            "Mend the credentials first, then check again.",
        )
    return findings.good(
        SIGNING_KEYS, cloud.name, "The signing keys can be fetched, and the one needed is there."
    )
