"""Let the index by duplicate key find Graph's IDs of notifications too, and drop their own.

Keys that are there are spelled anew, ten thousand rows at a time; nothing is locked for long. It can be broken off and run again.
"""

from typing import ClassVar

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import CharField, Max, Q, Value
from django.db.models.functions import MD5, Cast, Coalesce, Concat, Left, Substr

ROWS_AT_ONCE = 10_000
# As in services.rows.duplicate_keys.
DIGITS_OF_ID = 12
TABLE = "notifications_changenotification"
NAME = "notification_one_of_a_change"


def put_ids_first(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let each key of a notification with an ID of Graph's own begin with that, and give it back to what lost its key."""
    using = schema_editor.connection.alias
    rows = apps.get_model("notifications", "ChangeNotification").objects.using(using).order_by()
    beginning = Left(MD5("notification_id"), DIGITS_OF_ID)
    # What has no key came again as a new change after the hours of repetitions.
    retired = Concat(Value("-"), Cast("pk", CharField()))
    rest = Coalesce(Substr("duplicate_key", DIGITS_OF_ID + 1), retired)
    for first in range(1, (rows.aggregate(last=Max("pk"))["last"] or 0) + 1, ROWS_AT_ONCE):
        some = rows.filter(~Q(notification_id=""), pk__range=(first, first + ROWS_AT_ONCE - 1))
        some.update(duplicate_key=Concat(beginning, rest))


def order_by_characters(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make the unique index anew beside the old one, then take its place; only PostgreSQL knows another order."""
    if schema_editor.connection.vendor != "postgresql":
        return
    new = f"{NAME}_new"
    # A run that was broken off leaves one that is not valid.
    schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {new}")
    schema_editor.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {new} ON {TABLE} (duplicate_key varchar_pattern_ops)")
    schema_editor.execute(
        f"ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS {NAME}; "
        f"DROP INDEX IF EXISTS {NAME}; ALTER INDEX {new} RENAME TO {NAME}"
    )


class Migration(migrations.Migration):
    """One index less among those that are written anywhere."""

    atomic = False
    dependencies: ClassVar = [("notifications", "0002_vacuum")]
    operations: ClassVar = [
        migrations.AlterField(
            "changenotification", "duplicate_key", models.CharField(editable=False, max_length=52, null=True)
        ),
        migrations.RunPython(put_ids_first, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(order_by_characters, migrations.RunPython.noop)],
            state_operations=[
                migrations.RemoveConstraint("changenotification", NAME),
                migrations.AddConstraint(
                    "changenotification",
                    models.UniqueConstraint(fields=("duplicate_key",), name=NAME, opclasses=("varchar_pattern_ops",)),
                ),
            ],
        ),
        migrations.RemoveIndex("changenotification", "notification_by_graph_id"),
    ]
