"""From names to a subscription to be, or to what is wrong with it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subscriptions.models import AppRegistration, EncryptionCertificate, Subscription
from subscriptions.services import certificate_rotation, wishes

pytestmark = pytest.mark.django_db

Named = Callable[..., Subscription]
RICH = {"resource": "/teams/getAllMessages", "is_rich": True, "certificate": "hooks"}


@pytest.fixture
def named(app_registration: AppRegistration, now: datetime) -> Named:
    """Return a function that makes a wish of names; keyword arguments change them."""

    def named(**changes: Any) -> Subscription:
        values: dict[str, Any] = {
            "app": app_registration.name,
            "resource": "/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/messages",
            "change_type": "created",
            "is_rich": False,
            "certificate": "",
            "minutes": None,
            "now": now,
        }
        return wishes.named(**(values | changes))

    return named


def test_a_sound_wish_is_not_saved_yet(named: Named) -> None:
    wish = named(change_type="Updated, created", resource="users/1/messages/", minutes=60)

    assert wish.pk is None
    assert (wish.resource, wish.change_type) == ("/users/1/messages", "created,updated")
    assert (wish.lifetime_minutes, wish.api_version) == (60, "v1.0")


def test_a_rich_wish_gets_its_certificate(named: Named, certificate: EncryptionCertificate) -> None:
    assert named(**RICH).encryption_certificate == certificate


def test_the_name_of_a_replaced_certificate_stands_for_the_one_in_its_place(
    named: Named, certificate: EncryptionCertificate
) -> None:
    now = datetime.now(UTC)
    second = certificate_rotation.replace_by_new(certificate, now=now)
    third = certificate_rotation.replace_by_new(second, now=now)

    assert named(**RICH).encryption_certificate == third


def test_what_only_beta_has_is_wished_in_beta(named: Named) -> None:
    wish = named(resource="/communications/onlineMeetings/?$filter=JoinWebUrl eq 'x'", change_type="updated")

    assert wish.api_version == "beta"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"app": "Nobody"}, "no app registration named 'Nobody'"),
        ({"change_type": ""}, "Choose one or more of created"),
        ({"change_type": "created,renamed"}, "Choose one or more of created"),
        ({"resource": ""}, "Give the path"),
        ({"resource": "https://graph.microsoft.com/v1.0/users"}, "whole address"),
        ({"resource": "/users/{user-id}/messages"}, "open parts"),
        ({"resource": "/me/messages"}, "an application has none"),
        ({"resource": "/users", "change_type": "created"}, "no created"),
        ({"minutes": 0}, "Ask for 1 to 43,200 minutes"),
        ({"minutes": -5}, "Ask for 1 to 43,200 minutes"),
        ({"minutes": 10**18}, "Ask for 1 to 43,200 minutes"),
        ({"minutes": 20_000}, "The longest life of this resource without content is 10,080"),
        ({"certificate": "hooks"}, "add --rich"),
        ({"resource": "/teams/getAllMessages", "is_rich": True}, "name one with --certificate"),
        ({"is_rich": True, "certificate": "hooks"}, r"Add \$select"),
        ({**RICH, "certificate": "nothing"}, "named 'nothing'. There is: hooks"),
        (
            {"resource": "/users", "change_type": "updated", "is_rich": True, "certificate": "hooks"},
            "content",
        ),
    ],
)
@pytest.mark.usefixtures("certificate")
def test_a_broken_rule_is_told(named: Named, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(wishes.WrongWishError, match=text):
        named(**changes)
    assert not Subscription.objects.exists()


@pytest.mark.usefixtures("certificate")
@pytest.mark.parametrize("state", ["draining", "retired"])
def test_a_certificate_on_its_way_out_is_not_taken(named: Named, state: str) -> None:
    EncryptionCertificate.objects.update(state=state)

    with pytest.raises(wishes.WrongWishError, match="There is: none"):
        named(**RICH)


def test_an_expired_certificate_is_not_taken(named: Named, certificate: EncryptionCertificate) -> None:
    with pytest.raises(wishes.WrongWishError, match="There is: none"):
        named(**RICH, now=certificate.not_after_at + timedelta(days=1))


def test_warnings_do_not_stop_a_wish(named: Named) -> None:
    wish = named(resource="/some/new/thing", minutes=10)

    found = {problem.rule for problem in wishes.problems(wish)}
    assert {"resource_unknown", "lifetime_below_minimum"} <= found


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("deleted,created", "created,deleted"),
        ("CREATED, created", "created"),
        (" , updated,", "updated"),
        ("renamed,created", "created,renamed"),
    ],
)
def test_change_types_have_one_order(given: str, kept: str) -> None:
    assert wishes.in_order(given) == kept
