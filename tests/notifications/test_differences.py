"""Two states of an item differ exactly where they are not the same."""

from typing import Any

import pytest

from notifications import differences


def found(before: Any, after: Any) -> list[tuple[str, str, Any, Any]]:
    return [(one.path, one.how, one.before, one.after) for one in differences.between(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", "changed", 1, 2)]),
        ({"a": 1}, {}, [("a", "removed", 1, None)]),
        ({}, {"a": 1}, [("a", "added", None, 1)]),
        ({"a": None}, {"a": 1}, [("a", "changed", None, 1)]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("a.c", "changed", 2, 3)]),
        ({"a": {"b": 1}}, {"a": "text"}, [("a", "changed", {"b": 1}, "text")]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, [("a[1]", "changed", 2, 3), ("a[2]", "added", None, 4)]),
        ({"a": [1, 2]}, {"a": [1]}, [("a[1]", "removed", 2, None)]),
        ({"a": True}, {"a": 1}, [("a", "changed", True, 1)]),
        ({"a": 0}, {"a": False}, [("a", "changed", 0, False)]),
        ({"@odata.etag": "1", "a": 1}, {"@odata.etag": "2", "a": 1}, []),
        (
            {"x": 1, "b": 1},
            {"a": 1, "b": 2},
            [("a", "added", None, 1), ("b", "changed", 1, 2), ("x", "removed", 1, None)],
        ),
        ([1], [2], [("[0]", "changed", 1, 2)]),
        ("one", "two", [("", "changed", "one", "two")]),
    ],
    ids=range(16),
)
def test_each_value_that_is_not_what_it_was_is_named(before: Any, after: Any, expected: Any) -> None:
    assert found(before, after) == expected


def test_elements_with_an_id_are_known_by_it_wherever_they_stand() -> None:
    before = {"attachments": [{"id": "x", "size": 1}, {"id": "y", "size": 2}]}
    after = {"attachments": [{"id": "y", "size": 3}, {"id": "z", "size": 4}]}

    assert found(before, after) == [
        ("attachments[y].size", "changed", 2, 3),
        ("attachments[z]", "added", None, {"id": "z", "size": 4}),
        ("attachments[x]", "removed", {"id": "x", "size": 1}, None),
    ]


@pytest.mark.parametrize(
    "elements",
    [
        [{"id": "x"}, {"id": "x"}],
        [{"id": "x"}, {"name": "y"}],
        [{"id": 1}, {"id": 2}],
        ["x", {"id": "y"}],
    ],
    ids=["twice the same", "one without", "numbers", "not objects"],
)
def test_elements_without_an_id_of_their_own_are_known_by_their_place(elements: list[Any]) -> None:
    assert found({"a": elements}, {"a": elements[:1]}) == [("a[1]", "removed", elements[1], None)]


def test_nothing_is_its_own_difference_however_deep() -> None:
    deep: Any = {"end": [1, {"id": "x"}]}
    for _ in range(64):
        deep = {"a": [deep]}

    assert found(deep, deep) == []
