"""From the catalogue to the form: every resource is found, its parts are filled in, and what they get wrong is told."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from subscriptions import catalogue
from subscriptions.catalogue import Entry
from subscriptions.models import AppRegistration, DelegatedAccount
from subscriptions.sandbox import Sandbox

CATALOGUE = reverse("admin:subscriptions_subscription_catalogue")
ENTRY = reverse("admin:subscriptions_subscription_entry")
FACTS = reverse("admin:subscriptions_subscription_facts")
ADD = reverse("admin:subscriptions_subscription_add")
MAILBOX = "/users/{user-id}/messages"
CHANNEL = "/teams/{team-id}/channels/{channel-id}/messages"
PRESENCE = "/communications/presences/{user-id}"
HUGE = "9" * 5000

SignedIn = Callable[..., Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(app_registration: AppRegistration) -> DelegatedAccount:
    """Save an account whose token cache is empty, so that no token is to be had for it."""
    return DelegatedAccount.objects.create(
        app_registration=app_registration,
        username="ada@contoso.example",
        home_account_id="1.2",
        kind="work",
        signed_in_at=datetime.now(UTC),
    )


def page_of(client: Client, path: str, **query: str) -> Any:
    return client.get(ENTRY, {"path": path, **query})


def initial_of(answer: Any) -> dict[str, list[str]]:
    assert urlsplit(answer["Location"]).path == ADD
    return parse_qs(urlsplit(answer["Location"]).query)


# The catalogue


def test_the_catalogue_shows_every_resource(administrator: Client) -> None:
    page = administrator.get(CATALOGUE)

    shown = [facts.path for _, group in page.context["groups"] for facts in group]
    assert sorted(shown) == sorted(entry.path for entry in catalogue.entries())
    assert [workload for workload, _ in page.context["groups"]] == list(catalogue.workloads())


def test_a_search_leaves_what_fits(administrator: Client) -> None:
    page = administrator.get(CATALOGUE, {"q": "  CHAT member "})

    shown = [facts.path for _, group in page.context["groups"] for facts in group]
    assert "/chats/{chat-id}/members" in shown
    assert MAILBOX not in shown
    assert page.context["count"] == len(shown)


def test_a_permission_leads_to_its_resources(administrator: Client) -> None:
    page = administrator.get(CATALOGUE, {"q": "Presence.Read.All"})

    assert [workload for workload, _ in page.context["groups"]] == ["Teams presence"]


def test_a_search_for_nothing_known_is_escaped_and_says_how_to_go_on(administrator: Client) -> None:
    page = administrator.get(CATALOGUE, {"q": "<script>alert(1)</script>"}).content.decode()

    assert "<script>alert" not in page
    assert "can still be entered" in page


def test_an_old_path_names_what_replaced_it(administrator: Client) -> None:
    page = administrator.get(CATALOGUE, {"q": "/teams/allMessages"}).content.decode()

    assert 'Replaced by <span class="gsm-code">/teams/getAllMessages</span>' in page


# One entry


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.path)
def test_every_entry_has_a_page_with_an_input_for_each_part(administrator: Client, entry: Entry) -> None:
    page = page_of(administrator, entry.path)

    assert [part.name for part in page.context["parts"]] == list(entry.parameters)
    assert all(part.help.endswith(".") for part in page.context["parts"])
    assert (page.context["facts"].title, page.context["problem"]) == (entry.title, "")


@pytest.mark.parametrize("path", ["", "/users/1/messages", "/etc/passwd", "<b>", "\0"])
def test_what_is_no_entry_is_not_found(administrator: Client, path: str) -> None:
    assert page_of(administrator, path).status_code == 404


def test_filled_parts_make_the_path(administrator: Client) -> None:
    page = page_of(
        administrator, CHANNEL, show="1", **{"part-team-id": " t-1 ", "part-channel-id": "19:a@thread.tacv2"}
    )

    assert page.context["resource"] == "/teams/t-1/channels/19:a@thread.tacv2/messages"


def test_an_entry_without_parts_needs_no_click_to_show_its_path(administrator: Client) -> None:
    assert page_of(administrator, "/teams/getAllMessages").context["resource"] == "/teams/getAllMessages"


@pytest.mark.parametrize(
    ("path", "parts", "told"),
    [
        (CHANNEL, {}, "Fill in team-id"),
        (CHANNEL, {"part-team-id": "t"}, "Fill in channel-id"),
        (CHANNEL, {"part-team-id": "t", "part-channel-id": ".."}, "channel-id cannot be a dot path"),
        (MAILBOX, {"part-user-id": "a\nb"}, "user-id cannot be a dot path or contain line breaks"),
        (MAILBOX, {"part-user-id": "\0"}, "invisible characters"),
        ("/communications/presences?$filter=id in ({user-ids})", {"part-user-ids": "a,,b"}, "user-ids"),
        ("/chats/{chat-id}?notifyOnUserSpecificProperties={bool}", {"part-chat-id": "1", "part-bool": "x"}, "bool"),
        (MAILBOX, {"part-user-id": "1", "options": "#fragment"}, "contains &#x27;#&#x27;"),
    ],
)  # fmt: skip
def test_a_part_that_is_missing_or_cannot_be_is_told(
    administrator: Client, path: str, parts: dict[str, str], told: str
) -> None:
    page = page_of(administrator, path, go_on="1", **parts)

    assert told in page.content.decode()
    assert page.context["resource"] == ""


def test_what_was_typed_stays_and_is_escaped(administrator: Client) -> None:
    page = page_of(
        administrator, CHANNEL, show="1", **{"part-team-id": '"><script>x</script>'}
    ).content.decode()

    assert "<script>x" not in page
    assert "&quot;&gt;&lt;script&gt;x" in page


def test_a_slash_in_a_part_cannot_lead_to_another_resource(administrator: Client) -> None:
    page = page_of(administrator, MAILBOX, show="1", **{"part-user-id": "1/events?x=/"})

    resource = page.context["resource"]
    entry = catalogue.entry_for(resource)
    assert (entry and entry.path, resource.count("/"), resource.count("?")) == (MAILBOX, 3, 0)


@pytest.mark.parametrize(
    ("path", "parts", "options", "resource"),
    [
        (MAILBOX, {"part-user-id": "1"}, "$select=subject", "/users/1/messages?$select=subject"),
        (MAILBOX, {"part-user-id": "1"}, "?$select=subject", "/users/1/messages?$select=subject"),
        (
            "/chats/{chat-id}?notifyOnUserSpecificProperties={bool}",
            {"part-chat-id": "1", "part-bool": "true"},
            "&model=A",
            "/chats/1?notifyOnUserSpecificProperties=true&model=A",
        ),
    ],
)
def test_options_are_appended(
    administrator: Client, path: str, parts: dict[str, str], options: str, resource: str
) -> None:
    page = page_of(administrator, path, show="1", options=options, **parts)

    assert page.context["resource"] == resource


def test_a_path_that_microsoft_has_replaced_offers_the_new_one(administrator: Client) -> None:
    page = page_of(administrator, "/chats/allMessages").content.decode()

    assert 'href="?path=%2Fchats%2FgetAllMessages"' in page
    assert page.count("There is a newer path") == page.count("has replaced") == 1


# On to the form


def test_going_on_leads_to_the_form_with_what_was_chosen(
    administrator: Client, account: DelegatedAccount
) -> None:
    who = f"{account.app_registration_id}-{account.pk}"

    answer = page_of(administrator, PRESENCE, go_on="1", who=who, **{"part-user-id": "1"})

    assert initial_of(answer) == {
        "app_registration": [str(account.app_registration_id)],
        "delegated_account": [str(account.pk)],
        "resource": ["/communications/presences/1"],
        "change_type": ["updated"],
    }


def test_what_only_beta_has_and_what_must_have_content_begins_so(administrator: Client) -> None:
    answer = page_of(
        administrator, "/users/{user-id}/communications/callEvents", go_on="1", **{"part-user-id": "1"}
    )

    initial = initial_of(answer)
    assert (initial["api_version"], initial["include_resource_data"]) == (["beta"], ["1"])


def test_the_form_begins_as_the_guide_left_it(
    administrator: Client, app_registration: AppRegistration
) -> None:
    on = page_of(administrator, MAILBOX, go_on="1", who=str(app_registration.pk), **{"part-user-id": "1"})[
        "Location"
    ]

    page = administrator.get(on)

    form = page.context["adminform"].form
    assert form["resource"].value() == "/users/1/messages"
    assert form["change_type"].value() == ["created", "updated", "deleted"]
    assert page.context["facts"].path == MAILBOX
    assert f'<option value="{app_registration.pk}" selected>' in page.content.decode()


# Who watches


def test_a_permission_in_the_token_is_told(administrator: Client, app_registration: AppRegistration) -> None:
    page = page_of(administrator, MAILBOX, show="1", who=str(app_registration.pk), **{"part-user-id": "1"})

    assert page.context["permission"].kind == "good"
    assert "the token carries Mail.Read." in page.context["permission"].text


@pytest.mark.parametrize(
    ("path", "parts", "kind", "missing"),
    [
        (MAILBOX, {"part-user-id": "1"}, "bad", "Mail.Read"),
        (CHANNEL, {"part-team-id": "1", "part-channel-id": "2"}, "warn", "ChannelMessage.Read.All"),
    ],
)
def test_a_permission_that_the_token_lacks_is_told_with_the_way_to_it(
    administrator: Client,
    app_registration: AppRegistration,
    sandbox: Sandbox,
    path: str,
    parts: dict[str, str],
    kind: str,
    missing: str,
) -> None:
    sandbox.add_application(
        client_id=sandbox.application.client_id,
        client_secret=sandbox.application.client_secret,
        roles=("User.Read.All",),
    )

    permission = page_of(administrator, path, show="1", who=str(app_registration.pk), **parts).context[
        "permission"
    ]

    assert permission.kind == kind
    assert permission.text.startswith(f"Missing: {missing}. In the Entra admin center")


def test_the_app_cannot_watch_what_only_users_may(
    administrator: Client, app_registration: AppRegistration
) -> None:
    page = page_of(administrator, PRESENCE, show="1", who=str(app_registration.pk), **{"part-user-id": "1"})

    assert page.context["permission"].kind == "warn"
    assert "choose a signed-in account" in page.context["permission"].text


def test_where_no_token_is_to_be_had_the_reason_is_told(
    administrator: Client, app_registration: AppRegistration, account: DelegatedAccount
) -> None:
    AppRegistration.objects.filter(pk=app_registration.pk).update(
        client_id="0" * 8 + "-0000-4000-8000-" + "0" * 12
    )

    for who in (str(app_registration.pk), f"{app_registration.pk}-{account.pk}"):
        permission = page_of(administrator, MAILBOX, show="1", who=who, **{"part-user-id": "1"}).context[
            "permission"
        ]
        assert permission.kind == "bad"
        assert permission.text.startswith("No token is to be had: ")


def test_a_credential_that_no_key_opens_is_told(
    administrator: Client, app_registration: AppRegistration, settings: Settings
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    page = page_of(administrator, "/teams/getAllMessages", who=str(app_registration.pk))

    assert "No token is to be had" in page.context["permission"].text


def test_each_account_is_offered_beside_its_app(administrator: Client, account: DelegatedAccount) -> None:
    page = page_of(administrator, MAILBOX)

    app = account.app_registration
    assert page.context["who_options"] == [
        (str(app.pk), "Contoso, as the app itself"),
        (f"{app.pk}-{account.pk}", "Contoso, as ada@contoso.example"),
    ]


@pytest.mark.parametrize("who", ["x", "-", "1-", "1-x", HUGE, f"1-{HUGE}", "9" * 18, "\u0665", "1-999", "-1"])
def test_somebody_unknown_watches_nothing_and_breaks_nothing(
    administrator: Client, registration: AppRegistration, who: str
) -> None:
    who = who.replace("1-", f"{registration.pk}-") if who.startswith("1-") else who

    page = page_of(administrator, "/teams/getAllMessages", show="1", who=who)
    on = page_of(administrator, "/teams/getAllMessages", go_on="1", who=who)

    assert (page.status_code, page.context["permission"]) == (200, None)
    assert "app_registration" not in initial_of(on)


def test_an_account_of_another_app_is_not_taken(
    administrator: Client, registration: AppRegistration, account: DelegatedAccount
) -> None:
    on = page_of(administrator, "/teams/getAllMessages", go_on="1", who=f"{registration.pk}-{account.pk}")

    assert "delegated_account" not in initial_of(on)


@pytest.mark.parametrize("name", ["app_registration", "delegated_account", "clone", "lifetime_minutes"])
def test_no_number_in_the_address_of_the_form_is_too_long(administrator: Client, name: str) -> None:
    assert administrator.get(ADD, {name: HUGE}).status_code == 200


# The facts beside the form


@pytest.mark.parametrize(
    ("resource", "shown"),
    [
        ("/users/1/messages", "Mail of a user, all folders"),
        ("chats/allMessages", "Microsoft has replaced this path"),
        ("/communications/presences/1", "Only a signed-in account may watch this"),
        ("/not/in/the/catalogue", "not in the catalogue"),
        ("https://graph.microsoft.com/v1.0/users", "only the path after /v1.0"),
        ("<script>", "not in the catalogue"),
    ],
)
def test_the_facts_of_a_path_are_told(administrator: Client, resource: str, shown: str) -> None:
    page = administrator.get(FACTS, {"resource": resource}).content.decode()

    assert shown in page
    assert "<script>" not in page


def test_of_no_path_there_is_nothing_to_tell(administrator: Client) -> None:
    assert administrator.get(FACTS).content.decode().strip() == ""


def test_the_facts_are_there_after_an_error_without_any_script(administrator: Client) -> None:
    page = administrator.post(ADD, {"resource": "/users/1/messages", "change_type": ["created"]})

    assert "errornote" in page.content.decode()
    assert page.context["facts"].path == MAILBOX


def test_the_form_suggests_every_path(administrator: Client) -> None:
    page = administrator.get(ADD).content.decode()

    assert page.count('<option value="/') == len(catalogue.entries())


# Rights


@pytest.mark.parametrize(
    ("rights", "statuses"),
    [
        ((), (403, 403, 403)),
        (("subscriptions.view_appregistration",), (403, 403, 403)),
        (("subscriptions.view_subscription",), (200, 403, 200)),
        (("subscriptions.add_subscription",), (200, 200, 200)),
    ],
)
def test_who_may_see_subscriptions_sees_the_catalogue_and_who_may_add_them_the_guide(
    signed_in: SignedIn, rights: tuple[str, ...], statuses: tuple[int, ...]
) -> None:
    client = signed_in(*rights)

    answers = [client.get(CATALOGUE), page_of(client, MAILBOX), client.get(FACTS, {"resource": "/users"})]

    assert tuple(answer.status_code for answer in answers) == statuses


@pytest.mark.parametrize("address", [CATALOGUE, ENTRY, FACTS])
def test_a_stranger_is_sent_to_the_log_in(client: Client, address: str) -> None:
    assert "/login/" in client.get(address)["Location"]


def test_who_may_only_look_is_led_nowhere_else(signed_in: SignedIn) -> None:
    page = signed_in("subscriptions.view_subscription").get(CATALOGUE).content.decode()

    assert ENTRY not in page


# Without any script


def test_the_pages_carry_no_inline_script_or_style(administrator: Client) -> None:
    for address in (CATALOGUE, f"{ENTRY}?path={MAILBOX}", ADD):
        page = administrator.get(address).content.decode()
        assert "<script>" not in page
        assert " style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page
