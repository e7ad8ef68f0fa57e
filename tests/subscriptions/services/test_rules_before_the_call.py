"""Graph's rules, each broken by whoever creates a subscription: told which one it is before Graph is asked."""

import html
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from subscriptions import catalogue
from subscriptions.models import AppRegistration, DelegatedAccount, EncryptionCertificate, Subscription
from subscriptions.sandbox import RecordedRequest
from subscriptions.services import wishes
from subscriptions.services.access import app_registrations

pytestmark = pytest.mark.django_db

Asked = Callable[..., list[RecordedRequest]]

USER = "9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3"
MAIL = f"/users/{USER}/messages"
RICH_MAIL = {"resource": f"{MAIL}?$select=subject", "is_rich": True}
MEETING = "/communications/onlineMeetings(joinWebUrl='https%253A%252F%252Fx')/meetingCallEvents"
EMERGENCY = "/communications/calls/getEmergencyEventsByPolicy(policyName='Global')"
WORKER, PERSON = "zoe.lindqvist@contoso.example", "zoe@outlook.example"
AS_WORKER = {"account": WORKER}
UPDATED = {"change_type": "updated"}
GOVERNMENT = {"app": "Government"}

# What is asked for, and what the message must say of the rule.
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a whole address": ({"resource": "https://graph.microsoft.com/v1.0/users"}, "Paste only the path"),
    "a version": ({"resource": "/v1.0/users"}, "version is chosen apart"),
    "no path": ({"resource": "/"}, "Give the path"),
    "an open part": ({"resource": "/users/{user-id}/messages"}, "open parts.*{user-id}"),
    "presence in a government cloud": (
        {"resource": f"/communications/presences/{USER}", **UPDATED, **GOVERNMENT},
        "global cloud only.*US Government L4",
    ),
    "To Do in a government cloud": (
        {"resource": f"/users/{USER}/todo/lists/L/tasks", **GOVERNMENT},
        "global cloud only",
    ),
    "/me without a user": ({"resource": "/me/messages"}, "/me means the signed-in user"),
    "presence as an app": (
        {"resource": f"/communications/presences/{USER}", **UPDATED},
        "signed-in users only",
    ),
    "conversations as an app": ({"resource": "/groups/G/conversations"}, "signed-in users only"),
    "all teams as a user": ({"resource": "/teams", **AS_WORKER}, "applications only"),
    "users as a person": (
        {"resource": "/users", **UPDATED, "account": PERSON},
        "personal Microsoft accounts",
    ),
    "an unknown change type": ({"change_type": "modified"}, "created, updated and deleted"),
    "no change type": ({"change_type": " , "}, "created, updated and deleted"),
    "a new drive item": ({"resource": "/drives/D/root"}, "Drives and lists report updated only"),
    "a list that goes": (
        {"resource": "/sites/S/lists/L", "change_type": "updated,deleted"},
        "Drives and lists report updated only",
    ),
    "a new user": ({"resource": "/users"}, "Users and groups have no created"),
    "a new group": ({"resource": "/groups"}, "Users and groups have no created"),
    "a presence that goes": (
        {"resource": f"/communications/presences/{USER}", "change_type": "deleted", **AS_WORKER},
        "does not report deleted.*reports: updated",
    ),
    "content of a drive": (
        {"resource": "/drives/D/root", **UPDATED, "is_rich": True},
        "does not send the content",
    ),
    "emergency calls without content": ({"resource": EMERGENCY, **UPDATED}, "only with its content"),
    "content of mail without $select": ({"resource": MAIL, "is_rich": True}, r"Add \$select"),
    "chat messages with $select": (
        {"resource": "/chats/C/messages?$select=body", "is_rich": True},
        r"refuses \$select",
    ),
    "a meeting with $select": (
        {"resource": f"{MEETING}?$select=state", **UPDATED, "is_rich": True},
        r"refuses \$select",
    ),
    **{
        f"content of mail with {option}": (
            {"resource": f"{MAIL}?$select=subject&{option}", "is_rich": True},
            rf"Outlook refuses .*{re.escape(option.partition('=')[0])}",
        )
        for option in ("$top=5", "$skip=5", "$orderby=subject", "$expand=attachments")
    },
    "the body of mail": (
        {"resource": f"{MAIL}?$select=subject,body", "is_rich": True},
        r"refuses body in \$select",
    ),
    "mail for too long": ({"minutes": 10_081}, "longest life.*10,080 minutes"),
    "mail with content for too long": ({**RICH_MAIL, "minutes": 1_441}, "longest life.*1,440 minutes"),
    "an unknown path for too long": ({"resource": "/kitchens/1", "minutes": 43_201}, "43,200 minutes"),
    "content without a certificate": ({**RICH_MAIL, "certificate": ""}, "needs an encryption certificate"),
    "a certificate without content": ({"certificate": "hooks"}, "used for content only"),
}


@pytest.fixture
def asks(
    app_registration: AppRegistration,
    certificate: EncryptionCertificate,
    now: datetime,
) -> Callable[..., dict[str, Any]]:
    """Return a function that spells what is asked for; the apps, accounts and the certificate it names are there."""
    app_registrations.register(
        name="Government",
        cloud=AppRegistration.Cloud.US_GOVERNMENT_L4,
        tenant_id="5b0f9a31-7e62-4c1d-9f38-a6d2047be513",
        client_id="c2e81d70-94b6-4f3a-8d25-71fa60b93ce4",
        credential=app_registrations.NewCredential(client_secret="never-sent"),
    )
    for username, kind in ((WORKER, "work"), (PERSON, "personal")):
        DelegatedAccount.objects.create(
            app_registration=app_registration,
            home_account_id=username,
            username=username,
            kind=kind,
            token_cache="{}",
            signed_in_at=now,
        )

    def spell(**changes: Any) -> dict[str, Any]:
        is_rich = bool(changes.get("is_rich"))
        wish = {
            "app": app_registration.name,
            "resource": MAIL,
            "change_type": "created",
            "is_rich": is_rich,
            "certificate": certificate.encryption_certificate_id if is_rich else "",
            "minutes": None,
            "account": "",
        }
        return {**wish, **changes}

    return spell


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_told_and_nothing_is_asked_of_graph(
    asks: Callable[..., dict[str, Any]], asked: Asked, now: datetime, rule: str
) -> None:
    changes, message = BROKEN[rule]

    with pytest.raises(wishes.WrongWishError, match=message):
        wishes.named(**asks(**changes), now=now)

    assert not asked("POST", "")
    assert not Subscription.objects.exists()


@pytest.mark.parametrize("rule", BROKEN)
def test_the_command_says_the_same_and_calls_it_wrong_usage(
    asks: Callable[..., dict[str, Any]], asked: Asked, rule: str
) -> None:
    changes, message = BROKEN[rule]
    options = asks(**changes)
    options["rich"] = options.pop("is_rich")

    with pytest.raises(CommandError, match=message) as raised:
        call_command("create_subscription", **options)

    assert raised.value.returncode == 2
    assert not asked("POST", "")
    assert not Subscription.objects.exists()


# Where the form is asked in another way than by the command: choices instead of text.
FORM_SAYS = {
    "an unknown change type": "Select a valid choice",
    "no change type": "Choose at least one change type",
    "content without a certificate": "Choose the certificate",
}


def in_the_form(wish: dict[str, Any]) -> dict[str, Any]:
    """Spell what is asked for as the admin's form sends it."""
    account = DelegatedAccount.objects.filter(username=wish["account"]).first()
    certificate = EncryptionCertificate.objects.filter(encryption_certificate_id=wish["certificate"]).first()
    entry = catalogue.entry_for(wish["resource"])
    return {
        "app_registration": AppRegistration.objects.get(name=wish["app"]).pk,
        "delegated_account": account.pk if account else "",
        "resource": wish["resource"],
        "change_type": [name for name in wish["change_type"].replace(" ", "").split(",") if name],
        "include_resource_data": "on" if wish["is_rich"] else "",
        "encryption_certificate": certificate.pk if certificate else "",
        "api_version": "beta" if entry and entry.is_beta_only else "v1.0",
        "lifetime_minutes": wish["minutes"] or "",
        "auto_renew": "on",
    }


@pytest.mark.parametrize("rule", BROKEN)
def test_the_form_says_which_rule_is_broken_and_nothing_is_asked_of_graph(
    asks: Callable[..., dict[str, Any]], asked: Asked, admin_client: Client, rule: str
) -> None:
    changes, message = BROKEN[rule]

    page = admin_client.post("/admin/subscriptions/subscription/add/", in_the_form(asks(**changes)))

    assert page.status_code == 200
    told = " ".join(
        text for texts in page.context["adminform"].form.errors.values() for text in map(str, texts)
    )
    assert re.search(FORM_SAYS.get(rule, message), told)
    assert html.escape(told.split(". ")[0])[:40] in page.content.decode()
    assert not asked("POST", "")
    assert not Subscription.objects.exists()


def test_what_beta_alone_has_is_refused_on_v1(app_registration: AppRegistration) -> None:
    wished = Subscription(app_registration=app_registration, resource=MEETING, change_type="updated")

    problems = {problem.rule: problem for problem in wishes.problems(wished)}

    assert problems["beta_only"].is_error
    assert "Choose beta" in problems["beta_only"].message


def test_what_beta_alone_has_is_asked_for_there_without_being_told(
    asks: Callable[..., dict[str, Any]], now: datetime
) -> None:
    wished = wishes.named(**asks(resource=MEETING, **UPDATED), now=now)

    assert wished.api_version == "beta"


def test_teams_may_be_asked_for_beyond_an_hour_since_a_lifecycle_url_is_always_given(
    asks: Callable[..., dict[str, Any]], now: datetime
) -> None:
    wished = wishes.named(**asks(resource="/chats/C/messages", minutes=61), now=now)

    assert "lifecycle_url_required" not in {problem.rule for problem in wishes.problems(wished)}


def test_the_client_state_keeps_to_what_graph_takes() -> None:
    assert len(Subscription(pk=2**63 - 1).new_client_state()) <= 128


@pytest.mark.parametrize(
    ("old", "new"),
    [("/teams/allMessages", "/teams/getAllMessages"), ("/chats/allMessages", "/chats/getAllMessages")],
)
def test_an_old_path_is_answered_with_its_replacement(
    asks: Callable[..., dict[str, Any]], now: datetime, old: str, new: str
) -> None:
    wished = wishes.named(**asks(resource=old), now=now)

    problems = {problem.rule: problem for problem in wishes.problems(wished)}

    assert not problems["resource_superseded"].is_error
    assert f"Use {new} instead" in problems["resource_superseded"].message
