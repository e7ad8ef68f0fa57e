"""How the delta query of a subscription stands, in plain words."""

from subscriptions.admin import badges
from subscriptions.catalogue import deltas
from subscriptions.models import DeltaTracking, Subscription


def standing(subscription: Subscription) -> str:
    """Return up to when every change is known, what comes next, what stands in the way, and what is never found."""
    plan = deltas.plan_for(subscription.resource)
    if plan is None:
        return "Graph has none for this resource: what is not notified cannot be found."
    if subscription.status == Subscription.Status.REMOVED:
        return "Not followed any more."
    tracking = DeltaTracking.objects.filter(subscription=subscription).first()
    return " ".join((*_state(tracking), *plan.limits))


def _state(tracking: DeltaTracking | None) -> list[str]:
    if tracking is None:
        return ["Not begun yet: the worker or recover_changes begins it."]
    words = ["Not begun yet."]
    if tracking.recovered_at:
        words = [f"Every change is known up to {badges.to_the_second(tracking.recovered_at)}."]
    if tracking.error_at:
        words.append(f"The last look failed: {tracking.error_message}")
    if tracking.due_at:
        words.append(f"Looked up again at {badges.to_the_second(tracking.due_at)}.")
    return words
