"""Everything that Graph can watch, as data, and the rules that go with it."""

from subscriptions.catalogue.entries import Entry, Permissions, entries, search, workloads
from subscriptions.catalogue.filling import fill
from subscriptions.catalogue.matching import entry_for
from subscriptions.catalogue.paths import normalise
from subscriptions.catalogue.workload import workload_of

__all__ = [
    "Entry",
    "Permissions",
    "entries",
    "entry_for",
    "fill",
    "normalise",
    "search",
    "workload_of",
    "workloads",
]
