"""Rotate: another certificate takes the place of one, subscriptions move, and the old key ends when not needed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from subscriptions.keys import certificates as keys
from subscriptions.keys.certificates import UnusableCertificateError
from subscriptions.models import EncryptionCertificate, FormerIdentity, Subscription
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.services import certificate_rotation, certificates, pausing, removal, renewal
from subscriptions.services.certificate_rotation import DRAINS_FOR, KeyNeededError, NotRotatableError

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
Asked = Callable[..., list[RecordedRequest]]
Run = Callable[..., renewal.Summary]
MOMENT = timedelta(minutes=15)


@pytest.fixture
def make_rich(make_subscription: Make, certificate: EncryptionCertificate) -> Make:
    """Return a function that makes a subscription with content."""

    def make(**changes: Any) -> Subscription:
        wish = {
            "resource": f"/teams/{uuid4()}/channels/{uuid4()}/messages",
            "change_type": "created",
            "include_resource_data": True,
            "encryption_certificate": certificate,
        }
        return make_subscription(**(wish | changes))

    return make


@pytest.fixture
def run(now: datetime) -> Run:
    """Return a function that renews what is due."""

    def run(at: datetime | None = None) -> renewal.Summary:
        return renewal.renew_due(clock=lambda: at or now, actor="cron")

    return run


@pytest.fixture
def rotated(certificate: EncryptionCertificate, now: datetime) -> Callable[[], EncryptionCertificate]:
    """Return a function that has the certificate replaced in the next renewal run, and returns the new one."""

    def rotate() -> EncryptionCertificate:
        return certificate_rotation.replace_by_new(certificate, at_once=True, now=now)

    return rotate


Rotate = Callable[[], EncryptionCertificate]


def names_at(sandbox: Sandbox) -> set[str | None]:
    return {one.encryption_certificate_id for one in sandbox.subscriptions.values()}


def state_of(certificate: EncryptionCertificate) -> str:
    certificate.refresh_from_db()
    return certificate.state


def test_the_fact_is_kept_beside_the_wish(make_rich: Make, certificate: EncryptionCertificate) -> None:
    row = make_rich()

    certificate.refresh_from_db()
    assert row.certificate_at_graph == certificate
    assert certificate.first_used_at is not None


def test_without_content_there_is_no_certificate_at_graph(make_subscription: Make) -> None:
    assert make_subscription().certificate_at_graph is None


def test_the_new_one_has_a_key_of_the_same_size_and_a_dated_name(
    certificate: EncryptionCertificate, now: datetime
) -> None:
    EncryptionCertificate.objects.update(key_size=3000)
    certificate.refresh_from_db()

    successor = certificate_rotation.replace_by_new(certificate, now=now)

    assert (str(successor), successor.key_size) == (f"hooks-{now:%Y-%m-%d}", 3072)
    assert (certificate.state, certificate.replaced_by) == ("draining", successor)


def test_the_date_in_a_name_is_replaced_and_no_name_is_given_twice(
    certificate: EncryptionCertificate, now: datetime
) -> None:
    first = certificate_rotation.replace_by_new(certificate, now=now)
    second = certificate_rotation.replace_by_new(first, now=now)
    third = certificate_rotation.replace_by_new(second, now=now + timedelta(days=1))

    assert str(second) == f"{first}.2"
    assert str(third) == f"hooks-{now + timedelta(days=1):%Y-%m-%d}"


def test_a_name_as_long_as_graph_takes_is_shortened(key_pair: keys.KeyPair, now: datetime, db: None) -> None:
    row = certificates.save("h" * 128, key_pair)

    assert len(str(certificate_rotation.replace_by_new(row, now=now))) <= keys.MAX_COMMON_NAME_LENGTH


@pytest.mark.parametrize("name", ["two words", "hooks", "x" * 65])
def test_a_name_that_does_not_fit_changes_nothing(
    certificate: EncryptionCertificate, now: datetime, name: str
) -> None:
    with pytest.raises((ValidationError, UnusableCertificateError)):
        certificate_rotation.replace_by_new(certificate, name=name, now=now)

    assert EncryptionCertificate.objects.count() == 1
    assert state_of(certificate) == "active"


def test_what_is_created_from_now_on_uses_the_new_one(
    make_rich: Make, rotated: Rotate, sandbox: Sandbox
) -> None:
    row = make_rich()
    successor = rotated()

    row.refresh_from_db()
    assert row.encryption_certificate == successor
    assert names_at(sandbox) == {"hooks"}


def test_each_moves_when_it_is_renewed(
    make_rich: Make,
    certificate: EncryptionCertificate,
    sandbox: Sandbox,
    run: Run,
    now: datetime,
    asked: Asked,
) -> None:
    row, waiting = make_rich(), make_rich()
    successor = certificate_rotation.replace_by_new(certificate, now=now)
    Subscription.objects.filter(pk=row.pk).update(renew_at=now)

    assert run().renewed == 1

    row.refresh_from_db()
    waiting.refresh_from_db()
    assert (row.certificate_at_graph, waiting.certificate_at_graph) == (successor, certificate)
    assert sandbox.subscriptions[row.graph_id or ""].encryption_certificate_id == str(successor)
    assert len(asked("PATCH")) == 1
    progress = certificate_rotation.progress_of(certificate, now=now)
    assert (progress.moved, progress.to_move, progress.at_graph) == (1, 2, 1)


def test_at_once_all_move_in_one_batch(
    make_rich: Make, rotated: Rotate, sandbox: Sandbox, run: Run, asked: Asked
) -> None:
    [make_rich() for _ in range(3)]
    successor = rotated()

    assert run().renewed == 3
    assert names_at(sandbox) == {str(successor)}
    assert len(asked("POST", r"/\$batch$")) == 1


def test_a_later_renewal_sends_no_certificate_again(
    make_rich: Make, rotated: Rotate, run: Run, asked: Asked, now: datetime
) -> None:
    make_rich()
    rotated()
    run()
    Subscription.objects.update(renew_at=now)

    run()

    first, second = (one.body for one in asked("PATCH"))
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert "encryptionCertificate" in first
    assert "encryptionCertificate" not in second


def test_at_once_leaves_alone_what_graph_has_asked_to_leave_alone(
    make_rich: Make, rotated: Rotate, now: datetime
) -> None:
    later = now + timedelta(minutes=20)
    row = make_rich()
    Subscription.objects.update(failures=1, renew_at=later)

    rotated()

    row.refresh_from_db()
    assert row.renew_at == later


@pytest.mark.parametrize("number", [1, 3])
def test_where_graph_refuses_the_certificate_it_is_created_anew_and_nothing_is_forgotten(
    make_rich: Make, rotated: Rotate, sandbox: Sandbox, run: Run, now: datetime, number: int
) -> None:
    rows = [make_rich() for _ in range(number)]
    sandbox.refuse_certificate_patch = True
    successor = rotated()

    summary = run()

    assert (summary.recreated, summary.failed) == (number, 0)
    assert names_at(sandbox) == {str(successor)}
    for row in rows:
        former = FormerIdentity.objects.accepted(now).get(graph_id=row.graph_id)
        assert former.client_state.reveal() == row.client_state.reveal()
        row.refresh_from_db()
        assert (row.status, row.certificate_at_graph) == ("active", successor)


def test_what_graph_passes_over_is_created_anew(
    make_rich: Make, rotated: Rotate, sandbox: Sandbox, run: Run
) -> None:
    make_rich()
    sandbox.ignore_certificate_patch = True
    successor = rotated()

    assert run().recreated == 1
    assert names_at(sandbox) == {str(successor)}


def test_a_refusal_for_another_reason_ends_no_living_subscription(
    make_rich: Make, rotated: Rotate, sandbox: Sandbox, run: Run
) -> None:
    row = make_rich()
    rotated()
    refusal = {"error": {"code": "InvalidRequest", "message": "No."}}
    sandbox.add_fault(method="PATCH", status=400, body=refusal, times=None)

    assert run().failed == 1
    assert list(sandbox.subscriptions) == [row.graph_id]


def test_an_expired_certificate_is_not_sent(
    make_rich: Make, rotated: Rotate, run: Run, asked: Asked, now: datetime
) -> None:
    make_rich()
    successor = rotated()
    EncryptionCertificate.objects.filter(pk=successor.pk).update(not_after_at=now)

    run()

    [patch] = asked("PATCH")
    assert isinstance(patch.body, dict)
    assert "encryptionCertificate" not in patch.body


@pytest.mark.parametrize("state", ["draining", "retired"])
def test_one_on_its_way_out_takes_nobodys_place(
    certificate: EncryptionCertificate, now: datetime, state: str
) -> None:
    other = certificates.generate("other", key_size=2048, now=now)
    EncryptionCertificate.objects.filter(pk=other.pk).update(state=state)

    with pytest.raises(NotRotatableError, match="other cannot take its place"):
        certificate_rotation.replace_by(certificate, other, now=now)


def test_none_takes_its_own_place(certificate: EncryptionCertificate, now: datetime) -> None:
    with pytest.raises(NotRotatableError, match="hooks cannot take its place"):
        certificate_rotation.replace_by(certificate, certificate, now=now)


def test_what_is_being_replaced_is_not_replaced_again(
    certificate: EncryptionCertificate, rotated: Rotate, now: datetime
) -> None:
    successor = rotated()

    with pytest.raises(NotRotatableError, match=f"by {successor} already"):
        certificate_rotation.replace_by_new(certificate, now=now)


def test_of_two_who_rotate_at_once_one_goes_on(
    certificate: EncryptionCertificate, now: datetime, at_once: Callable[..., list[Any]]
) -> None:
    fresh = [EncryptionCertificate.objects.get(pk=certificate.pk) for _ in range(2)]
    names = ["left", "right"]

    results = at_once(lambda: certificate_rotation.replace_by_new(fresh.pop(), name=names.pop(), now=now))

    refused = [one for one in results if isinstance(one, NotRotatableError)]
    assert len(refused) == 1
    assert EncryptionCertificate.objects.count() == 2


def test_a_rotation_begun_during_another_moves_all_to_the_last(
    make_rich: Make,
    rotated: Rotate,
    certificate: EncryptionCertificate,
    sandbox: Sandbox,
    run: Run,
    now: datetime,
) -> None:
    make_rich()
    second = rotated()
    third = certificate_rotation.replace_by_new(second, now=now)

    run()

    assert names_at(sandbox) == {str(third)}
    assert certificate_rotation.progress_of(certificate, now=now).at_graph == 0


def test_it_retires_when_nothing_can_arrive_for_it_any_more(
    make_rich: Make, rotated: Rotate, certificate: EncryptionCertificate, run: Run, now: datetime
) -> None:
    make_rich()
    rotated()
    states = []

    for at in (now, now + DRAINS_FOR - MOMENT, now + DRAINS_FOR):
        run(at)
        states.append(state_of(certificate))

    assert states == ["draining", "draining", "retired"]
    assert certificate.private_key


def test_it_stays_while_one_subscription_uses_it(
    make_rich: Make, rotated: Rotate, certificate: EncryptionCertificate, run: Run, now: datetime
) -> None:
    make_rich()
    Subscription.objects.update(auto_renew=False, expires_at=now + timedelta(days=30))
    rotated()

    for days in range(0, 30, 3):
        run(now + timedelta(days=days))
        assert state_of(certificate) == "draining"
    for days in (30, 33):
        run(now + timedelta(days=days))
    assert state_of(certificate) == "retired"


def test_an_unanswered_creation_keeps_the_key(
    make_rich: Make, rotated: Rotate, certificate: EncryptionCertificate, now: datetime
) -> None:
    row = make_rich()
    Subscription.objects.filter(pk=row.pk).update(
        status="pending", graph_id=None, error_code="outcomeUnknown"
    )
    rotated()

    assert certificate_rotation.progress_of(certificate, now=now).at_graph == 1


def test_what_is_paused_needs_no_key_and_comes_back_with_the_new_one(
    make_rich: Make, rotated: Rotate, certificate: EncryptionCertificate, sandbox: Sandbox, now: datetime
) -> None:
    row = pausing.pause(make_rich(), now=now, actor="alice")
    successor = rotated()
    assert not certificate_rotation.progress_of(certificate, now=now).is_used

    row.refresh_from_db()
    pausing.resume(row, now=now, actor="alice")

    assert names_at(sandbox) == {str(successor)}


def test_a_wish_that_came_back_is_moved_again(
    make_rich: Make, rotated: Rotate, certificate: EncryptionCertificate, run: Run
) -> None:
    row = make_rich()
    successor = rotated()
    Subscription.objects.update(encryption_certificate=certificate)

    run()

    row.refresh_from_db()
    assert row.encryption_certificate == successor


def test_what_is_removed_moves_its_wish_and_needs_no_key(
    make_rich: Make, rotated: Rotate, certificate: EncryptionCertificate, now: datetime
) -> None:
    row = removal.remove(make_rich(), now=now, actor="alice")
    successor = rotated()

    row.refresh_from_db()
    assert row.encryption_certificate == successor
    assert not certificate_rotation.progress_of(certificate, now=now).is_used


def test_the_key_of_a_retired_certificate_is_destroyed_and_its_name_stays_taken(
    make_rich: Make, rotated: Rotate, certificate: EncryptionCertificate, run: Run, now: datetime
) -> None:
    make_rich()
    rotated()
    run()
    run(now + DRAINS_FOR)
    assert certificates.private_key_for("hooks")
    certificate.refresh_from_db()

    certificate_rotation.destroy_private_key(certificate, now=now)

    certificate.refresh_from_db()
    assert (certificate.state, bool(certificate.private_key)) == ("retired", False)
    assert certificates.private_key_for("hooks") is None
    with pytest.raises(ValidationError, match="already exists"):
        certificates.generate("hooks", key_size=2048, now=now)


@pytest.mark.parametrize("forced", [False, True])
def test_a_key_in_use_is_not_destroyed(
    make_rich: Make, certificate: EncryptionCertificate, now: datetime, forced: bool
) -> None:
    make_rich()

    with pytest.raises(KeyNeededError, match="1 subscription uses hooks"):
        certificate_rotation.destroy_private_key(certificate, forced=forced, now=now)

    assert certificates.private_key_for("hooks")


def test_a_key_is_not_destroyed_while_something_may_arrive_unless_forced(
    make_rich: Make, rotated: Rotate, certificate: EncryptionCertificate, run: Run, now: datetime
) -> None:
    make_rich()
    rotated()
    run()
    certificate.refresh_from_db()

    with pytest.raises(KeyNeededError, match="not retired yet"):
        certificate_rotation.destroy_private_key(certificate, now=now)
    certificate_rotation.destroy_private_key(certificate, forced=True, now=now)

    assert state_of(certificate) == "retired"


def test_a_key_that_graph_was_never_told_of_is_destroyed_without_more_ado(
    certificate: EncryptionCertificate, now: datetime
) -> None:
    certificate_rotation.destroy_private_key(certificate, now=now)

    assert not certificate.private_key
