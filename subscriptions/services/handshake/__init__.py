"""Explains how a webhook answered the handshake: what Graph would not accept, and what to do about it."""

from collections.abc import Iterator
from datetime import timedelta

from subscriptions.graph.probe import Probe
from subscriptions.services import findings
from subscriptions.services.findings import Finding
from subscriptions.services.handshake import answers, connections
from subscriptions.services.handshake.faults import Fault

__all__ = ["CHECK", "errors", "explain"]

CHECK = "handshake"


def explain(probe: Probe) -> list[Finding]:
    """Return what Graph would find fault with, or that all is well; at least one finding."""
    faults = [*_faults(probe), *connections.warnings(probe)]
    if not faults:
        milliseconds = probe.duration / timedelta(milliseconds=1)
        return [
            findings.good(
                CHECK, probe.url, f"The validation token came back exactly, in {milliseconds:.0f} ms."
            )
        ]
    return [_finding(probe, fault) for fault in faults]


def errors(probe: Probe) -> list[Fault]:
    """Return what keeps the handshake from passing; empty where Graph would accept the answer."""
    return [fault for fault in _faults(probe) if fault.is_error]


def _faults(probe: Probe) -> Iterator[Fault]:
    reply = probe.reply
    return connections.faults(probe) if reply is None else answers.faults(probe, reply)


def _finding(probe: Probe, fault: Fault) -> Finding:
    make = findings.error if fault.is_error else findings.warning
    return make(CHECK, probe.url, fault.message, fault.advice)
