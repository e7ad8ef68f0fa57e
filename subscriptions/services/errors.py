"""What a use case refuses before Graph is called."""

from subscriptions.graph.errors import GraphError
from subscriptions.models import Subscription


class UseCaseError(Exception):
    """The request cannot be carried out; the text says why and what to do, and may be shown."""


class NotReadyError(UseCaseError, GraphError):
    """No call can be made: a setting is missing, or a stored secret does not open.

    It is a `GraphError` too, so that a row which could not be sent is explained like one that was refused.
    """

    default_explanation = "Nothing was sent."


class NotConfiguredError(NotReadyError):
    """A setting is missing."""


class UnreadableSecretError(NotReadyError):
    """A secret that the call needs does not open: FIELD_ENCRYPTION_KEYS lacks its key."""


class WishExistsError(UseCaseError):
    """There is a subscription for this app registration, resource and change type already."""

    def __init__(self, existing: Subscription) -> None:
        super().__init__(
            f"Subscription {existing.pk} watches {existing.resource} ({existing.change_type}) for "
            f"{existing.app_registration} already. Graph allows one: use that one, or remove it first."
        )
        self.existing = existing


class NotOursError(UseCaseError):
    """What Graph has answers to a wish of ours in all but the clientState."""

    def __init__(self, subscription: Subscription) -> None:
        super().__init__(
            f"Subscription {subscription.pk} asks for the same, but Graph's has another clientState, so somebody else "
            "made it. Retire that subscription first, or remove this one at Graph."
        )


class PausedError(UseCaseError):
    """The subscription is paused: it is not to be at Graph."""

    def __init__(self) -> None:
        super().__init__("The subscription is paused. Resume it first.")


class TookTooLongError(UseCaseError):
    """The comparison with Graph was given up for lack of time."""

    def __init__(self) -> None:
        super().__init__(
            "Graph's list is too long to be compared while a page waits: what was seen before stays. The command "
            "sync_subscriptions has no such limit."
        )


class BusyError(UseCaseError):
    """Somebody else is working on the subscription at this moment."""

    def __init__(self) -> None:
        super().__init__(
            "Another run is working on this subscription, or its state has changed. Reload and try again."
        )
