"""Whether Graph can reach our webhook: its address, the handshake on both paths, a second worker."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from subscriptions import conf
from subscriptions.graph import probe
from subscriptions.graph.probe import Probe
from subscriptions.services import findings, handshake
from subscriptions.services.findings import Finding
from subscriptions.services.handshake.faults import MORE_THREADS

ADDRESS = "public address"
WORKERS = "worker threads"


class Caller(StrEnum):
    """From where the webhook is called: what answers to whom decides what an answer proves."""

    OUTSIDE = "outside"  # a process of its own
    WORKER = "worker"  # a worker of the web server, which stays busy with the self-test meanwhile
    ONLY_WORKER = "only worker"  # the same, where the server has no other one


def check(caller: Caller, *, is_trial: bool) -> Iterator[Finding]:
    """Play Graph's handshake against both paths; `is_trial` says that only the custom cloud is used.

    What is on this machine only is then good enough, and CUSTOM_CA_BUNDLE is trusted too.
    """
    configuration = conf.configuration()
    yield _address(configuration.public_base_url, is_trial=is_trial)
    if caller == Caller.ONLY_WORKER:
        yield findings.error(
            WORKERS,
            configuration.public_base_url,
            "The web server answers one request at a time: while this page waits, nobody answers Graph's handshake.",
            MORE_THREADS,
        )
        return
    ca_bundle = configuration.custom_ca_bundle if is_trial else None
    urls = (configuration.notification_url, configuration.lifecycle_notification_url)
    with ThreadPoolExecutor(len(urls)) as threads:
        probes = list(threads.map(partial(probe.play_handshake, ca_bundle=ca_bundle), urls))
    for played in probes:
        yield from handshake.explain(played)
    # An endpoint that does not answer at all says nothing about its threads.
    if probes[0].reply is not None:
        yield _workers(caller, probes[0], ca_bundle)


def _address(public_base_url: str, *, is_trial: bool) -> Finding:
    if not _is_loopback(urlsplit(public_base_url).hostname or ""):
        return findings.good(
            ADDRESS, public_base_url, "PUBLIC_BASE_URL names an address outside this machine."
        )
    make = findings.warning if is_trial else findings.error
    return make(
        ADDRESS,
        public_base_url,
        "PUBLIC_BASE_URL is an address of this machine only: Microsoft's Graph cannot reach it.",
        "Fine for trying things out with the sandbox. For a real tenant, set it to the https address under which the "
        "internet reaches this application, for example that of a tunnel.",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _workers(caller: Caller, played: Probe, ca_bundle: Path | None) -> Finding:
    if caller == Caller.WORKER:
        return findings.good(
            WORKERS, played.url, "The handshake was answered while a worker was busy with this self-test."
        )
    answer = probe.second_answer(played.url, ca_bundle=ca_bundle, hold=probe.HOLD + played.duration)
    if answer == "meanwhile":
        return findings.good(
            WORKERS,
            played.url,
            "A second request was answered while a first was kept open. A reverse proxy in between may have held the "
            "first one back; the self-test in the admin sees through it.",
        )
    if answer == "afterwards":
        return findings.error(
            WORKERS,
            played.url,
            "There is only one worker thread: a second request was answered only after the first had ended.",
            MORE_THREADS,
        )
    return findings.warning(
        WORKERS,
        played.url,
        "A second request was not answered although a single one was.",
        f"Perhaps there is only one worker thread, or connections are limited. {MORE_THREADS}",
    )
