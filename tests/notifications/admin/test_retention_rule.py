"""Retention rules in the admin: a right of their own, one for each, and days that make sense."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from notifications.models import RetentionRule
from subscriptions.models import AppRegistration

ADD = reverse("admin:notifications_retentionrule_add")
LIST = reverse("admin:notifications_retentionrule_changelist")


def test_a_visitor_is_sent_to_sign_in(client: Client, db: None) -> None:
    assert client.post(ADD, {"accepted_days": "30"}).status_code == 302
    assert not RetentionRule.objects.exists()


@pytest.mark.parametrize("rights", [(), ("notifications.view_retentionrule",)])
def test_it_takes_the_right_to_add_one(signed_in: Callable[..., Client], rights: tuple[str, ...]) -> None:
    assert signed_in(*rights).post(ADD, {"accepted_days": "30"}).status_code == 403
    assert not RetentionRule.objects.exists()


def test_who_may_sets_the_default(signed_in: Callable[..., Client]) -> None:
    signed_in("notifications.add_retentionrule").post(ADD, {"accepted_days": "30"})

    rule = RetentionRule.objects.get()
    assert (rule.app_registration, rule.accepted_days, rule.refused_days) == (None, 30, None)


@pytest.mark.parametrize("is_default", [True, False])
def test_there_is_one_rule_for_each(
    administrator: Client, unasked_registration: AppRegistration, is_default: bool
) -> None:
    whose = "" if is_default else str(unasked_registration.pk)
    administrator.post(ADD, {"app_registration": whose, "accepted_days": "30"})

    page = administrator.post(ADD, {"app_registration": whose, "accepted_days": "60"}).content.decode()

    assert "There is such a rule already." in page
    assert RetentionRule.objects.count() == 1


@pytest.mark.parametrize("days", ["0", "-1", "36501", "99999999999999999999", "soon"])
def test_days_that_make_no_sense_are_refused(administrator: Client, days: str) -> None:
    assert administrator.post(ADD, {"accepted_days": days}).status_code == 200
    assert not RetentionRule.objects.exists()


@pytest.mark.parametrize("days", ["", "31"])
def test_deliveries_may_not_outlive_the_content(administrator: Client, days: str) -> None:
    page = administrator.post(ADD, {"content_days": "30", "delivery_days": days}).content.decode()

    assert "enter 30 days or fewer" in page
    assert not RetentionRule.objects.exists()


def test_the_list_says_what_is_kept_for_good(
    administrator: Client, unasked_registration: AppRegistration
) -> None:
    RetentionRule.objects.create(accepted_days=30)
    RetentionRule.objects.create(app_registration=unasked_registration)

    page = administrator.get(LIST).content.decode()

    assert all(text in page for text in ("Default", "Fabrikam", "for good", "30"))
