"""Raise, refresh and resolve: the alerts follow the findings."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from subscriptions.models import Alert, AlertedSubscription, AlertMessage
from subscriptions.services.alerts import telling
from subscriptions.services.alerts.checks import Check, Finding

logger = logging.getLogger(__name__)
Occasion = AlertMessage.Occasion

# An alert that concerns more and more subscriptions is not told again more often than this.
TOLD_AGAIN_AFTER = timedelta(hours=1)
BATCH_SIZE = 1000


@dataclass(kw_only=True)
class Changed:
    """How many alerts were raised and resolved by this call, and not by another one at the same time."""

    raised: int = 0
    resolved: int = 0


def settle(findings: Sequence[Finding], *, checks: Iterable[Check], now: datetime) -> Changed:
    """Make the open alerts of these checks' kinds those that `findings` name."""
    check_of = {kind: check for check in checks for kind in check.kinds}
    changed = Changed()
    opened = {alert.key: alert for alert in Alert.objects.open().filter(kind__in=check_of)}
    found = {finding.key: finding for finding in findings}
    for key, finding in found.items():
        try:
            if key in opened:
                _refresh(opened[key], finding, now=now)
            else:
                _raise(finding, now=now)
                changed.raised += 1
        except IntegrityError:
            # Another watch was faster, or what it is about is being deleted: the next watch sees which.
            logger.info("alert left to another watch key=%s", key)
    for key, alert in opened.items():
        check = check_of[alert.kind]
        if key not in found and alert.last_seen_at <= now - check.calm:
            still_found = {
                pk for finding in findings if finding.kind in check.kinds for pk in finding.subscriptions
            }
            changed.resolved += _resolve(alert, in_trouble=still_found, now=now)
    return changed


def _raise(finding: Finding, *, now: datetime) -> None:
    with transaction.atomic():
        alert = Alert.objects.create(
            kind=finding.kind,
            key=finding.key,
            stage=finding.stage,
            app_registration_id=finding.app_registration,
            delegated_account_id=finding.delegated_account,
            encryption_certificate_id=finding.encryption_certificate,
            raised_at=now,
            announced_at=now,
            **_words(finding, now=now),
        )
        _concern(alert, finding.subscriptions, now=now)
        telling.queue(alert, Occasion.RAISED, now=now)
    logger.error("alert raised kind=%s title=%r", alert.kind, alert.title)


def _refresh(alert: Alert, finding: Finding, *, now: datetime) -> None:
    with transaction.atomic():
        concerned = alert.concerned.filter(until_at__isnull=True)
        before = set(concerned.values_list("subscription_id", flat=True))
        if left := before - finding.subscriptions:
            concerned.filter(subscription__in=left).update(until_at=now)
        if joined := finding.subscriptions - before:
            _concern(alert, joined, now=now)
        still_open = Alert.objects.open().filter(pk=alert.pk)
        still_open.update(**_words(finding, now=now))
        if finding.stage > alert.stage or _has_grown(alert, now=now):
            # Of two watches at once, the one that finds the alert as it was read tells it again.
            unchanged = still_open.filter(announced_at=alert.announced_at)
            if unchanged.update(announced_at=now, stage=max(finding.stage, alert.stage)):
                telling.queue(alert, Occasion.AGAIN, now=now)


def _has_grown(alert: Alert, *, now: datetime) -> bool:
    """Say whether it concerns subscriptions that nobody was told of, and the last telling is long enough ago."""
    if alert.announced_at > now - TOLD_AGAIN_AFTER:
        return False
    return alert.concerned.filter(until_at__isnull=True, since_at__gt=alert.announced_at).exists()


def _resolve(alert: Alert, *, in_trouble: set[int], now: datetime) -> int:
    """End an alert; where its subscriptions have only moved to another one, nobody is told that all is well."""
    with transaction.atomic():
        concerned = alert.concerned.filter(until_at__isnull=True)
        superseded = not in_trouble.isdisjoint(concerned.values_list("subscription_id", flat=True))
        ended = Alert.objects.open().filter(pk=alert.pk)
        if not ended.update(resolved_at=now, superseded=superseded):
            return 0
        concerned.update(until_at=now)
        if not superseded:
            telling.queue(alert, Occasion.RESOLVED, now=now)
    logger.info("alert resolved kind=%s title=%r superseded=%s", alert.kind, alert.title, superseded)
    return 1


def _words(finding: Finding, *, now: datetime) -> dict[str, object]:
    return {
        "title": " ".join(finding.title.split())[:300],
        "what_to_do": finding.what_to_do,
        "last_seen_at": now,
    }


def _concern(alert: Alert, subscriptions: Iterable[int], *, now: datetime) -> None:
    AlertedSubscription.objects.bulk_create(
        (AlertedSubscription(alert=alert, subscription_id=pk, since_at=now) for pk in sorted(subscriptions)),
        batch_size=BATCH_SIZE,
        ignore_conflicts=True,
    )
