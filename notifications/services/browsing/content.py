"""Narrow notifications to those whose content fulfils an expression, in the words of each database.

PostgreSQL takes it as jsonpath, for which equality finds an index. SQLite calls a function of ours for each row.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache, reduce
from operator import and_
from typing import Any

from django.db import connection, transaction
from django.db.backends.signals import connection_created
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value

from notifications.models import ChangeNotification, NotificationContent
from notifications.services.browsing.expressions import Condition, Expression, Scalar, matches

SQLITE_FUNCTION = "content_matches"
DATA = "content__data"
# As many are put in the order of a list at once.
MOST_BY_INDEX = 2_000
_SIGNS = {"=": "==", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def matching(
    rows: QuerySet[ChangeNotification], expression: Expression, *, data: str = DATA
) -> QuerySet[ChangeNotification]:
    """Keep the rows whose content fulfils all conditions; those without content never do."""
    return rows.filter(condition(expression, data=data))


def condition(expression: Expression, *, data: str = DATA) -> Q:
    """Return the expression as a filter that is asked of each row; `data` is where they have their content."""
    if connection.vendor == "postgresql":
        return reduce(and_, (_in_postgresql(one, data) for one in expression))
    return _in_sqlite([expression], data)


def contains(text: str, paths: Sequence[tuple[str, ...]], *, data: str = DATA) -> Q:
    """Return as a filter that a text is contained in what is at one of some paths."""
    conditions = [Condition(path=path, operator="contains", values=(text,)) for path in paths]
    if connection.vendor == "postgresql":
        # One call: of several, the planner would think that nearly every row fulfils one.
        found = " || ".join(f"exists({_path(one)} ? ({_contains(one)}))" for one in conditions)
        return _called("jsonb_path_match", data, found)
    return _in_sqlite([(one,) for one in conditions], data)


def has_index(expression: Expression) -> bool:
    """Say whether an index finds what fulfils it: on PostgreSQL, where it asks for one of some values."""
    return connection.vendor == "postgresql" and any(one.operator == "=" for one in expression)


def keys(expression: Expression) -> list[int] | None:
    """Return the keys of all content that fulfils an expression, None where no value that it asks for is rare."""
    for one in expression:
        if one.operator == "=" and (rare := _rare(one)) is not None:
            found = NotificationContent.objects.filter(condition(expression, data="data"), pk__in=rare)
            return list(found.order_by().values_list("pk", flat=True))
    return None


def _rare(one: Condition) -> list[int] | None:
    """Return the keys of all content with one of some values at a path, None for too many."""
    found = NotificationContent.objects.filter(by_index(one)).values_list("pk", flat=True)
    with transaction.atomic(), connection.cursor() as cursor:
        # The planner knows nothing of what is how frequent in content, and would rather read all of it.
        cursor.execute("SET LOCAL enable_seqscan = off")
        # Of what is far too many, the index need not put all in order: any share of them says so.
        cursor.execute(f"SET LOCAL gin_fuzzy_search_limit = {10 * MOST_BY_INDEX}")
        first = list(found.order_by()[: MOST_BY_INDEX + 1])
        cursor.execute("SET LOCAL enable_seqscan = on")
        cursor.execute("SET LOCAL gin_fuzzy_search_limit = 0")
    return first if len(first) <= MOST_BY_INDEX else None


def add_function(sender: Any, *, connection: Any, **_: Any) -> None:
    """Give a new connection to SQLite the function that its queries call."""
    del sender
    if connection.vendor == "sqlite":
        connection.connection.create_function(SQLITE_FUNCTION, 2, _matches, deterministic=True)


connection_created.connect(add_function, dispatch_uid=SQLITE_FUNCTION)


def _in_postgresql(one: Condition, data: str) -> Q:
    path = _path(one)
    match one.operator:
        case "exists":
            return _at_path(data, path)
        case "missing":
            return ~_at_path(data, path)
        case "contains":
            return _at_path(data, f"{path} ? ({_contains(one)})")
        case "!=":
            return _at_path(data, path) & ~_at_path(data, _any_of(path, "==", one.values))
        case operator:
            return _at_path(data, _any_of(path, _SIGNS[operator], one.values))


def by_index(one: Condition) -> Q:
    """Return the condition that content has one of some values, in the form for which PostgreSQL finds the index."""
    jsonpath = Value(_any_of(_path(one), "==", one.values))
    found = Func(
        F("data"), jsonpath, arg_joiner=" @? ", template="(%(expressions)s)", output_field=BooleanField()
    )
    return Q(found)


def _any_of(path: str, sign: str, values: tuple[Scalar, ...]) -> str:
    return f"{path} ? ({' || '.join(f'@ {sign} {_spelled(value)}' for value in values)})"


def _path(one: Condition) -> str:
    return "$" + "".join(f".{_spelled(key)}" for key in one.path)


def _at_path(data: str, jsonpath: str) -> Q:
    """Return whether there is something at a path.

    As a function, and not as an operator: the planner takes an operator for so selective that it would ask the index
    for what every second row has, instead of walking the list until a page is full.
    """
    return _called("jsonb_path_exists", data, jsonpath)


def _called(function: str, data: str, jsonpath: str) -> Q:
    template = "%(function)s(%(expressions)s, '{}', true)"
    return Q(
        Func(F(data), Value(jsonpath), function=function, template=template, output_field=BooleanField())
    )


def _contains(one: Condition) -> str:
    return f'@ like_regex {_spelled(one.values[0])} flag "iq"'


def _in_sqlite(expressions: Sequence[Expression], data: str) -> Q:
    spelled = json.dumps([[asdict(one) for one in expression] for expression in expressions])
    return Q(Func(F(data), Value(spelled), function=SQLITE_FUNCTION, output_field=BooleanField()))


def _spelled(value: Scalar) -> str:
    return json.dumps(value, ensure_ascii=False)


def _matches(content: str | None, spelled: str) -> bool:
    if content is None:
        return False
    found = json.loads(content)
    return any(matches(expression, found) for expression in _expressions(spelled))


@lru_cache(maxsize=100)
def _expressions(spelled: str) -> Sequence[Expression]:
    return [
        tuple(
            Condition(path=tuple(one["path"]), operator=one["operator"], values=tuple(one["values"]))
            for one in expression
        )
        for expression in json.loads(spelled)
    ]
