"""Every address and every action, tried in every role; and content, which is found only by those who may see it."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, Permission, User
from django.http import HttpRequest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django.fixtures import Settings

from notifications.models import (
    ApiToken,
    ChangeNotification,
    ContentAccess,
    ContentErasure,
    Delivery,
    EndpointMinute,
    LegalHold,
    NotificationContent,
    RetentionRule,
    SavedSearch,
)
from subscriptions.models import (
    Alert,
    AppRegistration,
    DelegatedAccount,
    EncryptionCertificate,
    Gap,
    Look,
    Operation,
    Run,
    Sighting,
    Subscription,
)
from tests.permission_table import (
    ACTIONS,
    MODELS,
    NOBODY,
    PAGES,
    ROLES,
    SEARCHES,
    STAFF,
    WAYS,
    WITH_CONTENT,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MARKER = "Kilimanjaro-51c7"
SECRET = "client-state-8e0b"
OF_EACH_MODEL = ("changelist", "add", "history", "delete", "change")
Visitor = Callable[[str], Client]


def addresses() -> Iterator[tuple[str, str]]:
    """Yield the name and route of every address that the product answers."""
    yield from _of(get_resolver(), "", "")


def _of(resolver: URLResolver, route: str, namespace: str) -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name or '-'}", f"{route}{pattern.pattern}"
        else:
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _of(pattern, f"{route}{pattern.pattern}", inner)


def named() -> dict[str, str]:
    """Return the routes by name; what has no name only leads on to what has one."""
    return {name: route for name, route in addresses() if not name.endswith("-")}


def allowed(name: str) -> frozenset[str] | None:
    """Return who may open a page by the table; None where the table does not know it."""
    if name in PAGES:
        return PAGES[name]
    model, _, page = name.removeprefix("admin:").rpartition("_")
    if model not in MODELS or page not in OF_EACH_MODEL:
        return None
    row = MODELS[model]
    return {"add": row.add, "delete": row.delete}.get(page, row.see)


@pytest.fixture
def objects(app_registration: AppRegistration, certificate: EncryptionCertificate) -> dict[str, Any]:
    """Save one object of each model in the admin and return its key by the model's name."""
    subscription = Subscription.objects.create(
        app_registration=app_registration,
        resource="/users/u/messages",
        change_type="created",
        status="active",
        graph_id="3c5d9a70-41be-4d27-8f16-a0c7e2b95d84",
        client_state=SECRET,
        expires_at=NOW,
    )
    item = {
        "subscriptionId": subscription.graph_id,
        "clientState": SECRET,
        "changeType": "created",
        "resource": "users/u/messages/m",
        "resourceData": {"id": "m", "subject": MARKER},
    }
    delivery = Delivery.objects.create(
        body=json.dumps({"value": [item]}).encode(),
        size=2,
        received_at=NOW,
        next_attempt_at=NOW,
        state="done",
        endpoint="notifications",
    )
    notification = ChangeNotification.objects.create(
        subscription=subscription,
        delivery=delivery,
        resource="users/u/messages/m",
        resource_id="m",
        resource_type="#Microsoft.Graph.Message",
        change_type="created",
        state="accepted",
        received_at=NOW,
        last_received_at=NOW,
        processed_at=NOW,
    )
    NotificationContent.objects.create(
        notification=notification, data={"subject": MARKER, "from": {"name": MARKER}}, opened_at=NOW
    )
    user = User.objects.create_user("somebody")
    look = Look.objects.create(app_registration=app_registration, tried_at=NOW)
    saved = (
        Group.objects.create(name="Others"),
        user,
        subscription,
        app_registration,
        certificate,
        delivery,
        notification,
        ApiToken.objects.create(user, expiry=timedelta(days=1))[0],
        DelegatedAccount.objects.create(
            app_registration=app_registration, username="zoe@contoso.example", signed_in_at=NOW
        ),
        Alert.objects.create(
            kind="lapse", key="k", title="t", raised_at=NOW, last_seen_at=NOW, announced_at=NOW
        ),
        Gap.objects.create(
            subscription=subscription,
            cause="paused",
            state="awaiting",
            began_at=NOW,
            began_by=NOW,
            ended_at=NOW,
        ),
        Operation.objects.create(action="renew", actor="test", started_at=NOW, succeeded=True),
        Run.objects.create(command="renew_subscriptions", started_at=NOW),
        Sighting.objects.create(look=look, state="gone", resource="users/u/messages", graph_id="g"),
        ContentAccess.objects.create(at=NOW, actor="ann", way="page", notification=notification),
        ContentErasure.objects.create(at=NOW, actor="ann", selection="test"),
        EndpointMinute.objects.create(minute=NOW, answers=1),
        LegalHold.objects.create(name="Case 7", reason="r", tenant_id="t", placed_at=NOW, placed_by="ann"),
        RetentionRule.objects.create(accepted_days=30),
        SavedSearch.objects.create(owner=user, name="Mine", query="state=all"),
    )
    return {f"{one._meta.app_label}_{one._meta.model_name}": one.pk for one in saved}


@pytest.fixture
def visitor(db: None, settings: Settings) -> Visitor:
    """Return a function that signs in somebody of a role."""
    # Without it, there are no metrics for strangers to be refused.
    settings.METRICS_TOKEN = "m" * 20

    def sign_in(role: str) -> Client:
        if role == "anonymous":
            return Client()
        user = User.objects.create_user("visitor", is_staff=True, is_superuser=role == "superuser")
        if group := Group.objects.filter(name=role.removesuffix(" without content")).first():
            user.groups.add(group)
        if role.endswith("without content"):
            lost = Permission.objects.get(codename="view_notificationcontent")
            Group.objects.get(name="Analysts").permissions.remove(lost)
        # Of these, everybody sees their own.
        ApiToken.objects.update(user=user)
        SavedSearch.objects.update(owner=user)
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def address_of(name: str, route: str, objects: dict[str, Any]) -> str:
    """Fill in the route of a page with the object of its model."""
    prefix = name.removeprefix("admin:")
    models = {**objects, "changenotification": objects["notifications_changenotification"]}
    models |= {"subscription-": objects["subscriptions_subscription"]}
    key = next(
        (models[model] for model in sorted(models, key=len, reverse=True) if prefix.startswith(model)), 1
    )
    route = re.sub(r"\(\?P<app_label>[^)]*\)", "notifications", route)
    route = re.sub(r"<path:content_type_id>", "1", route)
    route = re.sub(r"\(\?P<\w+>(?:[^()]|\([^)]*\))*\)|<[^>]*>", str(quote(key)), route)
    return "/" + route.replace("^", "").replace("$", "")


def is_refused(answer: Any) -> bool:
    leads_to_login = answer.status_code == 302 and "/login/" in answer.headers["Location"]
    return leads_to_login or answer.status_code in {401, 403}


def body_of(answer: Any) -> str:
    return b"".join(answer.streaming_content if answer.streaming else [answer.content]).decode()


def test_the_table_knows_every_address_and_nothing_else() -> None:
    known = {name for name in named() if allowed(name) is not None}
    rows = set(PAGES) | {f"admin:{model}_{page}" for model in MODELS for page in OF_EACH_MODEL}

    assert set(named()) - known == set(), "Add a row to tests/permission_table.py."
    assert rows - set(named()) == set(), "These are no longer there."


@pytest.mark.parametrize("role", ROLES)
def test_each_page_opens_to_those_whom_the_table_names(
    role: str, visitor: Visitor, objects: dict[str, Any]
) -> None:
    client = visitor(role)
    wrong = []
    for name, route in named().items():
        address = address_of(name, route, objects)
        answers = [client.get(address)]
        if name == "admin:logout":
            continue
        may = role in (allowed(name) or NOBODY)
        # What takes only POST is pressed; and what is refused is refused to those who press without asking, too.
        if answers[0].status_code == 405 or not may:
            answers.append(client.post(address))
        refused = [is_refused(answer) for answer in answers if answer.status_code != 405]
        if any(refused) if may else not all(refused):
            wrong.append((name, [answer.status_code for answer in answers]))

    assert not wrong, wrong


@pytest.mark.parametrize("role", ROLES)
def test_each_form_saves_for_those_whom_the_table_names(
    role: str, visitor: Visitor, objects: dict[str, Any]
) -> None:
    client = visitor(role)
    routes = named()
    wrong = []
    for model, row in MODELS.items():
        name = f"admin:{model}_change"
        # An empty form is told what it lacks, if it may be sent at all.
        answer = client.post(address_of(name, routes[name], objects))
        if is_refused(answer) == (role in row.change):
            wrong.append((model, answer.status_code))

    assert not wrong, wrong


@pytest.mark.parametrize("role", sorted(STAFF))
def test_each_action_is_offered_to_those_whom_the_table_names(role: str, visitor: Visitor) -> None:
    client = visitor(role)
    request = HttpRequest()
    request.user = User.objects.get(pk=client.session["_auth_user_id"])

    offered = {
        f"{model._meta.app_label}_{model._meta.model_name}": set(page.get_actions(request))
        for model, page in admin.site._registry.items()
    }

    expected = {
        model: {name for name, roles in ACTIONS.get(model, {}).items() if role in roles} for model in offered
    }
    assert offered == expected, {model: names for model, names in offered.items() if names != expected[model]}


@pytest.mark.parametrize("role", ROLES)
def test_content_is_found_on_the_named_pages_by_the_named_roles_and_nowhere_else(
    role: str, visitor: Visitor, objects: dict[str, Any]
) -> None:
    client = visitor(role)
    found, unnoted = set(), set()
    for name, route in named().items():
        before = ContentAccess.objects.count()
        body = "" if name == "admin:logout" else body_of(client.get(address_of(name, route, objects)))
        assert SECRET not in body, name
        if MARKER in body:
            found.add(name)
            unnoted |= {name} if ContentAccess.objects.count() == before else set()

    assert found == {name for name, roles in WITH_CONTENT.items() if role in roles}
    assert not unnoted, "Each reading of content is to be on the audit log."


@pytest.mark.parametrize("role", ROLES)
def test_content_is_handed_out_to_the_named_roles_alone_and_noted(
    role: str, visitor: Visitor, objects: dict[str, Any]
) -> None:
    client = visitor(role)
    for method, address, sent, roles in WAYS:
        before = ContentAccess.objects.count()

        answer = client.post(address, sent) if method == "POST" else client.get(address, sent)

        has_content = MARKER in body_of(answer)
        assert has_content == (role in roles), (method, address, sent)
        assert ContentAccess.objects.count() - before == has_content, (method, address, sent)


@pytest.mark.parametrize("role", ROLES)
def test_content_is_searched_by_the_named_roles_alone(
    role: str, visitor: Visitor, objects: dict[str, Any]
) -> None:
    client = visitor(role)
    key = objects["notifications_changenotification"]
    rows = f"/changenotification/{key}/change/", f'"id":{key},'
    for address, roles in SEARCHES:
        searched = ContentAccess.objects.filter(way="search", actor="visitor")
        before = searched.count()

        answer = client.get(address.format(marker=MARKER))

        body = body_of(answer)
        assert any(row in body for row in rows) == (role in roles), address
        assert searched.count() - before == (role in roles), address
