"""Content is shown as it is, folded and escaped, whatever a stranger put into it."""

from typing import Any

import pytest

from notifications.admin import content_tree


def test_values_stand_beside_their_names_and_objects_fold() -> None:
    tree = content_tree.as_tree({"subject": "Hello", "from": {"name": "Zo\u00eb", "n": [1, None]}})

    assert '<span class="gsm-tree-name">subject</span> <span class="gsm-tree-text">Hello</span>' in tree
    assert "<details open><summary>" in tree
    assert "2 properties" in tree
    assert "2 elements" in tree
    assert '<span class="gsm-tree-other">null</span>' in tree
    assert tree.count("<details") == tree.count("</details>") == 2
    assert tree.count("<details open") == 1


def test_everything_is_escaped() -> None:
    evil = "<script>alert(1)</script>"

    tree = content_tree.as_tree({evil: {evil: [evil, {evil: evil}]}})

    assert "<script" not in tree
    assert tree.count("&lt;script&gt;") == 5


@pytest.mark.parametrize("data", [{}, [], "text", 1, None, [[]], {"a": {}}], ids=range(7))
def test_any_json_makes_a_tree(data: Any) -> None:
    assert content_tree.as_tree(data).startswith('<ul class="gsm-tree">')


def test_a_tree_ends_where_nobody_reads_on() -> None:
    tree = content_tree.as_tree({"many": list(range(5_000)), "more": {"a": 1}})

    assert tree.count("<li>") <= content_tree.MOST_NODES + 3
    assert "More is in the text below." in tree


def test_the_deepest_content_that_is_stored_makes_a_tree() -> None:
    deep: Any = "end"
    for _ in range(64):
        deep = {"a": deep}

    assert content_tree.as_tree(deep).count("<ul") == 64


@pytest.mark.parametrize(
    ("value", "short"),
    [
        ("text", "text"),
        (1, "1"),
        (None, "null"),
        (True, "true"),
        ({"a": "\u00fc"}, '{"a": "\u00fc"}'),
        ("x" * 300, "x" * 200 + "\u2026"),
    ],
    ids=range(6),
)
def test_a_value_is_said_on_one_line(value: Any, short: str) -> None:
    assert content_tree.in_short(value) == short
