"""The first page in a browser: charts that everybody can see, reach and do without."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from notifications.models import ChangeNotification
from notifications.services.rows import counting
from subscriptions.models import Subscription
from tests.browser.sight import faults

pytestmark = pytest.mark.browser


@pytest.fixture
def _a_busy_day(make_subscription: Callable[..., Subscription]) -> None:
    subscription = make_subscription()
    now = datetime.now(UTC)
    rows = [
        ChangeNotification(
            subscription=subscription,
            change_type="created",
            resource=f"Users/u1/Messages/{number}",
            workload=("Outlook", "Teams", "OneDrive")[number % 3],
            state=("accepted", "accepted", "accepted", "rejected")[number % 4],
            reason="malformed" if number % 4 == 3 else "",
            received_at=now - timedelta(minutes=7 * number),
            last_received_at=now,
            processed_at=now,
        )
        for number in range(120)
    ]
    counting.note(came=ChangeNotification.objects.bulk_create(rows))


def pixels(page: Page, key: str) -> int:
    """Return how many points of a chart are drawn."""
    found: int = page.locator(f"canvas[data-chart={key}]").evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)"
        ".data.filter((value, number) => number % 4 === 3 && value > 0).length"
    )
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.usefixtures("_a_busy_day")
def test_the_overview_is_seen_and_reached_by_everybody(
    window: Any,
    webhook: str,
    log_in: Callable[[Page], None],
    width: int,
    theme: Literal["light", "dark"],
) -> None:
    with window.open(width=width, theme=theme) as page:
        log_in(page)
        expect(page.locator("canvas")).to_have_count(2)
        drawn = [pixels(page, key) for key in ("workloads", "states")]
        folded = faults(page)
        for summary in page.locator("#content summary").all():
            summary.click()
        unfolded = faults(page)

    assert min(drawn) > 1000
    assert folded == []
    assert unfolded == []
    assert window.complaints == []


@pytest.mark.usefixtures("_a_busy_day")
def test_the_charts_follow_the_theme_and_a_bar_opens_its_list(
    window: Any, webhook: str, log_in: Callable[[Page], None]
) -> None:
    colours = (
        "(chart => [chart.options.scales.y.ticks.color, chart.getDatasetMeta(0).data[0].options.backgroundColor])"
        "(Chart.getChart(document.querySelector('canvas')))"
    )
    legend = "getComputedStyle(document.querySelector('.gsm-swatch')).backgroundColor"
    bars = "Chart.getChart(document.querySelector('canvas')).getDatasetMeta(0).data.at(-3).getCenterPoint()"

    with window.open() as page:
        log_in(page)
        light = page.evaluate(colours)
        assert light[1] == page.evaluate(legend)
        page.locator("button.theme-toggle").first.click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        dark = page.evaluate(colours)
        assert dark[1] == page.evaluate(legend)
        middle = page.evaluate(bars)
        page.locator("canvas").first.click(position={"x": middle["x"], "y": middle["y"]})
        page.wait_for_url("**/changenotification/?*workload*")
        expect(page.locator("#result_list")).to_be_visible()

    assert light[0] != dark[0]
    assert light[1] != dark[1]
    assert window.complaints == []


@pytest.mark.usefixtures("_a_busy_day")
def test_without_scripts_the_tables_say_the_same(
    window: Any, webhook: str, log_in: Callable[[Page], None]
) -> None:
    with window.open(has_scripts=False) as page:
        log_in(page)
        page.get_by_text("By state, as a table").click()
        table = page.get_by_role("region", name="By state").get_by_role("table")
        table.get_by_role("link").first.click()
        expect(page.locator("#result_list")).to_be_visible()
