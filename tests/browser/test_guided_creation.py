"""From the catalogue to a notification by clicking, for one resource of each workload."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from notifications.services import engine
from subscriptions import catalogue
from subscriptions.catalogue import Entry
from subscriptions.models import AppRegistration, DelegatedAccount
from subscriptions.sandbox import Sandbox
from subscriptions.services.access import accounts

pytestmark = pytest.mark.browser

WATCHED = {
    "Outlook": "/users/{user-id}/messages",
    "Directory": "/users",
    "Microsoft 365 Groups": "/groups/{group-id}/conversations",
    "OneDrive": "/drives/{drive-id}/root",
    "SharePoint": "/sites/{site-id}/lists/{list-id}",
    "Security": "/security/alerts/{alert-id}",
    "Entra health monitoring": "/reports/healthmonitoring/alerts",
    "Print": "/print/printers/{printer-id}/jobs",
    "To Do": "/me/todo/lists/{todoTaskList-id}/tasks",
    "Teams calls": "/communications/callRecords",
    "Teams": "/teams/{team-id}/channels/{channel-id}/messages",
    "Teams presence": "/communications/presences/{user-id}",
    "Teams meetings": "/users/{user-id}/onlineMeetings/getAllTranscripts",
    "Teams virtual events": "/solutions/virtualEvents/webinars/{webinar-id}/registrations",
    "Teams approvals": "/solutions/approval/approvalItems",
    "Teams Shifts": "/teams/{team-id}/schedule/shifts",
    "Copilot": "/copilot/interactionHistory/getAllEnterpriseInteractions",
}
FOR_USERS_ONLY = ("Group.Read.All", "Tasks.ReadWrite", "Presence.Read.All")
LIST = "/admin/notifications/changenotification/"
CATALOGUE = "/admin/subscriptions/subscription/catalogue/"

LogIn = Callable[[Page], None]


@pytest.fixture
def account(app_registration: AppRegistration, sandbox: Sandbox) -> DelegatedAccount:
    """Sign the first user in, with what Graph gives to users only."""
    kind = DelegatedAccount.Kind.WORK
    permissions = (accounts.ALWAYS_ASKED, *FOR_USERS_ONLY)
    code = accounts.begin_on_device(app_registration, kind=kind, permissions=permissions)
    sandbox.approve_device_code(code.user_code, sandbox.users[0])
    return accounts.finish_on_device(app_registration, code, kind=kind, clock=lambda: datetime.now(UTC))


def entry_of(workload: str) -> Entry:
    return next(entry for entry in catalogue.entries() if entry.path == WATCHED[workload])


def parts_of(entry: Entry, user_id: str) -> dict[str, str]:
    return {name: f"{name}-1" for name in entry.parameters} | {"user-id": user_id}


def pick(page: Page, address: str, entry: Entry) -> None:
    page.goto(address + CATALOGUE)
    page.get_by_label("Search").fill(entry.path)
    page.get_by_role("button", name="Search", exact=True).click()
    page.locator(".gsm-catalogue").get_by_role("link", name=entry.title, exact=True).click()


def fill_in(page: Page, entry: Entry, *, who: str, user_id: str) -> None:
    page.get_by_label("Who watches").select_option(label=who)
    for name in entry.parameters:
        page.get_by_label(f"{name}:", exact=True).fill(parts_of(entry, user_id)[name])
    if entry.rich_data_requires_select:
        page.get_by_label("Query options").fill("$select=subject")


def save(page: Page, entry: Entry) -> int:
    for name in entry.change_types or ("created",):
        page.get_by_label(name, exact=True).check()
    if entry.rich_data:
        page.get_by_label("Include content").check()
        page.get_by_label("Encryption certificate").select_option(label="hooks")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist .success")).to_contain_text("Graph created the subscription")
    return int(page.url.rstrip("/").split("/")[-2])


def path_of(entry: Entry, user_id: str) -> str:
    path = catalogue.fill(entry, parts_of(entry, user_id))
    return f"{path}?$select=subject" if entry.rich_data_requires_select else path


def change(sandbox: Sandbox, entry: Entry) -> None:
    user_id = sandbox.users[0].id
    changed = path_of(entry, user_id).replace("/me/", f"/users/{user_id}/", 1)
    sandbox.make_change(changed, (entry.change_types or ("created",))[0])


def read(page: Page, address: str, created: dict[Entry, int]) -> None:
    """Find a notification of each subscription in the list and, where there is content, read that."""
    page.goto(address + LIST)
    with_content = []
    for entry, subscription in created.items():
        link = page.locator(f'a[href="/admin/subscriptions/subscription/{subscription}/change/"]')
        row = page.locator("#result_list tbody tr", has=link)
        expect(row.locator(".gsm-good")).to_have_text("Genuine")
        if entry.rich_data:
            with_content.append(row.get_by_role("link").first.get_attribute("href"))
    for href in with_content:
        page.goto(f"{address}{href}")
        expect(page.get_by_text("Decrypted at")).to_be_visible()


def test_a_resource_of_every_workload_is_known() -> None:
    assert tuple(WATCHED) == catalogue.workloads()
    assert [entry_of(workload).workload for workload in WATCHED] == list(WATCHED)


@pytest.mark.usefixtures("certificate")
def test_a_resource_of_each_workload_is_watched_by_clicking(
    window: Any, webhook: str, sandbox: Sandbox, account: DelegatedAccount, log_in: LogIn
) -> None:
    entries = [entry_of(workload) for workload in WATCHED]
    user_id = sandbox.users[0].id
    as_app, as_user = "Contoso, as the app itself", f"Contoso, as {account.username}"
    created = {}

    with window.open() as page:
        log_in(page)
        for entry in entries:
            needs_user = entry.is_delegated_only or entry.path.startswith("/me/")
            pick(page, webhook, entry)
            fill_in(page, entry, who=as_user if needs_user else as_app, user_id=user_id)
            expect(page.locator("#resource-preview")).to_have_text(path_of(entry, user_id))
            page.get_by_role("button", name="Go on").click()
            expect(page.locator("#resource-facts h2")).to_have_text(entry.title)
            created[entry] = save(page, entry)
    for entry in entries:
        change(sandbox, entry)
    sandbox.flush()
    engine.work_once()
    with window.open() as page:
        read(page, webhook, created)

    assert window.complaints == []
    assert len(sandbox.subscriptions) == len(WATCHED)


@pytest.mark.usefixtures("app_registration", "certificate")
def test_the_guide_needs_no_script(window: Any, webhook: str, sandbox: Sandbox, log_in: LogIn) -> None:
    entry = entry_of("Teams")

    with window.open(has_scripts=False) as page:
        log_in(page)
        pick(page, webhook, entry)
        page.get_by_role("button", name="Go on").click()
        expect(page.locator(".errornote")).to_contain_text("Fill in team-id")
        fill_in(page, entry, who="Contoso, as the app itself", user_id="")
        page.get_by_role("button", name="Show the path and check").click()
        expect(page.locator("#resource-preview")).to_have_text(path_of(entry, ""))
        expect(page.locator("#permission")).to_contain_text("Granted")
        page.get_by_role("button", name="Go on").click()
        created = {entry: save(page, entry)}
    change(sandbox, entry)
    sandbox.flush()
    engine.work_once()
    with window.open(has_scripts=False) as page:
        read(page, webhook, created)

    assert window.complaints == []


@pytest.mark.usefixtures("app_registration")
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/users/1/messages", "Mail of a user, all folders"),
        ("/chats/allMessages", "use /chats/getAllMessages instead"),
        ("/not/known", "not in the catalogue"),
        ("https://graph.microsoft.com/v1.0/users", "only the path after /v1.0"),
    ],
)
def test_the_facts_follow_the_path_that_is_typed(
    window: Any, webhook: str, log_in: LogIn, path: str, told: str
) -> None:
    with window.open() as page:
        log_in(page)
        page.goto(f"{webhook}/admin/subscriptions/subscription/add/")
        page.get_by_label("Resource:").fill(path)
        page.get_by_label("Resource:").blur()
        expect(page.locator("#resource-facts")).to_contain_text(told)

    assert window.complaints == []
