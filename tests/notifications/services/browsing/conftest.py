"""Fixtures for browsing: how the database means to find something."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet


@pytest.fixture
def explained() -> Callable[..., str]:
    """Return a function that tells the plan of a query, as where a table is too long to be read as a whole."""

    def explain(rows: QuerySet[Any]) -> str:
        if connection.vendor != "postgresql":
            return rows.explain()
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_seqscan = off")
            return rows.explain()

    return explain
