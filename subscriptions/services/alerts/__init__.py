"""Alerts: checks find what an administrator must know, the watch raises and resolves it, and it is told once."""

from subscriptions.services.alerts.checks import Finding, register
from subscriptions.services.alerts.watching import watch, watch_in_turn

__all__ = ["Finding", "register", "watch", "watch_in_turn"]
