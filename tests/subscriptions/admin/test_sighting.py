"""At Graph: the last comparison is shown without asking, repeated on request, and acted on."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from subscriptions.models import AppRegistration, Look, Operation, Sighting, Subscription
from subscriptions.sandbox import Sandbox

LIST = reverse("admin:subscriptions_sighting_changelist")
SIGHT = "subscriptions.view_sighting"
RENEWING = "subscriptions.renew_subscription"
ADDING = "subscriptions.add_subscription"
REMOVING = "subscriptions.remove_subscription"

Make = Callable[..., Subscription]


def page_of(sighting: Sighting, page: str) -> str:
    return reverse(f"admin:subscriptions_sighting_{page}", args=(sighting.pk,))


def look_url(app_registration: AppRegistration) -> str:
    return reverse("admin:subscriptions_sighting_look", args=(app_registration.pk,))


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


@pytest.fixture
def make_sighting(registration: AppRegistration) -> Callable[..., Sighting]:
    """Return a function that saves what was seen at a Graph that nobody asks."""

    def make(**changes: Any) -> Sighting:
        now = datetime.now(UTC)
        look, _ = Look.objects.get_or_create(
            app_registration=registration, defaults={"looked_at": now, "tried_at": now}
        )
        facts = {
            "look": look,
            "state": "unknown",
            "graph_id": str(uuid.uuid4()),
            "resource": "/users",
            "change_type": "updated",
            "notification_url": "https://elsewhere.example/hook",
            "expires_at": now + timedelta(days=1),
        }
        return Sighting.objects.create(**(facts | changes))

    return make


@pytest.fixture
def stray(make_subscription: Make, sandbox: Sandbox, administrator: Client) -> Sighting:
    """Put a subscription at Graph that nobody here asked for, and look."""
    row = make_subscription()
    copy = replace(sandbox.subscriptions[str(row.graph_id)], id=str(uuid.uuid4()), resource="/users")
    sandbox._shelf.add(copy, lambda _: None)
    administrator.post(look_url(row.app_registration))
    return Sighting.objects.get(graph_id=copy.id)


def test_opening_the_page_asks_nothing(administrator: Client, app_registration: AppRegistration) -> None:
    page = administrator.get(LIST).content.decode()

    assert "Not looked at yet" in page
    assert not Operation.objects.exists()


def test_without_an_app_registration_the_page_says_what_to_do(administrator: Client) -> None:
    assert "Register an app" in administrator.get(LIST).content.decode()


def test_looking_shows_what_was_seen_and_when(administrator: Client, make_subscription: Make) -> None:
    row = make_subscription()

    answer = administrator.post(look_url(row.app_registration))
    page = administrator.get(answer.headers["Location"]).content.decode()

    assert "Contoso: 1 in step, 0 drifted, 0 gone, 0 unknown, 0 unclear." in said(answer)
    assert "Everything is in step" in page
    assert "Looked at " in page


def test_two_who_look_one_after_the_other_ask_graph_once(
    administrator: Client, make_subscription: Make, sandbox: Sandbox
) -> None:
    row = make_subscription()

    administrator.post(look_url(row.app_registration))
    administrator.post(look_url(row.app_registration))

    assert (
        len([one for one in sandbox.requests if one.path.endswith("/subscriptions") and one.method == "GET"])
        == 1
    )


def test_a_look_that_fails_is_told_and_keeps_the_last_result(
    administrator: Client, make_subscription: Make, sandbox: Sandbox
) -> None:
    row = make_subscription()
    administrator.post(look_url(row.app_registration))
    Look.objects.update(looked_at=datetime.now(UTC) - timedelta(hours=1))
    sandbox.add_fault(method="GET", path="/subscriptions$", status=403)

    answer = administrator.post(look_url(row.app_registration))
    page = administrator.get(f"{LIST}?state=all").content.decode()

    assert "Contoso: 403" in said(answer)
    assert "Tried at " in page
    assert str(row.graph_id) in page


def test_an_unknown_one_is_adopted_by_its_button(administrator: Client, stray: Sighting) -> None:
    page = administrator.get(page_of(stray, "adopt")).content.decode()
    answer = administrator.post(page_of(stray, "adopt"))

    assert "It is renewed from then on" in page
    assert "Adopted as subscription" in said(answer)
    assert Subscription.objects.filter(graph_id=stray.graph_id, status="active").exists()


def test_removing_at_graph_asks_first(administrator: Client, stray: Sighting, sandbox: Sandbox) -> None:
    page = administrator.get(page_of(stray, "remove")).content.decode()

    assert "Graph deletes the subscription" in page
    assert stray.graph_id in sandbox.subscriptions


def test_an_unknown_one_is_removed_once_confirmed(
    administrator: Client, stray: Sighting, sandbox: Sandbox
) -> None:
    administrator.post(page_of(stray, "remove"))

    assert stray.graph_id not in sandbox.subscriptions
    assert Subscription.objects.get().graph_id in sandbox.subscriptions


def test_what_is_gone_is_mended_by_its_button(
    administrator: Client, make_subscription: Make, sandbox: Sandbox
) -> None:
    row = make_subscription()
    sandbox.remove_subscription(str(row.graph_id))
    administrator.post(look_url(row.app_registration))

    answer = administrator.post(page_of(Sighting.objects.get(), "mend"))

    assert "Created again at Graph." in said(answer)
    assert list(sandbox.subscriptions) == [Subscription.objects.get().graph_id]


def test_several_are_removed_once_confirmed_with_one_message(
    administrator: Client, stray: Sighting, sandbox: Sandbox
) -> None:
    ours = Sighting.objects.exclude(pk=stray.pk).get()
    chosen = {"action": "remove", "_selected_action": [stray.pk, ours.pk]}

    page = administrator.post(f"{LIST}?state=all", chosen).content.decode()
    answer = administrator.post(f"{LIST}?state=all", {**chosen, "confirmed": "yes"})

    assert "Graph deletes the subscription" in page
    assert said(answer).startswith("Removed 1, failed 1.")
    assert ours.graph_id in sandbox.subscriptions


def test_what_was_seen_before_the_last_look_leads_back_to_the_list(
    administrator: Client, make_sighting: Callable[..., Sighting]
) -> None:
    sighting = make_sighting()
    url = page_of(sighting, "remove")
    sighting.delete()

    answer = administrator.post(url)

    assert answer.headers["Location"] == LIST
    assert "anew" in said(answer)


# Rights

STEPS = [
    ("mend", RENEWING, REMOVING),
    ("adopt", ADDING, RENEWING),
    ("remove", REMOVING, RENEWING),
]


@pytest.mark.parametrize(("name", "right", "other"), STEPS)
@pytest.mark.parametrize("step", ["none", "sight", "right", "other"])
def test_nearly_enough_rights_are_not_enough(
    signed_in: Callable[..., Client],
    make_sighting: Callable[..., Sighting],
    name: str,
    right: str,
    other: str,
    step: str,
) -> None:
    rights = {"none": (), "sight": (SIGHT,), "right": (right,), "other": (SIGHT, other)}[step]

    answer = signed_in(*rights).post(page_of(make_sighting(), name))

    assert answer.status_code == 403
    assert not Operation.objects.exists()


@pytest.mark.parametrize("rights", [(), (SIGHT,), (RENEWING,), (SIGHT, ADDING)])
def test_looking_needs_its_rights(
    signed_in: Callable[..., Client], registration: AppRegistration, rights: tuple[str, ...]
) -> None:
    assert signed_in(*rights).post(look_url(registration)).status_code == 403
    assert not Operation.objects.exists()


def test_a_stranger_is_sent_to_sign_in(client: Client, make_sighting: Callable[..., Sighting]) -> None:
    assert client.get(LIST).headers["Location"].startswith(reverse("admin:login"))
    assert (
        client.post(page_of(make_sighting(), "remove")).headers["Location"].startswith(reverse("admin:login"))
    )


def test_somebody_who_may_only_look_has_no_buttons(
    signed_in: Callable[..., Client], make_sighting: Callable[..., Sighting]
) -> None:
    make_sighting()

    page = signed_in(SIGHT).get(LIST).content.decode()

    assert "https://elsewhere.example/hook" in page
    assert not any(word in page for word in ("Adopt", "Remove at Graph", "Look again"))


def test_a_link_cannot_ask_graph(administrator: Client, make_sighting: Callable[..., Sighting]) -> None:
    sighting = make_sighting(state="gone")

    assert administrator.get(page_of(sighting, "mend")).status_code == 405
    assert administrator.get(look_url(sighting.look.app_registration)).status_code == 405


# Lists


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("", {"drifted", "gone", "unknown", "unclear"}),
        ("in_step", {"in_step"}),
        ("all", {"drifted", "gone", "unknown", "unclear", "in_step"}),
        ("nonsense", {"drifted", "gone", "unknown", "unclear"}),
    ],
)
def test_the_list_shows_what_differs_unless_asked_otherwise(
    administrator: Client, make_sighting: Callable[..., Sighting], state: str, shown: set[str]
) -> None:
    for one in Sighting.State.values:
        make_sighting(state=one)

    answer = administrator.get(LIST, {"state": state} if state else {})

    assert {row.state for row in answer.context["cl"].result_list} == shown


@pytest.mark.parametrize("app", ["0", "x", "9" * 30, "²"])
def test_an_app_registration_that_is_not_there_shows_nothing_and_breaks_nothing(
    administrator: Client, make_sighting: Callable[..., Sighting], app: str
) -> None:
    make_sighting()

    assert administrator.get(LIST, {"app": app}).status_code in {200, 302}


def test_five_thousand_cost_the_queries_of_one(
    administrator: Client, make_sighting: Callable[..., Sighting], django_assert_num_queries: Any
) -> None:
    first = make_sighting()
    Sighting.objects.bulk_create(
        [
            Sighting(
                look=first.look, state="unknown", graph_id=str(uuid.uuid4()), resource=f"/users/{number}"
            )
            for number in range(5_000)
        ]
    )

    with django_assert_num_queries(8):
        page = administrator.get(LIST).content.decode()

    assert "5,001 unknown" in page
