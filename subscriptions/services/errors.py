"""What a use case refuses before Graph is called."""

from subscriptions.models import Subscription


class UseCaseError(Exception):
    """The request cannot be carried out; the text says why and what to do, and may be shown."""


class NotConfiguredError(UseCaseError):
    """A setting is missing."""


class WishExistsError(UseCaseError):
    """There is a subscription for this app registration, resource and change type already."""

    def __init__(self, existing: Subscription) -> None:
        super().__init__(
            f"Subscription {existing.pk} watches {existing.resource} ({existing.change_type}) for "
            f"{existing.app_registration} already. Graph allows one: use that one, or remove it first."
        )
        self.existing = existing


class BusyError(UseCaseError):
    """Somebody else is working on the subscription at this moment."""

    def __init__(self) -> None:
        super().__init__(
            "Another run is working on this subscription, or its state has changed. Reload and try again."
        )
