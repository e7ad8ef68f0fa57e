"""A local stand-in for Microsoft Graph and its sign-in: demonstrations without a tenant, tests without a mock."""

from subscriptions.sandbox.delivery import Delivery
from subscriptions.sandbox.faults import Fault
from subscriptions.sandbox.recording import RecordedRequest
from subscriptions.sandbox.stand_in import Sandbox
from subscriptions.sandbox.stored import Event, StoredSubscription
from subscriptions.sandbox.tenants import Application, FederatedCredential, Tenant, User

__all__ = [
    "Application",
    "Delivery",
    "Event",
    "Fault",
    "FederatedCredential",
    "RecordedRequest",
    "Sandbox",
    "StoredSubscription",
    "Tenant",
    "User",
]
