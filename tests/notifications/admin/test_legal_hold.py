"""Legal holds in the admin: a right each to place, see and release, a count first, and nothing to change or delete."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from notifications.models import ChangeNotification, ContentAccess, LegalHold, NotificationContent
from notifications.services.holds import holding
from subscriptions.models import Subscription

SEE, PLACE = "notifications.view_legalhold", "notifications.add_legalhold"
RELEASE = "notifications.release_legalhold"
SEE_NOTIFICATIONS = "notifications.view_changenotification"
SEE_CONTENT = "notifications.view_notificationcontent"
WHY = {"name": "Case 7", "reason": "Asked for by counsel"}
ADD = "/admin/notifications/legalhold/add/"
Make = Callable[..., ChangeNotification]


def url(page: str, *arguments: int) -> str:
    return reverse(f"admin:notifications_legalhold_{page}", args=arguments)


@pytest.fixture
def standing(db: None) -> LegalHold:
    """Place a hold on a tenant."""
    hold = LegalHold(name="Case 7", reason="Asked for by counsel", tenant_id="t1")
    return holding.place(hold, actor="ann", now=datetime.now(UTC))


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.mark.parametrize(
    ("rights", "pages"),
    [
        ((), (403, 403, 403, 403)),
        ((SEE,), (200, 200, 403, 403)),
        ((SEE, PLACE), (200, 200, 200, 403)),
        ((RELEASE,), (403, 403, 403, 403)),
        ((SEE, RELEASE), (200, 200, 403, 200)),
    ],
    ids=["nothing", "see", "place", "release without seeing", "release"],
)
def test_each_page_takes_its_right(
    rights: tuple[str, ...], pages: tuple[int, ...], signed_in: Callable[..., Client], standing: LegalHold
) -> None:
    client = signed_in(*rights)
    addresses = [url("changelist"), url("change", standing.pk), url("add"), url("release", standing.pk)]

    assert tuple(client.get(address).status_code for address in addresses) == pages
    client.post(url("release", standing.pk), {"reason": "Settled"})
    assert LegalHold.objects.standing().exists() == (pages[3] == 403)


def test_an_empty_list_says_what_a_hold_does(signed_in: Callable[..., Client]) -> None:
    client = signed_in(SEE)

    assert "until somebody releases it" in text_of(client.get(url("changelist")))
    assert "until somebody releases it" not in text_of(client.get(url("changelist"), {"q": "Case 7"}))


def test_a_visitor_is_sent_to_sign_in(client: Client, standing: LegalHold) -> None:
    assert client.post(url("release", standing.pk), {"reason": "Settled"}).status_code == 302
    assert client.post(ADD, {**WHY, "tenant_id": "t2", "place": "1"}).status_code == 302
    assert list(LegalHold.objects.standing()) == [standing]


@pytest.mark.parametrize("page", ["change", "delete"])
def test_nobody_changes_or_deletes_one(administrator: Client, standing: LegalHold, page: str) -> None:
    answer = administrator.post(url(page, standing.pk), {"name": "Another", "post": "yes"})

    assert answer.status_code == 403
    assert LegalHold.objects.get().name == "Case 7"


def test_it_is_counted_before_it_is_placed(administrator: Client, make_notification: Make) -> None:
    make_notification(tenant_id="t1")
    make_notification(tenant_id="t2")
    wish = {**WHY, "tenant_id": "t1"}

    asked = text_of(administrator.post(ADD, {**wish, "count": "1"}))
    assert "holds 1 notification that" in asked
    assert not LegalHold.objects.exists()
    page = text_of(administrator.post(ADD, {**wish, "place": "1"}, follow=True))

    hold = LegalHold.objects.get()
    assert (hold.count_when_placed, hold.placed_by, hold.selection) == (1, "admin", "tenant t1")
    assert "stands from now on" in page


def test_what_was_counted_can_be_changed_again(administrator: Client) -> None:
    page = text_of(administrator.post(ADD, {**WHY, "tenant_id": "t1", "change": "1"}))

    assert 'value="t1"' in page
    assert "Place the hold" not in page


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({}, "at least one criterion"),
        ({"subscription": "404"}, "no such subscription"),
        ({"subscription": "9" * 40}, "no such subscription"),
        ({"subscription": "\0"}, "Null characters"),
        ({"mentioning": "zoe"}, "5 to 500 characters"),
        ({"picked": "1,x"}, "pick again"),
        ({"picked": ",".join(["1"] * 301)}, "300 at most"),
        ({"picked": "404", "place": "1"}, "no longer kept"),
        ({"received_since": "yesterday"}, "valid date/time"),
    ],
    ids=["nothing", "unknown", "huge", "null", "short", "no key", "many", "gone", "no time"],
)
def test_what_makes_no_sense_is_said(administrator: Client, wish: dict[str, str], says: str) -> None:
    page = text_of(administrator.post(ADD, {**WHY, "place": "1", **wish}))

    assert says in page
    assert not LegalHold.objects.exists()


@pytest.mark.parametrize("spelled", ["number", "graph_id"])
def test_a_subscription_is_named_by_its_number_or_graphs_id(
    administrator: Client, known: Callable[..., Subscription], spelled: str
) -> None:
    subscription = known()
    text = str(subscription.pk) if spelled == "number" else str(subscription.graph_id).upper()

    administrator.post(ADD, {**WHY, "subscription": text, "place": "1"})

    assert LegalHold.objects.get().subscription == subscription


@pytest.mark.parametrize("may_see_content", [True, False])
def test_how_many_mention_somebody_is_told_to_those_who_may_see_content(
    signed_in: Callable[..., Client], make_notification: Make, *, may_see_content: bool
) -> None:
    NotificationContent.objects.create(
        notification=make_notification(), data={"from": "zoe@contoso.example"}, opened_at=datetime.now(UTC)
    )
    client = signed_in(PLACE, *([SEE_CONTENT] if may_see_content else []))
    wish = {**WHY, "mentioning": "zoe@contoso.example"}

    asked = text_of(client.post(ADD, {**wish, "count": "1"}))
    client.post(ADD, {**wish, "place": "1"})

    assert ("holds 1 notification" in asked) == may_see_content
    assert LegalHold.objects.get().count_when_placed == (1 if may_see_content else None)


def test_counting_a_list_that_content_narrows_is_noted_like_any_search(
    administrator: Client, make_notification: Make
) -> None:
    make_notification()
    address = reverse("admin:notifications_changenotification_erase_all")

    administrator.get(f'{address}?content=subject = "Zanzibar"')

    assert ContentAccess.objects.get().way == "search"


def test_rows_are_picked_from_the_list(administrator: Client, make_notification: Make) -> None:
    picked = [make_notification().pk, make_notification().pk]
    make_notification()
    chosen = {"action": "place_legal_hold", "_selected_action": picked}

    page = administrator.post(reverse("admin:notifications_changenotification_changelist"), chosen)
    address = page.headers["Location"]
    assert address == f"{ADD}?picked={picked[0]},{picked[1]}"
    assert "<strong>2</strong>" in text_of(administrator.get(address))
    keys = f"{picked[0]},{picked[1]}"
    assert "holds 2 notifications" in text_of(
        administrator.post(address, {**WHY, "picked": keys, "count": "1"})
    )
    administrator.post(address, {**WHY, "picked": keys, "place": "1"})

    assert sorted(LegalHold.objects.get().picked.values_list("pk", flat=True)) == picked


def test_picking_takes_the_right_to_place(signed_in: Callable[..., Client], make_notification: Make) -> None:
    address = reverse("admin:notifications_changenotification_changelist")
    client = signed_in(SEE_NOTIFICATIONS, SEE)
    chosen = {"action": "place_legal_hold", "_selected_action": [make_notification().pk]}

    assert "Place a legal hold" not in text_of(client.get(address))
    assert "/legalhold/" not in client.post(address, chosen).headers.get("Location", "")


@pytest.mark.parametrize(("rights", "says"), [((), "a legal hold."), ((SEE,), "a legal hold: Case 7.")])
def test_the_page_of_a_notification_says_that_it_is_held(
    signed_in: Callable[..., Client],
    make_notification: Make,
    standing: LegalHold,
    rights: tuple[str, ...],
    says: str,
) -> None:
    client = signed_in(SEE_NOTIFICATIONS, *rights)
    one, other = make_notification(tenant_id="t1"), make_notification(tenant_id="t2")
    page = "admin:notifications_changenotification_change"

    assert f"kept under {says}" in text_of(client.get(reverse(page, args=(one.pk,))))
    assert "legal hold" not in text_of(client.get(reverse(page, args=(other.pk,))))


def test_a_release_takes_a_reason_and_is_told_on_the_page(administrator: Client, standing: LegalHold) -> None:
    assert "Say why" in text_of(administrator.post(url("release", standing.pk), {"reason": " "}))

    page = text_of(administrator.post(url("release", standing.pk), {"reason": "Settled"}, follow=True))

    assert "Released: Case 7." in page
    assert "Settled" in page
    assert url("release", standing.pk) not in page
    again = administrator.post(url("release", standing.pk), {"reason": "Again"})
    assert "released already" in text_of(again)


def test_releasing_what_is_not_there_is_not_found(administrator: Client) -> None:
    assert administrator.get(url("release", 404)).status_code == 404


def test_an_erasing_page_names_the_hold_that_stands_in_the_way(
    administrator: Client, make_notification: Make, standing: LegalHold
) -> None:
    make_notification(tenant_id="t1")
    address = reverse("admin:notifications_changenotification_erase_all")

    assert "Case 7: 1" in text_of(administrator.get(address))
    page = text_of(administrator.post(address, follow=True))

    assert "Left under legal hold: 1, by Case 7 (1)." in page


@pytest.mark.parametrize(("state", "is_shown"), [("", True), ("standing", True), ("released", False)])
def test_the_list_can_be_narrowed(
    administrator: Client, standing: LegalHold, state: str, *, is_shown: bool
) -> None:
    page = text_of(administrator.get(url("changelist"), {"state": state} if state else {}))

    assert (url("change", standing.pk) in page) == is_shown


def test_the_list_asks_no_more_for_more_holds(
    administrator: Client, standing: LegalHold, django_assert_max_num_queries: Any
) -> None:
    for number in range(10):
        hold = LegalHold(name=f"Case {number}", reason="x", tenant_id="t2")
        holding.place(hold, actor="ann", now=datetime.now(UTC))

    with django_assert_max_num_queries(6):
        administrator.get(url("changelist"))
