"""Have PostgreSQL clean up the tables that grow by shares of them that fit tables of millions of rows.

Its own share, a fifth, lets a table of 20 million rows gather four million dead ones before it is cleaned. Where rows
are looked at while they are new, in the inbox, and where looking is by an index that is written to later, in contents,
it is cleaned sooner than among notifications, of which each cleaning reads all the indexes.
"""

from typing import ClassVar

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SHARES = {"notifications_delivery": 0.02, "notifications_notificationcontent": 0.02, "notifications_changenotification": 0.05}
OPTIONS = (
    "autovacuum_vacuum_scale_factor",
    "autovacuum_vacuum_insert_scale_factor",
    "autovacuum_analyze_scale_factor",
)


def set_shares(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Set them; only PostgreSQL has such options. Takes a lock that readers and writers do not wait for."""
    if schema_editor.connection.vendor == "postgresql":
        for table, share in SHARES.items():
            options = ", ".join(f"{option} = {share}" for option in OPTIONS)
            schema_editor.execute(f"ALTER TABLE {table} SET ({options})")


class Migration(migrations.Migration):
    """Options of tables; no row is touched."""

    dependencies: ClassVar = [("notifications", "0001_initial")]
    operations: ClassVar = [migrations.RunPython(set_shares, migrations.RunPython.noop)]
