"""Subscriptions in the admin: created at Graph after the row is safe, and looked after by buttons and actions."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from subscriptions.models import AppRegistration, EncryptionCertificate, Operation, Subscription
from subscriptions.sandbox import Sandbox

ADD = reverse("admin:subscriptions_subscription_add")
LIST = reverse("admin:subscriptions_subscription_changelist")
MESSAGES = "/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/messages"
SIGHT = "subscriptions.view_subscription"
RENEWING = "subscriptions.renew_subscription"
REMOVING = "subscriptions.remove_subscription"
PAUSING = "subscriptions.pause_subscription"
RECOVERING = "subscriptions.recover_subscription"


def page_of(subscription: Subscription, page: str = "change") -> str:
    return reverse(f"admin:subscriptions_subscription_{page}", args=(subscription.pk,))


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


@pytest.fixture
def form(app_registration: AppRegistration, webhook: str) -> Callable[..., dict[str, Any]]:
    """Return a function that fills in the form; keyword arguments change it."""

    def fill(**changes: Any) -> dict[str, Any]:
        return {
            "app_registration": app_registration.pk,
            "resource": MESSAGES,
            "change_type": ["updated", "created"],
            "api_version": "v1.0",
            "auto_renew": "on",
            **changes,
        }

    return fill


def test_saving_creates_the_subscription_at_graph(
    administrator: Client, form: Callable[..., dict[str, Any]], sandbox: Sandbox
) -> None:
    answer = administrator.post(ADD, form())

    subscription = Subscription.objects.get()
    assert subscription.graph_id in sandbox.subscriptions
    assert subscription.change_type == "created,updated"
    assert f"Graph created the subscription as {subscription.graph_id}. It lasts until" in said(answer)
    assert answer.headers["Location"] == page_of(subscription)


def test_a_subscription_with_content_is_created_for_its_certificate(
    administrator: Client,
    form: Callable[..., dict[str, Any]],
    sandbox: Sandbox,
    certificate: EncryptionCertificate,
) -> None:
    rich = form(
        resource=f"{MESSAGES}?$select=subject",
        include_resource_data="on",
        encryption_certificate=certificate.pk,
    )

    administrator.post(ADD, rich)

    assert Subscription.objects.get().graph_id in sandbox.subscriptions


def test_a_refusal_of_graph_is_told_and_the_row_is_kept(
    administrator: Client, form: Callable[..., dict[str, Any]], sandbox: Sandbox
) -> None:
    body = {"error": {"code": "ExtensionError", "message": "Access is denied.", "innerError": {}}}
    sandbox.add_fault(method="POST", path="/subscriptions$", status=403, body=body)

    answer = administrator.post(ADD, form())

    subscription = Subscription.objects.get()
    page = administrator.get(page_of(subscription)).content.decode()
    assert subscription.status == "failed"
    assert "Not created. 403 ExtensionError: Access is denied." in said(answer)
    assert "ExtensionError" in page
    assert "Try again" in page


def test_a_failed_subscription_is_tried_again_by_its_button(
    administrator: Client, form: Callable[..., dict[str, Any]], sandbox: Sandbox
) -> None:
    sandbox.add_fault(method="POST", path="/subscriptions$", status=403)
    administrator.post(ADD, form())
    subscription = Subscription.objects.get()

    administrator.post(page_of(subscription, "submit"))

    subscription.refresh_from_db()
    assert subscription.status == "active"
    assert subscription.missed_at is None


def test_a_second_wish_of_the_same_kind_leads_to_the_first(
    administrator: Client, form: Callable[..., dict[str, Any]]
) -> None:
    administrator.post(ADD, form())

    answer = administrator.post(ADD, form())

    assert answer.headers["Location"] == page_of(Subscription.objects.get())
    assert "already" in said(answer)


def test_a_warning_of_the_rules_is_a_message_and_no_obstacle(
    administrator: Client, form: Callable[..., dict[str, Any]]
) -> None:
    answer = administrator.post(ADD, form(lifetime_minutes="30"))

    assert "raises anything below 45 minutes" in said(answer)
    assert Subscription.objects.get().status == "active"


def test_somebody_who_may_only_add_is_not_sent_to_a_page_that_is_closed_to_him(
    signed_in: Callable[..., Client], form: Callable[..., dict[str, Any]]
) -> None:
    answer = signed_in("subscriptions.add_subscription").post(ADD, form())

    assert Subscription.objects.get().status == "active"
    assert answer.headers["Location"] == reverse("admin:index")


# Buttons


CALLS = [
    ("renew", RENEWING, REMOVING),
    ("reauthorize", RENEWING, REMOVING),
    ("recreate", RENEWING, REMOVING),
    ("rotate", RENEWING, REMOVING),
    ("submit", RENEWING, REMOVING),
    ("pause", PAUSING, RENEWING),
    ("catch_up", RECOVERING, RENEWING),
    ("resume", PAUSING, REMOVING),
    ("remove", REMOVING, RENEWING),
]


@pytest.mark.parametrize(("name", "right", "other"), CALLS)
def test_a_stranger_is_sent_to_sign_in(
    client: Client, make_row: Callable[..., Subscription], name: str, right: str, other: str
) -> None:
    del right, other

    answer = client.post(page_of(make_row(), name))

    assert answer.headers["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize(("name", "right", "other"), CALLS)
@pytest.mark.parametrize("step", ["none", "sight", "right", "other"])
def test_nearly_enough_rights_are_not_enough(
    signed_in: Callable[..., Client],
    make_row: Callable[..., Subscription],
    name: str,
    right: str,
    other: str,
    step: str,
) -> None:
    rights = {"none": (), "sight": (SIGHT,), "right": (right,), "other": (SIGHT, other)}[step]
    subscription = make_row()

    answer = signed_in(*rights).post(page_of(subscription, name))

    assert answer.status_code == 403
    assert not Operation.objects.exists()


def test_renew_moves_the_expiry(
    signed_in: Callable[..., Client], make_subscription: Callable[..., Subscription]
) -> None:
    subscription = make_subscription()
    Subscription.objects.update(expires_at=datetime.now(UTC) + timedelta(minutes=50))

    answer = signed_in(SIGHT, RENEWING).post(page_of(subscription, "renew"))

    after = Subscription.objects.get()
    assert after.expires_at is not None
    assert after.expires_at > datetime.now(UTC) + timedelta(hours=12)
    assert "Renewed. It lasts until" in said(answer)


def test_reauthorize_says_what_was_done(
    signed_in: Callable[..., Client], make_subscription: Callable[..., Subscription]
) -> None:
    subscription = make_subscription()

    answer = signed_in(SIGHT, RENEWING).post(page_of(subscription, "reauthorize"))

    assert said(answer) == "Reauthorized."


def test_recreate_asks_first(
    signed_in: Callable[..., Client], make_subscription: Callable[..., Subscription]
) -> None:
    subscription = make_subscription()

    page = signed_in(SIGHT, RENEWING).get(page_of(subscription, "recreate")).content.decode()

    assert "What will happen" in page
    assert Subscription.objects.get().graph_id == subscription.graph_id


def test_recreate_gives_a_new_id(
    signed_in: Callable[..., Client],
    make_subscription: Callable[..., Subscription],
    sandbox: Sandbox,
) -> None:
    subscription = make_subscription()

    signed_in(SIGHT, RENEWING).post(page_of(subscription, "recreate"))

    assert Subscription.objects.get().graph_id != subscription.graph_id
    assert list(sandbox.subscriptions) == [Subscription.objects.get().graph_id]


def test_rotate_asks_first(
    signed_in: Callable[..., Client], make_subscription: Callable[..., Subscription]
) -> None:
    subscription = make_subscription()

    page = signed_in(SIGHT, RENEWING).get(page_of(subscription, "rotate")).content.decode()

    assert "with the old clientState is accepted" in page
    assert Subscription.objects.get().client_state == subscription.client_state


def test_rotate_gives_a_new_client_state_and_shows_none(
    signed_in: Callable[..., Client], make_subscription: Callable[..., Subscription]
) -> None:
    subscription = make_subscription()

    answer = signed_in(SIGHT, RENEWING).post(page_of(subscription, "rotate"))

    after = Subscription.objects.get()
    assert after.client_state != subscription.client_state
    assert f"Created again as {after.graph_id}, with a new clientState." in said(answer)
    assert after.client_state.reveal() not in said(answer)


def test_remove_asks_first_and_says_what_will_happen(
    signed_in: Callable[..., Client],
    make_subscription: Callable[..., Subscription],
    sandbox: Sandbox,
) -> None:
    subscription = make_subscription()

    page = signed_in(SIGHT, REMOVING).get(page_of(subscription, "remove")).content.decode()

    assert "Graph deletes the subscription" in page
    assert subscription.graph_id in sandbox.subscriptions


def test_remove_ends_it_at_graph_and_keeps_the_row(
    signed_in: Callable[..., Client],
    make_subscription: Callable[..., Subscription],
    sandbox: Sandbox,
) -> None:
    subscription = make_subscription()

    signed_in(SIGHT, REMOVING).post(page_of(subscription, "remove"))

    assert not sandbox.subscriptions
    assert Subscription.objects.get().status == "removed"


def test_an_error_of_graph_is_told_with_code_and_request_id(
    administrator: Client, make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription()
    body = {"error": {"code": "AuthorizationFailed", "message": "No.", "innerError": {"request-id": "r-1"}}}
    sandbox.add_fault(path="/reauthorize$", status=403, body=body)

    answer = administrator.post(page_of(subscription, "reauthorize"))

    assert "Not reauthorized. 403 AuthorizationFailed: No. (request-id r-1)" in said(answer)


def test_what_makes_no_sense_is_told_and_not_sent(
    administrator: Client, make_row: Callable[..., Subscription]
) -> None:
    answer = administrator.post(page_of(make_row(status="removed"), "renew"))

    assert said(answer) == "Not renewed. It cannot be renewed while it is retired."


@pytest.mark.parametrize("name", ["renew", "reauthorize", "submit"])
def test_a_link_cannot_call_graph(
    administrator: Client, make_row: Callable[..., Subscription], name: str
) -> None:
    assert administrator.get(page_of(make_row(), name)).status_code == 405


@pytest.mark.parametrize("name", ["renew", "remove"])
def test_a_row_that_is_not_there_is_not_found(administrator: Client, name: str) -> None:
    url = reverse(f"admin:subscriptions_subscription_{name}", args=(999,))

    assert administrator.post(url).status_code == 404


@pytest.mark.parametrize(
    ("facts", "labels"),
    [
        (
            {"resource": "/chats"},
            ["Renew now", "Reauthorize", "Recreate", "Rotate clientState", "Pause", "Retire", "Clone"],
        ),
        ({"status": "removed"}, ["Recreate", "Clone"]),
        ({"status": "gone"}, ["Catch up", "Recreate", "Rotate clientState", "Pause", "Retire", "Clone"]),
        ({"status": "failed", "granted_at": None}, ["Try again", "Retire", "Clone"]),
        ({"status": "pending", "granted_at": None}, ["Try again", "Pause", "Retire", "Clone"]),
        ({"status": "gone", "is_enabled": False}, ["Resume", "Retire", "Clone"]),
        ({"is_enabled": False}, ["Resume", "Pause", "Retire", "Clone"]),
    ],
)
def test_only_buttons_that_make_sense_are_there(
    administrator: Client,
    make_row: Callable[..., Subscription],
    facts: dict[str, Any],
    labels: list[str],
) -> None:
    answer = administrator.get(page_of(make_row(**facts)))

    assert [button.label for button in answer.context["buttons"]] == labels


def test_somebody_who_may_only_look_has_no_buttons(
    signed_in: Callable[..., Client], make_row: Callable[..., Subscription]
) -> None:
    answer = signed_in(SIGHT).get(page_of(make_row()))

    assert answer.context["buttons"] == []


def test_pause_asks_first_and_says_what_will_happen(
    signed_in: Callable[..., Client], make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription()

    page = signed_in(SIGHT, PAUSING).get(page_of(subscription, "pause")).content.decode()

    assert "until somebody resumes it" in page
    assert subscription.graph_id in sandbox.subscriptions


def test_a_paused_subscription_is_shown_so_and_resumed_by_its_button(
    signed_in: Callable[..., Client], make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription()
    client = signed_in(SIGHT, PAUSING)

    client.post(page_of(subscription, "pause"))
    page = client.get(page_of(subscription)).content.decode()
    client.post(page_of(subscription, "resume"))

    assert ">Paused<" in page
    assert list(sandbox.subscriptions) == [Subscription.objects.get().graph_id]


# Actions


def test_several_are_renewed_and_the_failed_ones_are_told(
    signed_in: Callable[..., Client],
    make_subscription: Callable[..., Subscription],
) -> None:
    alive, other = make_subscription(), make_subscription(resource="/users", change_type="updated")
    Subscription.objects.filter(pk=other.pk).update(status="failed")
    client = signed_in(SIGHT, RENEWING)

    answer = client.post(LIST, {"action": "renew", "_selected_action": [alive.pk, other.pk]})

    assert said(answer).startswith(f"Renewed 1, failed 1. {other.pk}: /users: It cannot be renewed")
    assert Subscription.objects.get(pk=alive.pk).renewed_at


def test_removing_several_asks_first(administrator: Client, make_row: Callable[..., Subscription]) -> None:
    chosen = [make_row().pk for _ in range(25)]

    page = administrator.post(LIST, {"action": "remove", "_selected_action": chosen}).content.decode()

    assert "Graph deletes the subscription" in page
    assert "and 5 more" in page
    assert not Operation.objects.exists()


def test_several_are_removed_once_confirmed(
    administrator: Client, make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    chosen = [make_subscription().pk, make_subscription(resource="/users", change_type="updated").pk]
    confirmed = {"action": "remove", "_selected_action": chosen, "confirmed": "yes"}

    answer = administrator.post(LIST, confirmed)

    assert said(answer) == "Retired 2, failed 0."
    assert not sandbox.subscriptions


def test_several_are_paused_once_confirmed_with_one_message(
    signed_in: Callable[..., Client], make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    one, other = make_subscription(), make_subscription(resource="/users", change_type="updated")
    Subscription.objects.filter(pk=other.pk).update(status="failed")
    confirmed = {"action": "pause", "_selected_action": [one.pk, other.pk], "confirmed": "yes"}

    answer = signed_in(SIGHT, PAUSING).post(LIST, confirmed)

    assert said(answer).startswith(
        f"Paused 1, failed 1. {other.pk}: /users: It cannot be paused while it is failed"
    )
    assert list(sandbox.subscriptions) == [other.graph_id]


def test_recreating_what_never_was_at_graph_does_not_claim_that_changes_were_missed(
    administrator: Client, form: Callable[..., dict[str, Any]], sandbox: Sandbox
) -> None:
    sandbox.add_fault(method="POST", path="/subscriptions$", status=403)
    administrator.post(ADD, form())
    chosen = [Subscription.objects.get().pk]

    administrator.post(LIST, {"action": "recreate", "_selected_action": chosen, "confirmed": "yes"})

    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.missed_at) == ("active", None)


@pytest.mark.parametrize(
    ("action", "rights"),
    [
        ("renew", (SIGHT,)),
        ("renew", (SIGHT, REMOVING)),
        ("reauthorize", (SIGHT, REMOVING)),
        ("recreate", (SIGHT, REMOVING)),
        ("rotate", (SIGHT, REMOVING)),
        ("pause", (SIGHT, RENEWING)),
        ("resume", (SIGHT, REMOVING)),
        ("remove", (SIGHT, RENEWING)),
        ("delete_selected", (SIGHT, "subscriptions.delete_subscription")),
    ],
)
def test_an_action_needs_its_right(
    signed_in: Callable[..., Client],
    make_row: Callable[..., Subscription],
    action: str,
    rights: tuple[str, ...],
) -> None:
    subscription = make_row()
    chosen = {"action": action, "_selected_action": [subscription.pk], "confirmed": "yes", "post": "yes"}

    answer = signed_in(*rights).post(LIST, chosen)

    assert said(answer) in {"", "No action selected."}
    assert Subscription.objects.get().status == "active"


# Deleting


DELETING = "subscriptions.delete_subscription"


def test_one_that_is_in_use_cannot_be_deleted_and_the_page_says_why(
    administrator: Client, make_row: Callable[..., Subscription]
) -> None:
    subscription = make_row()

    page = administrator.get(page_of(subscription, "delete")).content.decode()
    administrator.post(page_of(subscription, "delete"), {"post": "yes"})

    assert "is active. Retire it first" in page
    assert Subscription.objects.exists()


def test_a_retired_one_is_deleted_and_what_was_said_to_graph_stays(
    administrator: Client, make_subscription: Callable[..., Subscription]
) -> None:
    subscription = make_subscription()
    administrator.post(page_of(subscription, "remove"))

    page = administrator.get(page_of(subscription, "delete")).content.decode()
    administrator.post(page_of(subscription, "delete"), {"post": "yes"})

    assert "Operations (stay): 2" in page
    assert not Subscription.objects.exists()
    assert Operation.objects.filter(subscription=None).count() == 2


def test_deleting_several_stops_at_one_that_is_in_use(
    administrator: Client, make_row: Callable[..., Subscription]
) -> None:
    retired, active = make_row(status="removed"), make_row()
    chosen = {"action": "delete_selected", "_selected_action": [retired.pk, active.pk]}

    page = administrator.post(f"{LIST}?status=all", chosen).content.decode()
    administrator.post(f"{LIST}?status=all", {**chosen, "post": "yes"})

    assert "is active. Retire it first" in page
    assert Subscription.objects.count() == 2


def test_several_retired_ones_are_deleted(
    administrator: Client, make_row: Callable[..., Subscription]
) -> None:
    chosen = [make_row(status="removed").pk for _ in range(3)]
    confirmed = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}

    administrator.post(f"{LIST}?status=removed", confirmed)

    assert not Subscription.objects.exists()


@pytest.mark.parametrize("rights", [(), (SIGHT,), (SIGHT, REMOVING)])
def test_deleting_needs_its_right(
    signed_in: Callable[..., Client], make_row: Callable[..., Subscription], rights: tuple[str, ...]
) -> None:
    subscription = make_row(status="removed")

    answer = signed_in(*rights).post(page_of(subscription, "delete"), {"post": "yes"})

    assert answer.status_code == 403
    assert Subscription.objects.exists()


# Lists and pages


def test_the_list_costs_the_same_for_any_number_of_rows(
    administrator: Client, make_row: Callable[..., Subscription], django_assert_num_queries: Any
) -> None:
    for _ in range(7):
        make_row()

    with django_assert_num_queries(6):
        administrator.get(LIST)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"active", "failing", "lapsed", "failed", "paused"}),
        ("attention", {"failing", "lapsed", "failed"}),
        ("active", {"active", "failing", "lapsed"}),
        ("paused", {"paused"}),
        ("removed", {"removed"}),
        ("pending", set()),
        ("all", {"active", "failing", "lapsed", "failed", "paused", "removed"}),
    ],
)
def test_the_list_shows_what_is_in_use_unless_asked_otherwise(
    administrator: Client, make_row: Callable[..., Subscription], query: str, shown: set[str]
) -> None:
    facts: dict[str, dict[str, Any]] = {
        "active": {},
        "failing": {"failures": 2},
        "lapsed": {"expires_at": datetime.now(UTC)},
        "failed": {"status": "failed"},
        "paused": {"is_enabled": False, "expires_at": datetime.now(UTC)},
        "removed": {"status": "removed"},
    }
    for name, changes in facts.items():
        make_row(resource=f"/{name}", **changes)

    answer = administrator.get(LIST, {"status": query} if query else {})

    assert {row.resource.lstrip("/") for row in answer.context["cl"].result_list} == shown


def test_the_list_can_be_narrowed_to_an_app(
    administrator: Client, make_row: Callable[..., Subscription]
) -> None:
    subscription = make_row()

    ours = administrator.get(LIST, {"app": subscription.app_registration_id}).context["cl"].result_count
    others = administrator.get(LIST, {"app": "9" * 30}).context["cl"].result_count

    assert (ours, others) == (1, 0)


def test_the_page_shows_the_last_calls_and_the_error(
    administrator: Client, make_row: Callable[..., Subscription]
) -> None:
    subscription = make_row(
        error_at=datetime.now(UTC),
        error_code="Broken",
        error_message="It broke.",
        missed_at=datetime.now(UTC),
    )
    for number in range(25):
        Operation.objects.create(
            subscription=subscription,
            action="renew",
            actor="cron",
            started_at=datetime.now(UTC),
            succeeded=False,
            request_id=f"request-{number}",
        )

    answer = administrator.get(page_of(subscription))

    page = answer.content.decode()
    assert len(answer.context["operations"]) == 20
    assert "request-24" in page
    assert "It broke." in page
    assert "Changes were missed" in page


def test_what_an_administrator_typed_is_escaped(
    administrator: Client, make_row: Callable[..., Subscription]
) -> None:
    subscription = make_row(resource="/<script>alert(1)</script>")

    pages = [administrator.get(url).content.decode() for url in (LIST, page_of(subscription))]

    assert all("<script>alert" not in page for page in pages)


def test_the_form_offers_what_the_app_itself_can_watch(administrator: Client) -> None:
    page = administrator.get(ADD).content.decode()

    assert '<option value="/users/{user-id}/messages">' in page
