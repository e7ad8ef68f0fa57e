"""A subscription as the sandbox keeps it, and the shelf on which all of them stand."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from subscriptions.sandbox.clock import Clock, as_graph_time
from subscriptions.sandbox.errors import object_not_found
from subscriptions.sandbox.paths import Canonical, lowered, split_query
from subscriptions.sandbox.rules import Rule, rule_for
from subscriptions.sandbox.tokens import Caller


@dataclass(frozen=True, kw_only=True)
class StoredSubscription:
    """One live subscription; `expires_at` is UTC on the sandbox's clock."""

    id: str
    tenant_id: str
    application_id: str
    creator_id: str
    user_id: str | None
    version: str
    resource: str
    path: Canonical  # what is watched, with /me and user names resolved to ids
    change_type: str
    notification_url: str
    lifecycle_notification_url: str | None
    expires_at: datetime
    client_state: str | None = field(repr=False)
    include_resource_data: bool | None
    encryption_certificate: str | None = field(repr=False)
    encryption_certificate_id: str | None
    latest_supported_tls_version: str
    notification_query_options: str | None
    notification_url_app_id: str | None
    preferences: frozenset[str]
    created_at: datetime
    reauthorized_at: datetime | None = None

    @property
    def is_rich(self) -> bool:
        """Tell whether notifications carry resource data."""
        return bool(self.include_resource_data)

    def prefers(self, preference: str) -> bool:
        """Tell whether it was created with this preference; see `preferences`."""
        return preference in self.preferences

    @cached_property
    def change_types(self) -> frozenset[str]:
        """Return the change types asked for."""
        return split_change_type(self.change_type)

    @cached_property
    def rule(self) -> Rule:
        """Return the rule under which the subscription was accepted."""
        rule = rule_for(self.resource)
        if rule is None:
            raise LookupError(f"no rule for {self.resource}")
        return rule

    @cached_property
    def combination(self) -> tuple[object, ...]:
        """Return what no two subscriptions may share, or Graph answers 409."""
        resource = (lowered(self.path), frozenset(split_query(self.resource)[1].items()))
        return (self.tenant_id, self.application_id, self.user_id, resource, self.change_types)

    def as_json(self, *, context: str = "", reveals_state: bool = True) -> dict[str, object]:
        """Return Graph's representation; a list hides the client state and has no context per item."""
        document: dict[str, object] = {"@odata.context": context} if context else {}
        return document | {
            "id": self.id,
            "resource": self.resource,
            "applicationId": self.application_id,
            "changeType": self.change_type,
            "clientState": self.client_state if reveals_state else None,
            "notificationUrl": self.notification_url,
            "lifecycleNotificationUrl": self.lifecycle_notification_url,
            "expirationDateTime": as_graph_time(self.expires_at),
            "creatorId": self.creator_id,
            "latestSupportedTlsVersion": self.latest_supported_tls_version,
            "includeResourceData": self.include_resource_data,
            # Never shown again once given; the samples print it empty then, and null where none was given.
            "encryptionCertificate": "" if self.is_rich or not reveals_state else None,
            "encryptionCertificateId": self.encryption_certificate_id,
            "notificationQueryOptions": self.notification_query_options,
            "notificationUrlAppId": self.notification_url_app_id,
        }

    def is_visible_to(self, caller: Caller) -> bool:
        """Tell whether the caller may see and change this subscription."""
        return (
            self.tenant_id == caller.tenant_id
            and self.application_id == caller.application.client_id
            and (caller.user is None or caller.user.id == self.user_id)
        )

    def is_listed_for(self, caller: Caller) -> bool:
        """Tell whether a list shows it: as above, or to its user with Subscription.Read.All.

        Source: https://learn.microsoft.com/graph/api/subscription-list (2026-09-17).
        """
        reads_all = caller.user is not None and "Subscription.Read.All" in caller.permissions
        is_own = self.tenant_id == caller.tenant_id and reads_all and self.user_id == caller.creator_id
        return is_own or self.is_visible_to(caller)


@dataclass(frozen=True, kw_only=True)
class Event:
    """What was done to a subscription, and how it stood then; that one expires is no event but a fact of the last."""

    at: datetime
    what: Literal["created", "changed", "removed"]
    subscription: StoredSubscription


def split_change_type(change_type: str) -> frozenset[str]:
    """Return the members of a comma-separated changeType."""
    return frozenset(part.strip() for part in change_type.split(","))


class Shelf:
    """All live subscriptions, in the order of their creation; safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._stored: dict[str, StoredSubscription] = {}
        self._history: list[Event] = []

    @property
    def history(self) -> list[Event]:
        """All that was ever done, in order."""
        with self._lock:
            return list(self._history)

    def all(self) -> Mapping[str, StoredSubscription]:
        """Return what is alive now, by id."""
        now = self._clock.now()
        with self._lock:
            self._stored = {key: one for key, one in self._stored.items() if one.expires_at > now}
            return dict(self._stored)

    def find(self, subscription_id: str, caller: Caller) -> StoredSubscription:
        """Return one subscription.

        Raises:
            GraphProblem: 404 if it is gone, expired or not the caller's.
        """
        found = self._living(subscription_id.lower())
        if found is None or not found.is_visible_to(caller):
            raise object_not_found()
        return found

    def _living(self, subscription_id: str) -> StoredSubscription | None:
        with self._lock:
            found = self._stored.get(subscription_id)
        return found if found and found.expires_at > self._clock.now() else None

    def add(self, new: StoredSubscription, check: Callable[[Mapping[str, StoredSubscription]], None]) -> None:
        """Store a subscription if `check` does not object to what is there at that very moment."""
        with self._lock:
            check(self.all())
            self._stored[new.id] = new
            self._remember("created", new)

    def change(
        self,
        subscription_id: str,
        *,
        expires_at: datetime | None = None,
        notification_url: str | None = None,
        certificate: tuple[str, str] | None = None,
        reauthorized_at: datetime | None = None,
    ) -> StoredSubscription:
        """Change what is given (`certificate` is the pair certificate and id) and return the result.

        Raises:
            GraphProblem: 404 if it has gone in the meantime.
        """
        with self._lock:
            found = self._living(subscription_id)
            if found is None:
                raise object_not_found()
            changed = replace(
                found,
                expires_at=expires_at or found.expires_at,
                notification_url=notification_url or found.notification_url,
                encryption_certificate=certificate[0] if certificate else found.encryption_certificate,
                encryption_certificate_id=certificate[1] if certificate else found.encryption_certificate_id,
                reauthorized_at=reauthorized_at or found.reauthorized_at,
            )
            self._stored[subscription_id] = changed
            self._remember("changed", changed)
            return changed

    def remove(self, subscription_id: str) -> bool:
        """Remove a subscription; return whether it was there."""
        with self._lock:
            removed = self._living(subscription_id)
            if removed is not None:
                del self._stored[subscription_id]
                self._remember("removed", removed)
            return removed is not None

    def _remember(self, what: Literal["created", "changed", "removed"], one: StoredSubscription) -> None:
        self._history.append(Event(at=self._clock.now(), what=what, subscription=one))


def at_least(expires_at: datetime, now: datetime, minimum: timedelta) -> datetime:
    """Raise an expiry that is too near, as Graph does without saying so."""
    return max(expires_at, now + minimum)
