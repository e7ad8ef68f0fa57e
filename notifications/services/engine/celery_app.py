"""The Celery application: two tasks that carry no content, and what a worker's process does beside them."""

from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown
from django.utils import timezone

from notifications import conf
from notifications.services.engine import threads, work
from subscriptions.services import renewal

QUEUE = "graph-subscription-manager"
# What a process has in hand when it is told to end takes seconds.
LONGEST_FAREWELL_SECONDS = 30.0

# Without Celery's own care for Django, which closes the pool of the whole process around each task, also under the
# threads that look by themselves: each piece of work gives its connection back.
app = Celery("graph-subscription-manager", fixups=())
app.conf.update(
    broker_url=conf.configuration().broker_url,
    task_default_queue=QUEUE,
    # A nudge says nothing that the database does not know: it need not be on the broker's disk.
    task_default_delivery_mode="transient",
    task_ignore_result=True,
    accept_content=["json"],
    # What a killed worker was told is told to another one.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # One message more than it works on: an acknowledgement that a cut line swallowed stays counted as in hand, and a
    # worker with its hands full would never look at the line again.
    worker_prefetch_multiplier=2,
    # Without a broker a worker goes on looking by itself until there is one.
    broker_connection_timeout=2,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # Whoever gets at the broker shall not command the workers.
    worker_enable_remote_control=False,
    # Log lines are those of the other processes.
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
)


@app.task(name="inbox")
def inbox() -> None:
    """Work through the inbox."""
    threads.work()


@app.task(name="renewal")
def share_renewal(app_registration: int) -> None:
    """Take a share of a renewal run: what is due of one app registration."""
    threads.safely(
        lambda: renewal.renew_due(clock=timezone.now, actor="worker", app_registration=app_registration)
    )


@worker_process_init.connect
def _look_by_itself(**_: Any) -> None:
    """Let each process of a worker look at the inbox now and then: nudges may be lost, the broker may be away."""
    work.give_way()
    threads.start()


@worker_process_shutdown.connect
def _finish(**_: Any) -> None:
    threads.stop(seconds=LONGEST_FAREWELL_SECONDS)
