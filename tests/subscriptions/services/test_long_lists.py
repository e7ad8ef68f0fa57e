"""Long lists are counted as far as anybody pages, and no further."""

import pytest

from subscriptions.models import AppRegistration
from subscriptions.services import long_lists
from subscriptions.services.long_lists import BoundedPaginator, count_up_to


@pytest.fixture
def _five_rows(db: None) -> None:
    for number in range(5):
        AppRegistration.objects.create(name=f"App {number}", tenant_id="a.example", client_id=str(number))


@pytest.mark.usefixtures("_five_rows")
@pytest.mark.parametrize(("limit", "count"), [(4, 5), (3, 4), (5, 5), (100, 5)])
def test_a_count_ends_one_beyond_its_limit(limit: int, count: int) -> None:
    assert count_up_to(AppRegistration.objects.all(), limit) == count


@pytest.mark.usefixtures("_five_rows")
def test_pages_end_where_the_count_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_lists, "LONGEST_LIST", 3)

    paginator = BoundedPaginator(AppRegistration.objects.order_by("name"), per_page=2)

    assert (paginator.count, paginator.num_pages) == (3, 2)
    assert [row.name for row in paginator.page(2)] == ["App 2"]
