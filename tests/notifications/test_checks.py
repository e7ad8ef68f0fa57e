"""What is explained at start-up."""

import pytest
from pytest_django.fixtures import Settings

from notifications import checks


@pytest.mark.parametrize(("embedded", "ids"), [(True, []), (False, ["notifications.I001"])])
def test_an_inbox_left_to_workers_is_mentioned(settings: Settings, embedded: bool, ids: list[str]) -> None:
    settings.EMBEDDED_WORKER = embedded

    assert [one.id for one in checks.somebody_works(None)] == ids


def test_a_value_out_of_range_is_an_error_and_told_once(settings: Settings) -> None:
    settings.EMBEDDED_WORKER = False
    settings.MAX_DELIVERY_BYTES = 1

    assert [one.id for one in checks.settings_are_in_range(None)] == ["notifications.E001"]
    assert checks.somebody_works(None) == []
