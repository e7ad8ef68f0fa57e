"""API tokens in the admin: one's own, shown once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from notifications.models import ApiToken

LIST = reverse("admin:notifications_apitoken_changelist")
ADD = reverse("admin:notifications_apitoken_add")
RIGHTS = tuple(f"notifications.{verb}_apitoken" for verb in ("view", "add", "delete"))

SignIn = Callable[..., Client]


def test_a_token_is_shown_once_and_never_again(signed_in: SignIn, client: Client) -> None:
    page = signed_in(*RIGHTS).post(ADD, {"days": "7"})

    token = page.context["token"]
    assert token in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert token not in client.get(LIST).content.decode()
    assert token not in str(list(LogEntry.objects.values()))


@pytest.mark.parametrize("days", ["", "0", "367", "x"])
def test_a_wrong_number_of_days_makes_no_token(signed_in: SignIn, days: str) -> None:
    signed_in(*RIGHTS).post(ADD, {"days": days})

    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(("rights", "status"), [((), 403), (RIGHTS[:1], 403), (RIGHTS[:2], 200)])
def test_it_takes_the_right_to_add(signed_in: SignIn, rights: tuple[str, ...], status: int) -> None:
    assert signed_in(*rights).get(ADD).status_code == status


def test_each_sees_and_ends_their_own_only(signed_in: SignIn) -> None:
    theirs, _ = ApiToken.objects.create(User.objects.create_user("other"), expiry=timedelta(days=1))
    client = signed_in(*RIGHTS)
    client.post(ADD, {"days": "7"})

    assert [row.user.username for row in client.get(LIST).context["cl"].result_list] == ["analyst"]
    client.post(reverse("admin:notifications_apitoken_delete", args=(theirs.pk,)), {"post": "yes"})
    assert ApiToken.objects.filter(user=theirs.user).exists()


def test_a_token_that_is_ended_leaves_no_hash_in_the_history(signed_in: SignIn) -> None:
    client = signed_in(*RIGHTS)
    client.post(ADD, {"days": "7"})
    token = ApiToken.objects.get()

    client.post(reverse("admin:notifications_apitoken_delete", args=(token.pk,)), {"post": "yes"})

    assert not ApiToken.objects.exists()
    assert token.digest not in str(list(LogEntry.objects.values_list("object_repr", "change_message")))
