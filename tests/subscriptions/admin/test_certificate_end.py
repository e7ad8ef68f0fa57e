"""The end of a certificate in the admin: rotated, hastened, its key destroyed, by those who may."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from subscriptions.keys import certificates as keys
from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.services import certificate_needs, certificates
from subscriptions.services.certificate_needs import Need

SIGHT = "subscriptions.view_encryptioncertificate"
ROTATE = "subscriptions.rotate_encryptioncertificate"
DESTROY = "subscriptions.destroy_private_key"

MakeRow = Callable[..., Subscription]


def page_of(certificate: EncryptionCertificate, page: str = "change") -> str:
    return reverse(f"admin:subscriptions_encryptioncertificate_{page}", args=(certificate.pk,))


def rotation(**changes: Any) -> dict[str, Any]:
    return {"successor": "", "new_name": "hooks-2", "pace": "with_renewals", **changes}


@pytest.fixture
def make_user(make_row: MakeRow, certificate: EncryptionCertificate) -> MakeRow:
    """Return a function that saves a subscription for which Graph encrypts with the certificate."""

    def make(**changes: Any) -> Subscription:
        facts = {"encryption_certificate": certificate, "certificate_at_graph": certificate}
        return make_row(**{"include_resource_data": True, **facts, **changes})

    return make


@pytest.fixture
def retired(certificate: EncryptionCertificate) -> EncryptionCertificate:
    """Retire the certificate."""
    EncryptionCertificate.objects.update(state="retired", retired_at=datetime.now(UTC))
    certificate.refresh_from_db()
    return certificate


def test_a_new_certificate_takes_its_place(
    administrator: Client, certificate: EncryptionCertificate, make_user: MakeRow
) -> None:
    row = make_user()

    answer = administrator.post(page_of(certificate, "rotate"), rotation(), follow=True)

    row.refresh_from_db()
    page = answer.content.decode()
    assert str(row.encryption_certificate) == "hooks-2"
    assert "Rotation began: hooks-2 takes the place of hooks." in page
    assert "0 of 1" in page
    assert row.resource in page
    assert LogEntry.objects.get().get_change_message() == "Rotation to hooks-2 began."


def test_one_that_is_here_takes_its_place(administrator: Client, certificate: EncryptionCertificate) -> None:
    other = certificates.save("other", keys.generate("other", now=datetime.now(UTC)))

    administrator.post(page_of(certificate, "rotate"), rotation(successor=other.pk))

    certificate.refresh_from_db()
    assert certificate.replaced_by == other
    assert EncryptionCertificate.objects.count() == 2


@pytest.mark.parametrize("pace", ["with_renewals", "next_run"])
def test_they_move_as_they_are_renewed_or_in_the_next_run(
    administrator: Client, certificate: EncryptionCertificate, make_user: MakeRow, pace: str
) -> None:
    row = make_user()

    administrator.post(page_of(certificate, "rotate"), rotation(pace=pace))

    row.refresh_from_db()
    is_due = (row.renew_at or datetime.max.replace(tzinfo=UTC)) <= datetime.now(UTC)
    assert is_due == (pace == "next_run")


def test_the_rest_is_hastened(
    administrator: Client, certificate: EncryptionCertificate, make_user: MakeRow
) -> None:
    row = make_user()
    administrator.post(page_of(certificate, "rotate"), rotation())

    answer = administrator.post(page_of(certificate, "hasten"), follow=True)

    row.refresh_from_db()
    assert "1 to be renewed by the next renewal run" in answer.content.decode()
    assert row.renew_at
    assert row.renew_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"new_name": "two words"}, "new_name", "Use letters, digits"),
        ({"new_name": "hooks"}, "new_name", "already exists"),
        ({"new_name": "x" * 65}, "new_name", "at most 64"),
        ({"successor": "12345"}, "successor", "Select a valid choice"),
        ({"pace": "never"}, "pace", "Select a valid choice"),
    ],
)
def test_a_wrong_value_is_told_at_its_field_and_changes_nothing(
    administrator: Client, certificate: EncryptionCertificate, changes: dict[str, str], field: str, said: str
) -> None:
    answer = administrator.post(page_of(certificate, "rotate"), rotation(**changes))

    certificate.refresh_from_db()
    assert said in " ".join(answer.context["form"].errors[field])
    assert certificate.state == "active"


def test_what_is_being_replaced_cannot_be_rotated_again(
    administrator: Client, certificate: EncryptionCertificate
) -> None:
    administrator.post(page_of(certificate, "rotate"), rotation())

    answer = administrator.post(page_of(certificate, "rotate"), rotation(new_name="hooks-3"))

    assert "being replaced by hooks-2 already" in answer.content.decode()
    assert page_of(certificate, "rotate") not in administrator.get(page_of(certificate)).content.decode()


def test_the_page_says_when_it_retires_and_who_is_not_renewed(
    administrator: Client, certificate: EncryptionCertificate, make_user: MakeRow
) -> None:
    row = make_user(auto_renew=False)
    administrator.post(page_of(certificate, "rotate"), rotation())
    before = administrator.get(page_of(certificate)).content.decode()
    Subscription.objects.all().delete()
    since = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    EncryptionCertificate.objects.filter(pk=certificate.pk).update(unused_since_at=since)

    after = administrator.get(page_of(certificate)).content.decode()

    assert "2 days after the last one has moved" in before
    assert f"not renewed; it ends at {row.expires_at:%Y-%m-%d %H:%M:%S} UTC" in before
    assert "by itself after 2026-02-05 04:05:06 UTC" in after


def test_one_in_use_that_ends_soon_asks_to_be_rotated(
    administrator: Client, certificate: EncryptionCertificate, make_user: MakeRow
) -> None:
    make_user()
    EncryptionCertificate.objects.update(not_after_at=datetime.now(UTC) + timedelta(days=20))

    assert "It is about to end" in administrator.get(page_of(certificate)).content.decode()


def test_the_key_of_a_retired_one_is_destroyed_after_asking(
    administrator: Client, retired: EncryptionCertificate
) -> None:
    asked = administrator.get(page_of(retired, "destroy_key")).content.decode()
    assert "What can never be opened again" in asked
    assert retired.private_key

    answer = administrator.post(page_of(retired, "destroy_key"), follow=True)

    retired.refresh_from_db()
    page = answer.content.decode()
    assert not retired.private_key
    assert "Its private key is destroyed" in page
    assert page_of(retired, "destroy_key") not in page
    assert LogEntry.objects.get().get_change_message() == "Private key destroyed."


def test_what_waits_for_the_key_is_told_and_has_to_be_given_up_knowingly(
    administrator: Client, retired: EncryptionCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate_needs, "_inboxes", [lambda *_: Need(waiting=3, given_up=2)])
    asked = administrator.get(page_of(retired, "destroy_key")).content.decode()

    administrator.post(page_of(retired, "destroy_key"))
    retired.refresh_from_db()
    kept = bool(retired.private_key)
    administrator.post(page_of(retired, "destroy_key"), {"forced": "yes"})

    retired.refresh_from_db()
    assert "3 notifications wait to be opened with hooks" in asked
    assert "<strong>2</strong> given up" in asked
    assert (kept, bool(retired.private_key)) == (True, False)


def test_a_key_in_use_cannot_be_destroyed(
    administrator: Client, certificate: EncryptionCertificate, make_user: MakeRow
) -> None:
    make_user()
    asked = administrator.get(page_of(certificate, "destroy_key")).content.decode()

    administrator.post(page_of(certificate, "destroy_key"), {"forced": "yes"})

    certificate.refresh_from_db()
    assert "It cannot be destroyed now" in asked
    assert certificate.private_key


@pytest.mark.parametrize("page", ["rotate", "hasten", "destroy_key"])
@pytest.mark.parametrize("rights", [(), (SIGHT,), (ROTATE, DESTROY)])
def test_without_sight_and_right_nothing_happens(
    signed_in: Callable[..., Client],
    certificate: EncryptionCertificate,
    page: str,
    rights: tuple[str, ...],
) -> None:
    client = signed_in(*rights)

    assert client.post(page_of(certificate, page), rotation()).status_code == 403
    certificate.refresh_from_db()
    assert (certificate.state, bool(certificate.private_key)) == ("active", True)


@pytest.mark.parametrize(
    ("page", "right"), [("rotate", DESTROY), ("hasten", DESTROY), ("destroy_key", ROTATE)]
)
def test_each_step_has_a_right_of_its_own(
    signed_in: Callable[..., Client], certificate: EncryptionCertificate, page: str, right: str
) -> None:
    assert signed_in(SIGHT, right).post(page_of(certificate, page), rotation()).status_code == 403


@pytest.mark.parametrize(("page", "right"), [("rotate", ROTATE), ("destroy_key", DESTROY)])
def test_with_sight_and_right_it_is_offered(
    signed_in: Callable[..., Client], certificate: EncryptionCertificate, page: str, right: str
) -> None:
    client = signed_in(SIGHT, right)

    assert page_of(certificate, page) in client.get(page_of(certificate)).content.decode()
    assert client.get(page_of(certificate, page)).status_code == 200


def test_a_stranger_is_sent_to_sign_in(client: Client, certificate: EncryptionCertificate) -> None:
    answer = client.post(page_of(certificate, "rotate"), rotation())

    assert answer.headers["Location"].startswith(reverse("admin:login"))


def test_the_page_costs_the_same_for_any_number_of_subscriptions(
    administrator: Client,
    certificate: EncryptionCertificate,
    make_user: MakeRow,
    django_assert_max_num_queries: Any,
) -> None:
    for _ in range(30):
        make_user()

    with django_assert_max_num_queries(16):
        page = administrator.get(page_of(certificate)).content.decode()
    assert "And 10 more." in page


def test_the_page_of_a_subscription_says_that_it_is_to_move(
    administrator: Client, certificate: EncryptionCertificate, make_user: MakeRow
) -> None:
    row = make_user()
    administrator.post(page_of(certificate, "rotate"), rotation())

    page = administrator.get(reverse("admin:subscriptions_subscription_change", args=(row.pk,)))

    assert "encrypted for hooks; for hooks-2 from the next renewal on" in page.content.decode()
