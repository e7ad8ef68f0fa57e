"""Delta queries: which watched paths have one, how it begins, and what its items mean."""

from subscriptions.catalogue.deltas.items import SKEW, FoundChange, as_wanted, changes_in, member_mark, moment
from subscriptions.catalogue.deltas.kinds import DeltaKind
from subscriptions.catalogue.deltas.plans import WINDOW_LASTS, Collection, DeltaPlan, plan_for

__all__ = [
    "SKEW",
    "WINDOW_LASTS",
    "Collection",
    "DeltaKind",
    "DeltaPlan",
    "FoundChange",
    "as_wanted",
    "changes_in",
    "member_mark",
    "moment",
    "plan_for",
]
