"""The engine: who works through the inbox, and how it learns that something has arrived.

Only this package knows which one runs: threads of the web process, a worker that looks by itself, or workers on several
hosts that Celery wakes. To all of them the inbox is the truth: a nudge is lost without harm, the next look finds all.
"""

from collections.abc import Collection
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from notifications import conf
from notifications.services.engine import threads
from notifications.services.engine.threads import recover_until
from notifications.services.engine.work import give_way, work_once

__all__ = ["celery_application", "give_way", "nudge", "recover_until", "share_renewal", "start", "work_once"]


def start() -> None:
    """Start what belongs into every web process.

    Raises:
        ImproperlyConfigured: there is a broker, but no library that speaks to it.

    """
    if conf.configuration().broker_url:
        celery_application()
    if conf.configuration().embedded_worker:
        threads.start()


def celery_application() -> Any:
    """Return the application whose tasks workers on several hosts run.

    Raises:
        ImproperlyConfigured: there is no broker, or no library that speaks to it.

    """
    if not conf.configuration().broker_url:
        raise ImproperlyConfigured(
            "CELERY_BROKER_URL is not set. Without a broker, a worker is manage.py process_notifications --loop."
        )
    if missing := conf.missing_libraries():
        raise ImproperlyConfigured(f"CELERY_BROKER_URL needs {missing}. {conf.INSTALL_CELERY}")
    from notifications.services.engine.celery_app import app

    return app


def nudge() -> None:
    """Say that something has arrived; inside a transaction it is said after the commit.

    Nothing is waited for and nothing fails here, whether somebody hears it or not.
    """
    configuration = conf.configuration()
    if not configuration.embedded_worker and not configuration.broker_url:
        # Workers elsewhere look by themselves.
        return
    if connection.in_atomic_block:
        transaction.on_commit(_nudge)
    else:
        _nudge()


def share_renewal(app_registrations: Collection[int]) -> None:
    """Ask workers elsewhere to help renewing what is due of these app registrations, one each."""
    if conf.configuration().broker_url:
        from notifications.services.engine import nudges

        for pk in app_registrations:
            nudges.send("renewal", pk)


def _nudge() -> None:
    configuration = conf.configuration()
    if configuration.embedded_worker:
        threads.wake()
    if configuration.broker_url:
        from notifications.services.engine import nudges

        nudges.send("inbox")
