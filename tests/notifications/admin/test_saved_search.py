"""Saved searches: kept by a click, shown to whom they are meant for, and changed by their owner alone."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from notifications.models import SavedSearch

LIST = reverse("admin:notifications_changenotification_changelist")
SAVE = reverse("admin:notifications_changenotification_save_search")
SIGHT = "notifications.view_changenotification"
RIGHTS = tuple(f"notifications.{verb}_savedsearch" for verb in ("view", "add", "change", "delete"))

SignIn = Callable[..., Client]


@pytest.fixture
def other(db: None) -> User:
    return User.objects.create_user("kim", is_staff=True)


def test_the_list_as_it_is_can_be_kept_and_opened_again(signed_in: SignIn) -> None:
    client = signed_in(SIGHT, *RIGHTS)

    answer = client.post(f"{SAVE}?state=dead&q=a+b&older=1-1&event=", {"name": "Given up"}, follow=True)

    saved = SavedSearch.objects.get()
    assert (saved.name, saved.query, saved.is_shared) == ("Given up", "q=a+b&state=dead", False)
    assert saved.owner.username == "analyst"
    page = answer.content.decode()
    assert 'href="?q=a+b&amp;state=dead" aria-current="page">Given up</a>' in page
    assert "Saved: Given up" in page


def test_two_of_one_name_are_refused_in_words(signed_in: SignIn) -> None:
    client = signed_in(SIGHT, *RIGHTS)
    client.post(f"{SAVE}?state=dead", {"name": "Mine"})

    page = client.post(f"{SAVE}?state=all", {"name": "Mine"}, follow=True).content.decode()

    assert "You have a search of that name already." in page
    assert SavedSearch.objects.count() == 1


@pytest.mark.parametrize(
    ("query", "name"), [("state=dead", ""), ("q=" + "x" * 5000, "Long"), ("", "x" * 101)]
)
def test_what_cannot_be_saved_is_said(signed_in: SignIn, query: str, name: str) -> None:
    answer = signed_in(SIGHT, *RIGHTS).post(f"{SAVE}?{query}", {"name": name})

    assert answer.status_code == 302
    assert SavedSearch.objects.count() == 0


def test_others_see_what_is_shared_and_nothing_else(signed_in: SignIn, other: User) -> None:
    SavedSearch.objects.create(owner=other, name="For all", query="state=dead", is_shared=True)
    SavedSearch.objects.create(owner=other, name="Hers alone", query="state=all")
    client = signed_in(SIGHT, *RIGHTS)

    pages = [
        client.get(LIST).content.decode(),
        client.get(reverse("admin:notifications_savedsearch_changelist")).content.decode(),
    ]

    assert all("For all" in page and "Hers alone" not in page for page in pages)


def test_what_is_shared_is_changed_by_its_owner_alone(signed_in: SignIn, other: User) -> None:
    theirs = SavedSearch.objects.create(owner=other, name="For all", query="state=dead", is_shared=True)
    client = signed_in(SIGHT, *RIGHTS)
    mine = SavedSearch.objects.create(owner=User.objects.get(username="analyst"), name="Mine")

    def post(search: SavedSearch, page: str, **data: str) -> int:
        url = reverse(f"admin:notifications_savedsearch_{page}", args=(search.pk,))
        return client.post(url, data).status_code

    assert post(theirs, "change", name="Taken") == 403
    assert post(theirs, "delete", post="yes") == 403
    assert post(mine, "change", name="Renamed", is_shared="on") == 302
    mine.refresh_from_db()
    assert (mine.name, mine.is_shared) == ("Renamed", True)
    assert post(mine, "delete", post="yes") == 302
    assert list(SavedSearch.objects.values_list("name", flat=True)) == ["For all"]


def test_no_action_deletes_what_belongs_to_others(signed_in: SignIn, other: User) -> None:
    theirs = SavedSearch.objects.create(owner=other, name="For all", is_shared=True)
    url = reverse("admin:notifications_savedsearch_changelist")

    signed_in(SIGHT, *RIGHTS).post(
        url, {"action": "delete_selected", "_selected_action": theirs.pk, "post": "yes"}
    )

    assert SavedSearch.objects.exists()


@pytest.mark.parametrize(
    ("rights", "status"),
    [((), 403), ((SIGHT,), 403), (RIGHTS, 403), ((SIGHT, RIGHTS[1]), 302)],
    ids=["none", "sight", "nearly", "enough"],
)
def test_saving_takes_sight_and_a_right_of_its_own(
    signed_in: SignIn, rights: tuple[str, ...], status: int
) -> None:
    assert signed_in(*rights).post(SAVE, {"name": "Mine"}).status_code == status
    assert SavedSearch.objects.exists() == (status == 302)


def test_a_stranger_saves_nothing(client: Client, db: None) -> None:
    assert client.post(SAVE, {"name": "Mine"}).status_code == 302
    assert not SavedSearch.objects.exists()


def test_an_address_alone_saves_nothing(signed_in: SignIn) -> None:
    assert signed_in(SIGHT, *RIGHTS).get(SAVE).status_code == 405


def test_without_the_rights_nothing_is_offered(signed_in: SignIn, other: User) -> None:
    SavedSearch.objects.create(owner=other, name="For all", is_shared=True)

    page = signed_in(SIGHT).get(LIST).content.decode()

    assert "For all" not in page
    assert "Save this search" not in page


def test_an_empty_list_says_where_a_search_is_saved(signed_in: SignIn) -> None:
    saved = reverse("admin:notifications_savedsearch_changelist")
    client = signed_in(SIGHT, *RIGHTS)

    assert "open <em>Save this search</em>" in client.get(saved).content.decode()

    client.post(f"{SAVE}?state=dead", {"name": "Mine"})
    assert "open <em>Save this search</em>" not in client.get(saved).content.decode()
