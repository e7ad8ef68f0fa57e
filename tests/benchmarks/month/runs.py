"""How the product runs in the simulated month: its own commands, one after the other, at once, or killed half way."""

import io
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from random import Random
from typing import Any

from django.core.management import call_command
from django.db import connection

from subscriptions.graph import tokens
from subscriptions.graph.errors import GraphError
from subscriptions.models import Subscription
from subscriptions.services import renewal
from subscriptions.services.errors import UseCaseError
from tests.benchmarks.month import clock

PREPARED = "tests.benchmarks.month.prepared"

Summary = dict[str, Any]


def cron(*, remembers: bool) -> Summary:
    """Renew what is due, as cron does.

    Cron's process remembers no token. In good weather that makes no difference but the time it takes, so it may.
    """
    if not remembers:
        tokens.forget()
    return _told("renew_subscriptions")


def worker() -> Summary:
    """Drain the inbox and act on lifecycle notices."""
    return _told("process_notifications")


def recover(*options: str) -> Summary:
    """Look up by delta query what needs it."""
    return _told("recover_changes", *options)


def sync() -> Summary:
    """Compare with Graph."""
    tokens.forget()
    return _told("sync_subscriptions")


def administrator(chance: Random, *, clicks: int) -> None:
    """Renew some subscriptions by hand."""
    active = list(Subscription.objects.filter(status=Subscription.Status.ACTIVE).values_list("pk", flat=True))
    for pk in chance.sample(active, min(clicks, len(active))):
        with suppress(GraphError, UseCaseError, Subscription.DoesNotExist):
            renewal.renew(Subscription.objects.get(pk=pk), now=clock.now(), actor="administrator")


def at_once(works: Iterable[Callable[[], object]]) -> None:
    """Do several things in threads that begin at the same moment.

    Raises:
        Exception: what the first of them raised.

    """
    broken: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 -- raised again below, in the thread that judges
            broken.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]


def killed(command: str, *, statement: int, is_before: bool) -> bool:
    """Run a command in a process of its own that is killed at its n-th SQL statement; say whether it came so far."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PREPARED])
    process = context.Process(target=_die, args=(command, clock.now(), statement, is_before))
    process.start()
    process.join()
    return process.exitcode == -signal.SIGKILL


def _die(command: str, at: datetime, statement: int, is_before: bool) -> None:
    clock.start(at)
    left = statement

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and is_before:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = execute(*arguments)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    with connection.execute_wrapper(count):
        _told(command)


def _told(command: str, *options: str) -> Summary:
    """Run a command and return what it printed; that it failed in part is in there."""
    output = io.StringIO()
    with suppress(SystemExit):
        call_command(command, "--json", *options, stdout=output, stderr=io.StringIO())
    summary: Summary = json.loads(output.getvalue())
    return summary
