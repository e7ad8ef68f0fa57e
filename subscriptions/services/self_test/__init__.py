"""Self-test: everything that can keep Graph and us apart, looked at once and told in plain words."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from subscriptions.graph.clouds import Cloud
from subscriptions.models import AppRegistration
from subscriptions.services import findings
from subscriptions.services.access.clients import cloud_of
from subscriptions.services.errors import NotConfiguredError
from subscriptions.services.findings import Finding
from subscriptions.services.self_test import certificates, clouds, identity, reachability
from subscriptions.services.self_test.reachability import Caller

__all__ = ["Caller", "run"]


def run(
    app_registrations: Iterable[AppRegistration],
    *,
    now: datetime,
    actor: str,
    caller: Caller = Caller.OUTSIDE,
    time_limit: timedelta | None = None,
) -> Iterator[Finding]:
    """Check the webhook, certificates, clouds and app registrations, and return each finding as it is made.

    `caller` says from where the webhook is called. Once `time_limit` has passed, no further app registration is
    begun, and those left out are named.
    """
    started = time.monotonic()
    chosen = list(app_registrations)
    yield from reachability.check(caller, is_trial=_is_trial(chosen))
    yield from certificates.check(now=now)
    if not chosen:
        yield findings.warning(
            identity.CREDENTIALS,
            "app registrations",
            "There is no app registration yet.",
            "Add one in the admin, or with the command add_app_registration.",
        )
    by_cloud: dict[Cloud, list[AppRegistration]] = {}
    for app_registration in chosen:
        try:
            by_cloud.setdefault(cloud_of(app_registration), []).append(app_registration)
        except NotConfiguredError as error:
            yield identity.not_ready(app_registration, error)

    def is_time_up() -> bool:
        return time_limit is not None and time.monotonic() - started >= time_limit.total_seconds()

    for cloud, registered in by_cloud.items():
        yield from _of_cloud(cloud, registered, now=now, actor=actor, is_time_up=is_time_up)


def _is_trial(app_registrations: list[AppRegistration]) -> bool:
    """Say whether only the custom cloud is used, which may be a stand-in on this machine."""
    return {app_registration.cloud for app_registration in app_registrations} == {
        AppRegistration.Cloud.CUSTOM
    }


def _of_cloud(
    cloud: Cloud,
    app_registrations: list[AppRegistration],
    *,
    now: datetime,
    actor: str,
    is_time_up: Callable[[], bool],
) -> Iterator[Finding]:
    if is_time_up():
        yield from map(_left_out, app_registrations)
        return
    clock = clouds.clock(cloud)
    yield clock.finding
    if not clock.is_reachable:
        return
    key_ids: set[str] = set()
    for app_registration in app_registrations:
        if is_time_up():
            yield _left_out(app_registration)
        else:
            key_ids.add((yield from identity.check(app_registration, now=now, actor=actor)))
    yield clouds.signing_keys(cloud, key_ids=key_ids - {""})


def _left_out(app_registration: AppRegistration) -> Finding:
    return findings.warning(
        identity.CREDENTIALS,
        app_registration.name,
        "Not checked: the time was up.",
        f"Run: manage.py check_graph --app '{app_registration.name}'",
    )
