"""Tables that grow are cleaned by shares of them that fit millions of rows."""

import pytest
from django.db import connection

from notifications.models import ChangeNotification, Delivery, NotificationContent


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no dead rows.")
@pytest.mark.parametrize("model", [ChangeNotification, Delivery, NotificationContent])
def test_a_table_that_grows_is_cleaned_before_a_twentieth_of_it_is_dead(model: type) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = %s", [model._meta.db_table])  # type: ignore[attr-defined]
        options = dict(option.split("=") for option in cursor.fetchone()[0])

    assert float(options["autovacuum_vacuum_scale_factor"]) <= 0.05
    assert float(options["autovacuum_vacuum_insert_scale_factor"]) <= 0.05
