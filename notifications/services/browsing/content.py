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
MOST_BY_INDEX = 5_000
_SIGNS = {"=": "==", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def matching(
    rows: QuerySet[ChangeNotification], expression: Expression, *, data: str = DATA
) -> QuerySet[ChangeNotification]:
    """Keep the rows whose content fulfils all conditions; those without content never do."""
    return rows.filter(condition(expression, data=data))


def condition(expression: Expression, *, data: str = DATA) -> Q:
    """Return the expression as a filter; `data` is where the content is, as seen from the rows."""
    return any_of([expression], data=data)


def any_of(expressions: Sequence[Expression], *, data: str = DATA) -> Q:
    """Return as a filter that at least one of some expressions is fulfilled."""
    if connection.vendor != "postgresql":
        spelled = json.dumps([[asdict(one) for one in expression] for expression in expressions])
        found = Func(F(data), Value(spelled), function=SQLITE_FUNCTION, output_field=BooleanField())
        return Q(found)
    wanted = Q()
    for expression in expressions:
        wanted |= reduce(and_, (_in_postgresql(one, data) for one in expression))
    return wanted


def has_index(expression: Expression) -> bool:
    """Say whether an index finds what fulfils it: on PostgreSQL, where it asks for one of some values."""
    return connection.vendor == "postgresql" and any(one.operator == "=" for one in expression)


def keys(expression: Expression) -> list[int] | None:
    """Return the keys of all content that fulfils an expression for which there is an index, None for too many."""
    found = NotificationContent.objects.filter(condition(expression, data="data")).values_list(
        "pk", flat=True
    )
    with transaction.atomic(), connection.cursor() as cursor:
        # The planner knows nothing of what is how frequent in content, and would rather read all of it.
        cursor.execute("SET LOCAL enable_seqscan = off")
        first = list(found.order_by()[: MOST_BY_INDEX + 1])
        cursor.execute("SET LOCAL enable_seqscan = on")
    return first if len(first) <= MOST_BY_INDEX else None


def add_function(sender: Any, *, connection: Any, **_: Any) -> None:
    """Give a new connection to SQLite the function that its queries call."""
    del sender
    if connection.vendor == "sqlite":
        connection.connection.create_function(SQLITE_FUNCTION, 2, _matches, deterministic=True)


connection_created.connect(add_function, dispatch_uid=SQLITE_FUNCTION)


def _in_postgresql(one: Condition, data: str) -> Q:
    path = "$" + "".join(f".{_spelled(key)}" for key in one.path)
    match one.operator:
        case "exists":
            return _at_path(data, path)
        case "missing":
            return ~_at_path(data, path)
        case "contains":
            return _at_path(data, f'{path} ? (@ like_regex {_spelled(one.values[0])} flag "iq")')
        case "!=":
            return _at_path(data, path) & ~_at_path(data, _any_of(path, "==", one.values))
        case operator:
            return _at_path(data, _any_of(path, _SIGNS[operator], one.values))


def _any_of(path: str, sign: str, values: tuple[Scalar, ...]) -> str:
    return f"{path} ? ({' || '.join(f'@ {sign} {_spelled(value)}' for value in values)})"


def _at_path(data: str, jsonpath: str) -> Q:
    """Return whether there is something at a path; of a form for which PostgreSQL finds the index."""
    return Q(
        Func(
            F(data),
            Value(jsonpath),
            arg_joiner=" @? ",
            template="(%(expressions)s)",
            output_field=BooleanField(),
        )
    )


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
