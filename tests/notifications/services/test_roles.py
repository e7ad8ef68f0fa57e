"""Roles: there from the first migration, with the rights that each needs, and left alone afterwards."""

import pytest
from django.contrib.auth.models import Group

from notifications.services import roles

pytestmark = pytest.mark.django_db


def rights_of(role: str) -> set[str]:
    return set(Group.objects.get(name=role).permissions.values_list("codename", flat=True))


def test_the_migration_makes_every_role() -> None:
    assert set(Group.objects.values_list("name", flat=True)) >= set(roles.ROLES)


@pytest.mark.parametrize(
    ("role", "may_see_content"),
    [("Administrators", True), ("Operators", False), ("Analysts", True), ("Auditors", False)],
)
def test_content_is_for_administrators_and_analysts(role: str, may_see_content: bool) -> None:
    assert ("view_notificationcontent" in rights_of(role)) == may_see_content


def test_every_right_that_a_role_names_exists() -> None:
    assert rights_of("Administrators") >= roles.OPERATING | roles.ANALYSING


def test_auditors_see_who_read_content_and_change_nothing() -> None:
    rights = rights_of("Auditors")

    assert "view_contentaccess" in rights
    assert all(right.startswith("view_") for right in rights)


def test_operators_touch_no_credential_and_no_key() -> None:
    assert not rights_of("Operators") & {
        "change_appregistration",
        "add_encryptioncertificate",
        "destroy_private_key",
        "export_changenotification",
    }


def test_a_role_that_was_changed_stays_as_it_was_made() -> None:
    Group.objects.get(name="Analysts").permissions.clear()

    roles.create_roles()

    assert rights_of("Analysts") == set()


def test_a_role_that_was_deleted_comes_back_with_the_next_migration() -> None:
    Group.objects.get(name="Analysts").delete()

    roles.create_roles()

    assert "view_changenotification" in rights_of("Analysts")
