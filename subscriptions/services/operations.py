"""Writes the log of what was said to Graph."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from subscriptions.graph.documents import CallRecord
from subscriptions.graph.errors import GraphError
from subscriptions.models import AppRegistration, Operation, Subscription

logger = logging.getLogger(__name__)


class CallLog:
    """Collects the HTTP calls of one use case; each becomes one `Operation`."""

    def __init__(
        self, action: str, *, actor: str, app_registration: AppRegistration, subscription: Subscription | None
    ) -> None:
        self._action = action
        self._actor = actor
        self._app_registration = app_registration
        self._subscription = subscription
        self.calls: list[CallRecord] = []

    @property
    def took(self) -> timedelta:
        """Return how long the calls so far took, without the waiting between them."""
        return sum((call.duration for call in self.calls), timedelta())

    def write(self, calls: Iterable[CallRecord]) -> None:
        """Write calls that were collected elsewhere."""
        for call in calls:
            self(call)

    def __call__(self, call: CallRecord) -> None:
        """Write one call to the log."""
        self.calls.append(call)
        subscription = self._subscription
        succeeded = call.status is not None and call.status < 400  # noqa: PLR2004 -- HTTP's border of errors
        logger.log(
            # Cron mails what a run says; a call that went well is worth no mail.
            logging.DEBUG if succeeded else logging.WARNING,
            "graph called action=%s subscription=%s method=%s path=%s status=%s error=%s milliseconds=%s "
            "graph_request_id=%s client_request_id=%s",
            self._action,
            subscription.pk if subscription else None,
            call.method,
            call.path,
            call.status,
            call.error_code,
            _milliseconds(call.duration),
            call.request_id,
            call.client_request_id,
        )
        Operation.objects.create(
            subscription=subscription,
            app_registration=self._app_registration,
            action=self._action,
            actor=self._actor,
            graph_id=(subscription.graph_id or "") if subscription else "",
            started_at=call.started_at,
            duration_ms=_milliseconds(call.duration),
            succeeded=succeeded,
            status_code=call.status,
            error_code=call.error_code,
            message=f"{call.method} {call.path}",
            request_id=call.request_id,
        )


def record(
    action: str, *, actor: str, subscription: Subscription, started_at: datetime, error: GraphError
) -> None:
    """Write that a call for a subscription never left, and why."""
    line = entry(action, actor=actor, subscription=subscription, started_at=started_at, error=error)
    line.save(force_insert=True)


def entry(
    action: str,
    *,
    actor: str,
    subscription: Subscription,
    started_at: datetime,
    duration: timedelta = timedelta(0),
    error: GraphError | None = None,
    request_id: str = "",
    message: str = "",
) -> Operation:
    """Return the log's line, not saved yet, on what became of one subscription in a call that served many."""
    return Operation(
        subscription=subscription,
        app_registration_id=subscription.app_registration_id,
        action=action,
        actor=actor,
        graph_id=subscription.graph_id or "",
        started_at=started_at,
        duration_ms=_milliseconds(duration),
        succeeded=error is None,
        status_code=error.status if error else 200,
        error_code=error.code if error else "",
        message=str(error) if error else message,
        request_id=error.request_id if error else request_id,
    )


def _milliseconds(duration: timedelta) -> int:
    return int(duration / timedelta(milliseconds=1))
