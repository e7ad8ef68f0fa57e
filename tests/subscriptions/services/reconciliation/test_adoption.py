"""Adopt and remove what is at Graph without anybody here having asked for it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from subscriptions.models import (
    AppRegistration,
    EncryptionCertificate,
    FormerIdentity,
    Operation,
    Sighting,
    Subscription,
)
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.sandbox.stored import StoredSubscription
from subscriptions.services import reconciliation, recreation
from subscriptions.services.access.owners import Owner
from subscriptions.services.errors import BusyError, NotOursError, UseCaseError, WishExistsError
from subscriptions.services.reconciliation import adoption, comparison, strays

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
Put = Callable[..., StoredSubscription]
Asked = Callable[..., list[RecordedRequest]]


def clock() -> datetime:
    return datetime.now(UTC)


def adopt(sighting: Sighting) -> adoption.Adopted:
    return adoption.adopt(sighting, now=clock(), actor="alice")


@pytest.fixture
def sighted(app_registration: AppRegistration) -> Callable[[str], Sighting]:
    """Return a function that looks at Graph and returns what was seen under an id."""

    def sighted(graph_id: str) -> Sighting:
        comparison.look(Owner(app_registration=app_registration, account=None), clock=clock, actor="test")
        return Sighting.objects.select_related("look", "subscription").get(graph_id=graph_id)

    return sighted


Sighted = Callable[[str], Sighting]


def test_an_unknown_one_becomes_a_row_as_graph_has_it(
    make_subscription: Make, put_at_graph: Put, sighted: Sighted
) -> None:
    stray = put_at_graph(make_subscription(), resource="users", change_type="deleted,updated")

    row = adopt(sighted(stray.id)).subscription

    row.refresh_from_db()
    assert (row.graph_id, row.resource, row.change_type) == (stray.id, "/users", "updated,deleted")
    assert (row.status, row.expires_at, row.client_state.reveal()) == ("active", stray.expires_at, "theirs")
    assert Operation.objects.filter(action="adopt").exists()


def test_what_is_not_as_ours_is_told_and_mended_by_the_next_run(
    make_subscription: Make, put_at_graph: Put, sighted: Sighted, sandbox: Sandbox, webhook: str
) -> None:
    elsewhere = {
        "notification_url": "https://elsewhere.example/hook",
        "lifecycle_notification_url": None,
        "client_state": None,
    }
    stray = put_at_graph(make_subscription(), resource="/users", change_type="updated", **elsewhere)

    adopted = adopt(sighted(stray.id))
    reconciliation.reconcile(clock=clock, actor="cron")

    assert "sends to https://elsewhere.example/hook and not to us" in adopted.follows
    assert "clientState" in adopted.follows
    row = Subscription.objects.get(pk=adopted.subscription.pk)
    stored = sandbox.subscriptions[str(row.graph_id)]
    assert stored.notification_url.startswith(webhook)
    assert stored.client_state == row.client_state.reveal()


def test_one_with_content_needs_a_certificate(
    make_subscription: Make, put_at_graph: Put, sighted: Sighted
) -> None:
    stray = put_at_graph(make_subscription(), include_resource_data=True, encryption_certificate_id="theirs")
    sighting = sighted(stray.id)

    with pytest.raises(UseCaseError, match="Make one first"):
        adopt(sighting)
    assert Subscription.objects.count() == 1


def test_one_with_content_gets_our_certificate_and_says_what_follows(
    make_subscription: Make, put_at_graph: Put, sighted: Sighted, certificate: EncryptionCertificate
) -> None:
    stray = put_at_graph(
        make_subscription(), resource="/users", include_resource_data=True, encryption_certificate_id="theirs"
    )

    adopted = adopt(sighted(stray.id))

    assert adopted.subscription.encryption_certificate == certificate
    assert "encrypted for theirs, whose key is not here" in adopted.follows


def test_a_retired_one_that_graph_still_has_comes_back(
    make_subscription: Make, sighted: Sighted, sandbox: Sandbox
) -> None:
    row = make_subscription()
    Subscription.objects.update(status="removed")

    adopted = adopt(sighted(str(row.graph_id)))

    assert (adopted.subscription.pk, adopted.subscription.status, adopted.follows) == (row.pk, "active", "")


def test_a_retired_one_whose_wish_another_row_holds_does_not(
    make_subscription: Make, sighted: Sighted, put_at_graph: Put, sandbox: Sandbox
) -> None:
    row = make_subscription()
    stored = sandbox.subscriptions[str(row.graph_id)]
    Subscription.objects.update(status="removed")
    sandbox.remove_subscription(stored.id)
    make_subscription()
    sandbox._shelf.add(stored, lambda _: None)

    with pytest.raises(WishExistsError):
        adopt(sighted(stored.id))


def test_an_earlier_form_is_not_adopted(make_subscription: Make, sighted: Sighted, sandbox: Sandbox) -> None:
    row = make_subscription()
    stored = sandbox.subscriptions[str(row.graph_id)]
    recreation.recreate(row, now=clock(), actor="test")
    sandbox._shelf.add(stored, lambda _: None)

    with pytest.raises(UseCaseError, match="earlier form"):
        adopt(sighted(stored.id))


def test_what_was_given_up_for_lost_and_is_there_again_is_taken_back(
    make_subscription: Make, sighted: Sighted, sandbox: Sandbox
) -> None:
    row = make_subscription()
    Subscription.objects.update(status="gone", graph_id=None, renew_at=None)
    FormerIdentity.objects.create(
        subscription=row, graph_id=str(row.graph_id), client_state=row.client_state, accepted_until=clock()
    )

    summary = reconciliation.reconcile(clock=clock, actor="cron")

    row.refresh_from_db()
    assert (summary.adopted, row.status, list(sandbox.subscriptions)) == (1, "active", [row.graph_id])
    assert not FormerIdentity.objects.exists()


def test_what_somebody_else_made_is_not_taken_for_ours(make_subscription: Make, sighted: Sighted) -> None:
    row = make_subscription()
    Subscription.objects.update(status="pending", graph_id=None, client_state="another")

    with pytest.raises(NotOursError):
        adopt(sighted(str(row.graph_id)))
    assert Subscription.objects.get().status == "pending"


def test_what_is_delivered_elsewhere_than_to_the_web_is_left_alone(
    make_subscription: Make, put_at_graph: Put, sighted: Sighted
) -> None:
    address = "EventHub:https://hub.servicebus.windows.net/eventhubname/h?tenantId=x"
    stray = put_at_graph(make_subscription(), resource="/users", notification_url=address)

    with pytest.raises(UseCaseError, match="no web address"):
        adopt(sighted(stray.id))


def test_two_who_adopt_at_once_make_one_row(
    make_subscription: Make, put_at_graph: Put, sighted: Sighted, at_once: Callable[..., list[Any]]
) -> None:
    stray = put_at_graph(make_subscription(), resource="/users")
    sighting = sighted(stray.id)

    results = at_once(lambda: adopt(Sighting.objects.select_related("look").get(pk=sighting.pk)))

    assert sum(isinstance(result, BusyError) for result in results) == 1
    assert Subscription.objects.filter(graph_id=stray.id).count() == 1


def test_what_graph_has_lost_meanwhile_is_told(
    make_subscription: Make, put_at_graph: Put, sighted: Sighted, sandbox: Sandbox
) -> None:
    stray = put_at_graph(make_subscription(), resource="/users")
    sighting = sighted(stray.id)
    sandbox.remove_subscription(stray.id)

    with pytest.raises(UseCaseError, match="no longer has"):
        adopt(sighting)
    assert not Sighting.objects.filter(pk=sighting.pk).exists()


# Removing


def test_an_unknown_one_is_removed_at_graph(
    make_subscription: Make, put_at_graph: Put, sighted: Sighted, sandbox: Sandbox
) -> None:
    row = make_subscription()
    stray = put_at_graph(row, resource="/users")

    strays.remove(sighted(stray.id), now=clock(), actor="alice")

    assert list(sandbox.subscriptions) == [row.graph_id]
    assert not Sighting.objects.filter(graph_id=stray.id).exists()


def test_what_became_ours_meanwhile_is_not_removed(
    make_subscription: Make, put_at_graph: Put, sighted: Sighted, sandbox: Sandbox
) -> None:
    stray = put_at_graph(make_subscription(), resource="/users")
    sighting = sighted(stray.id)
    adopt(sighting)
    Sighting.objects.filter(pk=sighting.pk).update(state="unknown")

    with pytest.raises(UseCaseError, match="belongs to subscription"):
        strays.remove(sighting, now=clock(), actor="alice")
    assert stray.id in sandbox.subscriptions


def test_what_a_create_call_under_way_has_made_is_not_removed(
    make_subscription: Make, sighted: Sighted, sandbox: Sandbox
) -> None:
    row = make_subscription()
    Subscription.objects.update(status="pending", graph_id=None)

    with pytest.raises(UseCaseError, match="belongs to subscription"):
        strays.remove(sighted(str(row.graph_id)), now=clock(), actor="alice")
    assert list(sandbox.subscriptions) == [row.graph_id]


def test_two_who_remove_at_once_delete_once(
    make_subscription: Make,
    put_at_graph: Put,
    sighted: Sighted,
    at_once: Callable[..., list[Any]],
    asked: Asked,
) -> None:
    stray = put_at_graph(make_subscription(), resource="/users")
    sighting = sighted(stray.id)

    at_once(
        lambda: strays.remove(
            Sighting.objects.select_related("look").get(pk=sighting.pk), now=clock(), actor="alice"
        )
    )

    assert len(asked("DELETE")) == 1
