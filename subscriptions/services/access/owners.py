"""Owners: whose lists of subscriptions there are at Graph."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet

from subscriptions.graph.client import MAX_WAIT, GraphClient
from subscriptions.graph.documents import CallRecord
from subscriptions.models import AppRegistration, DelegatedAccount, Subscription
from subscriptions.services.access.clients import client_for


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Who sees a list of its own at Graph: an app, or an account that signed in to it."""

    app_registration: AppRegistration
    account: DelegatedAccount | None

    def __str__(self) -> str:
        return f"{self.app_registration}, {self.account}" if self.account else str(self.app_registration)

    def rows(self) -> QuerySet[Subscription]:
        """Return the subscriptions that are watched in its name."""
        return Subscription.objects.filter(
            app_registration=self.app_registration, delegated_account=self.account
        ).select_related(
            "app_registration",
            "delegated_account__app_registration",
            "encryption_certificate",
            "certificate_at_graph",
        )

    def client(self, *, on_call: Callable[[CallRecord], None], max_wait: timedelta = MAX_WAIT) -> GraphClient:
        """Return the client that speaks in its name."""
        return client_for(self.app_registration, account=self.account, on_call=on_call, max_wait=max_wait)


def owners(app_registrations: Iterable[AppRegistration]) -> list[Owner]:
    """Return whose lists there are; the accounts of an app first, since the app's own list may show theirs too."""
    return [
        Owner(app_registration=app_registration, account=account)
        for app_registration in app_registrations
        for account in (*app_registration.accounts.select_related("app_registration"), None)
    ]
