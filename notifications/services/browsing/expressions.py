"""The language in which content is searched: `from.user.displayName = "Zoë" and importance in high, low`.

A path names the keys on the way, and goes through lists by itself. What is written without quotes is compared as text
and, where it looks like one, as a number, a truth value or null; what stands in quotes is text. Texts are compared as
they are, only `contains` ignores capitals. Pure: it knows no database.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any

Scalar = str | int | float | bool | None

LONGEST = 500
MOST_CONDITIONS = 10
MOST_VALUES = 20
LARGEST_NUMBER = 10**300
EXAMPLE = 'from.user.displayName = "Zoë"'
COMPARISONS = ("=", "!=", "<=", ">=", "<", ">")
_ORDER = {"<": lt, "<=": le, ">": gt, ">=": ge}
WORDS = ("contains", "in", "exists", "missing")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<sign>!=|<=|>=|=|<|>|,|\.)
      | (?P<bare>[^\s"=!<>,.()]+(?:\.[^\s"=!<>,.()]+)*)
    )""",
    re.VERBOSE,
)


class ExpressionError(Exception):
    """What was entered is no condition; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One comparison; each of `values` is one that will do, where the operator takes any."""

    path: tuple[str, ...]
    operator: str
    values: tuple[Scalar, ...] = ()


Expression = tuple[Condition, ...]


def parse(text: str) -> Expression:
    """Return the conditions, all of which have to hold.

    Raises:
        ExpressionError: the text is not of the language.

    """
    if len(text) > LONGEST:
        raise ExpressionError(f"At most {LONGEST} characters.")
    tokens = _Tokens(text)
    conditions = [_condition(tokens)]
    while not tokens.is_at_end:
        tokens.expect("and")
        conditions.append(_condition(tokens))
    if len(conditions) > MOST_CONDITIONS:
        raise ExpressionError(f"At most {MOST_CONDITIONS} conditions.")
    return tuple(conditions)


def matches(expression: Expression, content: Any) -> bool:
    """Say whether content fulfils all conditions."""
    return all(_holds(condition, content) for condition in expression)


class _Tokens:
    """The pieces of a text, each as it was written, taken one after the other."""

    def __init__(self, text: str) -> None:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ExpressionError("It holds characters that no content can hold.") from error
        if "\0" in text:
            raise ExpressionError("It holds characters that no content can hold.")
        self._pieces = list(_pieces(text.strip()))
        self._next = 0

    @property
    def is_at_end(self) -> bool:
        return self._next == len(self._pieces)

    def peek(self) -> str:
        return "" if self.is_at_end else self._pieces[self._next]

    def take(self, what: str) -> str:
        """Return the next piece; `what` is what should stand there."""
        if self.is_at_end:
            raise ExpressionError(f"It ends where {what} should follow. Write for example {EXAMPLE}.")
        self._next += 1
        return self._pieces[self._next - 1]

    def expect(self, word: str) -> None:
        """Go past a word."""
        found = self.take(f"“{word}”")
        if found.lower() != word:
            hint = " Put text with blanks in double quotes." if not found.startswith('"') else ""
            raise ExpressionError(f"“{found}” stands where “{word}” should follow.{hint}")


def _pieces(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None or found.end() == position:
            rest = text[position:].strip()
            if rest.startswith('"'):
                raise ExpressionError(f"A double quote is not closed: {rest}")
            raise ExpressionError(
                f"“{rest[:20]}” cannot be read. Put text in double quotes, as in {EXAMPLE}."
            )
        yield found[0].strip()
        position = found.end()


def _condition(tokens: _Tokens) -> Condition:
    path = _path(tokens)
    written = tokens.take(f"one of {', '.join((*COMPARISONS, *WORDS))}")
    operator = written.lower()
    if operator in {"exists", "missing"}:
        return Condition(path=path, operator=operator)
    if operator == "contains":
        return Condition(path=path, operator=operator, values=(_part(tokens.take("a text")),))
    if operator == "in":
        return Condition(path=path, operator="=", values=_list(tokens))
    if operator in {"=", "!="}:
        return Condition(path=path, operator=operator, values=_value(tokens.take("a value")))
    if operator in COMPARISONS:
        return Condition(path=path, operator=operator, values=_ordered(tokens.take("a number or a text")))
    known = ", ".join((*COMPARISONS, *WORDS))
    raise ExpressionError(f"“{written}” is no comparison. After a path comes one of {known}.")


def _path(tokens: _Tokens) -> tuple[str, ...]:
    keys: list[str] = []
    while True:
        piece = tokens.take("a path such as from.user.displayName")
        if piece.startswith('"'):
            keys.append(_text(piece))
        elif piece in (*COMPARISONS, ",", "."):
            raise ExpressionError(f"“{piece}” stands where a path such as from.user.displayName should be.")
        else:
            keys.extend(piece.split("."))
        if tokens.peek() != ".":
            return tuple(keys)
        tokens.take("a dot")


def _list(tokens: _Tokens) -> tuple[Scalar, ...]:
    values = [*_value(tokens.take("a value"))]
    count = 1
    while tokens.peek() == ",":
        tokens.take("a comma")
        values += _value(tokens.take("a value"))
        count += 1
    if count > MOST_VALUES:
        raise ExpressionError(f"At most {MOST_VALUES} values.")
    return tuple(values)


def _value(piece: str) -> tuple[Scalar, ...]:
    """Return what a piece may stand for: text in quotes for itself, 5 for the number and the text."""
    text = _text(piece)
    if piece.startswith('"'):
        return (text,)
    return (*_literal(text), text)


def _ordered(piece: str) -> tuple[Scalar, ...]:
    """Return what to compare the size with: a number, or else a text, as which times are compared."""
    text = _text(piece)
    number = [] if piece.startswith('"') else [one for one in _literal(text) if _is_number(one)]
    return (number[0],) if number else (text,)


def _literal(text: str) -> tuple[Scalar, ...]:
    try:
        found = json.loads(text, parse_constant=str)
    except ValueError:
        return ()
    if isinstance(found, str | list | dict) or (_is_number(found) and abs(found) > LARGEST_NUMBER):
        return ()
    return (found,)


def _text(piece: str) -> str:
    if piece in (*COMPARISONS, ",", "."):
        raise ExpressionError(f"“{piece}” stands where a value should be. Put text in double quotes.")
    if not piece.startswith('"'):
        return piece
    try:
        text = str(json.loads(piece))
        text.encode()
    except ValueError as error:
        raise ExpressionError(
            f'{piece} cannot be read. Inside quotes write \\" and \\\\ for " and \\.'
        ) from error
    if "\0" in text:
        raise ExpressionError("It holds characters that no content can hold.")
    return text


def _part(piece: str) -> str:
    if not (text := _text(piece)):
        raise ExpressionError("Everything contains an empty text. Say which text to look for.")
    return text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _holds(condition: Condition, content: Any) -> bool:
    found = _at(condition.path, content)
    match condition.operator:
        case "exists":
            return bool(found)
        case "missing":
            return not found
        case "!=":
            return bool(found) and not any(_equal(one, condition.values) for one in _flat(found))
        case "=":
            return any(_equal(one, condition.values) for one in _flat(found))
        case "contains":
            (part,) = condition.values
            return any(isinstance(one, str) and str(part).lower() in one.lower() for one in _flat(found))
        case operator:
            (limit,) = condition.values
            return any(_compares(one, operator, limit) for one in _flat(found))


def _at(path: tuple[str, ...], content: Any) -> list[Any]:
    """Return what is at the end of a path, which goes through the items of a list."""
    found = [content]
    for key in path:
        items = [item for one in found for item in (one if isinstance(one, list) else [one])]
        found = [item[key] for item in items if isinstance(item, dict) and key in item]
    return found


def _flat(found: list[Any]) -> list[Any]:
    """Return the values, and those in lists down to the second level, as PostgreSQL's lax mode does."""
    for _ in range(2):
        found = [item for one in found for item in (one if isinstance(one, list) else [one])]
    return found


def _equal(found: Any, values: tuple[Scalar, ...]) -> bool:
    return any(
        found == value and isinstance(found, bool) == isinstance(value, bool)
        for value in values
        if not isinstance(found, dict | list)
    )


def _compares(found: Any, operator: str, limit: Any) -> bool:
    is_comparable = isinstance(found, str) if isinstance(limit, str) else _is_number(found)
    if not is_comparable:
        return False
    return bool(_ORDER[operator](found, limit))
