"""What is watched in the simulated week."""

from subscriptions.models import AppRegistration, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import certificates, creation
from subscriptions.services.access import app_registrations
from tests.benchmarks.completeness.kinds import KINDS, MEMBERS
from tests.benchmarks.month import clock

ACTOR = "completeness"


def found(sandbox: Sandbox) -> None:
    """Register the app, let people be there, and create a subscription for each kind."""
    for number in range(MEMBERS):
        sandbox.add_user(f"Person {number}", username=f"person{number}@contoso.example")
    for kind in KINDS:
        for place in kind.places if not kind.members else ():
            # A folder is there because something lies in it.
            sandbox.make_change(f"{place}/first", "created")
    app_registration = app_registrations.register(
        name="Contoso",
        cloud=AppRegistration.Cloud.CUSTOM,
        tenant_id=sandbox.tenant_id,
        client_id=sandbox.application.client_id,
        credential=app_registrations.NewCredential(client_secret=sandbox.application.client_secret),
    )
    certificate = certificates.generate("completeness", key_size=2048, now=clock.now())
    for kind in KINDS:
        wish = Subscription(
            app_registration=app_registration,
            resource=kind.resource,
            change_type=",".join(kind.change_types),
            include_resource_data=kind.is_rich,
            encryption_certificate=certificate if kind.is_rich else None,
            lifetime_minutes=kind.minutes,
        )
        creation.create(wish, now=clock.now(), actor=ACTOR)
