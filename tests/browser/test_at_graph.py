"""At Graph, by clicking: look, mend, remove what nobody asked for; pause, resume, retire and delete."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.browser

Make = Callable[..., Subscription]


@pytest.mark.parametrize("width", [1280, 390])
def test_what_differs_is_seen_and_mended_and_a_stray_removed(
    make_subscription: Make,
    sandbox: Sandbox,
    webhook: str,
    window: Any,
    log_in: Callable[[Page], None],
    width: int,
) -> None:
    gone, other = make_subscription(), make_subscription(resource="/users", change_type="updated")
    stray = replace(sandbox.subscriptions[str(other.graph_id)], id=str(uuid.uuid4()), resource="/groups")
    sandbox._shelf.add(stray, lambda _: None)
    sandbox.remove_subscription(str(gone.graph_id))

    with window.open(width=width) as page:
        log_in(page)
        page.goto(f"{webhook}/admin/subscriptions/sighting/")
        page.get_by_role("button", name="Look").click()
        expect(page.get_by_text("1 in step, 0 drifted, 1 gone, 1 unknown")).to_be_visible()
        page.get_by_role("button", name="Mend").click()
        expect(page.get_by_text("Created again at Graph.")).to_be_visible()
        page.get_by_role("link", name="Remove at Graph").click()
        expect(page.get_by_text("Graph deletes the subscription.")).to_be_visible()
        page.get_by_role("button", name="Remove at Graph").click()
        expect(page.get_by_text("Everything is in step")).to_be_visible()

    assert stray.id not in sandbox.subscriptions
    assert len(sandbox.subscriptions) == 2
    assert window.complaints == []


def test_a_subscription_is_paused_resumed_retired_and_deleted(
    make_subscription: Make,
    sandbox: Sandbox,
    webhook: str,
    window: Any,
    log_in: Callable[[Page], None],
) -> None:
    row = make_subscription()

    with window.open() as page:
        log_in(page)
        page.goto(f"{webhook}/admin/subscriptions/subscription/{row.pk}/change/")
        page.get_by_role("link", name="Pause").click()
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_text("Paused: Graph no longer has it.")).to_be_visible()
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_text("Resumed as")).to_be_visible()
        page.get_by_role("link", name="Retire").click()
        page.get_by_role("button", name="Retire").click()
        expect(page.get_by_text("Retired: Graph no longer has it.")).to_be_visible()
        page.get_by_role("link", name="Delete").click()
        page.get_by_role("button", name="Yes").click()
        expect(page.get_by_text("was deleted successfully")).to_be_visible()

    assert (sandbox.subscriptions, Subscription.objects.count()) == ({}, 0)
    assert window.complaints == []
