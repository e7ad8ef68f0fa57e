"""Which permission a resource needs, and whether a token carries one."""

import pytest

from subscriptions import catalogue
from subscriptions.services import permissions

MAILBOX = "/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/messages"


def test_the_least_permission_is_asked_for_where_none_is_there() -> None:
    report = permissions.missing_permissions({"roles": ["User.Read.All"]}, MAILBOX)

    assert (report.present, report.missing, report.least) == (
        (),
        ("Mail.Read",),
        "Mail.Read",
    )
    assert "API permissions" in report.advice
    assert "Application permissions, add Mail.Read" in report.advice
    assert "Grant admin consent" in report.advice


def test_any_permission_of_the_resource_is_enough() -> None:
    report = permissions.missing_permissions({"roles": ["Mail.Read"]}, MAILBOX)

    assert (report.present, report.missing, report.advice) == (("Mail.Read",), (), "")


def test_the_scopes_of_a_signed_in_user_count_for_that_user_only() -> None:
    claims = {"scp": "openid Mail.Read"}

    assert not permissions.missing_permissions(claims, "/me/messages", "delegated_work").missing
    assert permissions.missing_permissions(claims, MAILBOX, "application").missing


def test_a_signed_in_user_is_told_to_sign_in_again() -> None:
    report = permissions.missing_permissions({"scp": "User.Read"}, "/me/messages", "delegated_work")

    assert "Delegated permissions and add Mail.ReadBasic" in report.advice
    assert "sign in again" in report.advice


def test_a_permission_for_the_whole_tenant_is_asked_for_before_one_of_a_single_team() -> None:
    report = permissions.missing_permissions({}, "/teams/1/channels/2/messages")

    assert report.missing == ("ChannelMessage.Read.All",)
    assert report.may_be_granted_elsewhere


def test_what_only_users_may_watch_asks_for_an_account() -> None:
    report = permissions.missing_permissions({}, "/communications/presences/1")

    assert (report.missing, report.is_known) == ((), False)
    assert "signed-in account" in report.advice


def test_what_no_personal_account_may_watch_is_told() -> None:
    report = permissions.missing_permissions({}, "/users", "delegated_personal")

    assert not report.is_known
    assert "does not offer this" in report.advice


@pytest.mark.parametrize("resource", ["/reports/healthmonitoring/alerts", "/not/in/the/catalogue"])
def test_where_the_pages_say_nothing_nothing_is_missing(resource: str) -> None:
    report = permissions.missing_permissions({"roles": []}, resource)

    assert (report.missing, report.is_known) == ((), False)
    assert "do not say" in report.advice


@pytest.mark.parametrize("claims", [{}, {"roles": None}, {"roles": "Mail.Read"}, {"scp": None}])
def test_a_token_without_a_list_of_roles_carries_none(claims: dict[str, object]) -> None:
    assert permissions.granted_in(claims, "application") == frozenset()


def test_every_entry_of_the_catalogue_has_a_permission_or_a_reason() -> None:
    reports = [permissions.missing_permissions({}, entry.path) for entry in catalogue.entries()]

    assert all(report.advice for report in reports)
