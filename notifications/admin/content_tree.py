"""JSON as a tree that folds without a script; and as text."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

# Deeper levels begin folded.
LEVELS_OPEN = 1
# More lines than these nobody reads; the text below has all of it.
MOST_NODES = 1_000
LONGEST_VALUE = 2_000


def as_text(data: Any) -> str:
    """Return JSON on indented lines, in the writing of its own language."""
    return json.dumps(data, indent=2, ensure_ascii=False)


def as_tree(data: Any) -> SafeString:
    """Return nested lists that fold; what is beyond a thousand lines is left to the text."""
    return _list(data, 0, iter(range(MOST_NODES)))


def in_short(value: Any, *, length: int = 200) -> str:
    """Return a value on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else f"{text[:length]}\N{HORIZONTAL ELLIPSIS}"


def _list(data: Any, level: int, places: Iterator[int]) -> SafeString:
    lines = []
    for name, value in _parts(data):
        if next(places, None) is None:
            lines.append((format_html('<span class="gsm-note">{}</span>', "More is in the text below."),))
            break
        lines.append((_node(name, value, level, places),))
    return format_html('<ul class="gsm-tree">{}</ul>', format_html_join("", "<li>{}</li>", lines))


def _node(name: str, value: Any, level: int, places: Iterator[int]) -> SafeString:
    if not isinstance(value, Mapping | list) or not value:
        return format_html(
            '<span class="gsm-tree-name">{}</span> <span class="gsm-tree-{}">{}</span>',
            name,
            _kind(value),
            in_short(value, length=LONGEST_VALUE),
        )
    return format_html(
        '<details{}><summary><span class="gsm-tree-name">{}</span> <span class="gsm-note">{}</span></summary>{}'
        "</details>",
        " open" if level < LEVELS_OPEN else "",
        name,
        _size(value),
        _list(value, level + 1, places),
    )


def _parts(data: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping):
        yield from data.items()
    elif isinstance(data, list):
        yield from ((str(number), value) for number, value in enumerate(data))
    else:
        yield "value", data


def _kind(value: Any) -> str:
    return "text" if isinstance(value, str) else "other"


def _size(value: Mapping[str, Any] | list[Any]) -> str:
    word = "element" if isinstance(value, list) else "property"
    plural = "elements" if isinstance(value, list) else "properties"
    return f"{len(value)} {word if len(value) == 1 else plural}"
