"""Tell: what the outbox holds goes out by e-mail and webhook, and what could not be told is tried again."""

import logging
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F

from subscriptions.models import Alert, AlertMessage
from subscriptions.services.alerts import channels
from subscriptions.services.alerts.channels import NotToldError
from subscriptions.services.alerts.wording import News

logger = logging.getLogger(__name__)

# Longer than the slowest mail server and webhook together are waited for.
CLAIM_LASTS = timedelta(minutes=5)
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
# What could not be told for so long is told by the admin alone.
GIVE_UP_AFTER = timedelta(days=3)
ERROR_LENGTH = 500


def queue(alert: Alert, occasion: AlertMessage.Occasion, *, now: datetime) -> None:
    """Write into the outbox, inside the caller's transaction, what is to be told by each way there is."""
    AlertMessage.objects.bulk_create(
        AlertMessage(alert=alert, channel=channel, occasion=occasion, queued_at=now, next_attempt_at=now)
        for channel in channels.configured()
    )


def tell(*, now: datetime) -> None:
    """Send what is due: one message by each way, whatever the number of alerts.

    Of several processes at once one sends. One that dies after sending and before it is written has it sent again.
    """
    for channel in channels.configured():
        if messages := _claimed(channel, now=now):
            _send(channel, messages, now=now)


def send_test(*, now: datetime) -> dict[str, str]:
    """Send a test message by each way there is, and return what went wrong by the way's name; empty is well."""
    results = {}
    for channel in channels.configured():
        try:
            channels.send(channel, [News.test(now=now)], now=now)
        except NotToldError as error:
            results[channel.label] = str(error)
        else:
            results[channel.label] = ""
    return results


def _claimed(channel: AlertMessage.Channel, *, now: datetime) -> list[AlertMessage]:
    token = secrets.token_hex(16)
    due = AlertMessage.objects.due(now).filter(channel=channel, queued_at__gt=now - GIVE_UP_AFTER)
    if not due.update(claim=token, claimed_until=now + CLAIM_LASTS):
        return []
    return list(AlertMessage.objects.filter(claim=token).select_related("alert__app_registration"))


def _send(channel: AlertMessage.Channel, messages: Sequence[AlertMessage], *, now: datetime) -> None:
    ours = AlertMessage.objects.filter(claim=messages[0].claim)
    try:
        channels.send(channel, [News.of(message) for message in messages], now=now)
    except NotToldError as error:
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(10, *(one.attempts for one in messages)))
        logger.warning("alerts not told channel=%s count=%d error=%s", channel, len(messages), error)
        ours.update(
            claim="",
            claimed_until=None,
            attempts=F("attempts") + 1,
            next_attempt_at=now + wait,
            error=str(error)[:ERROR_LENGTH],
        )
    else:
        ours.update(claim="", claimed_until=None, attempts=F("attempts") + 1, told_at=now, error="")
