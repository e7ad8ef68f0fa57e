"""Indexes for searching: by how a text begins, and by the values in content."""

from typing import Any

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django.db.models import Func, Model, TextField
from django.db.models.expressions import Combinable, OrderBy
from django.db.models.functions import Collate
from django.db.models.indexes import IndexExpression
from django.db.models.sql.compiler import SQLCompiler

# As much of a text as an index holds: PostgreSQL refuses entries of more than about 2,700 bytes. Of a path no more than
# whose it is, so that all of one mailbox or chat is in one place of the index: whole paths would be all over it, and
# with each row a page of it would be read and written.
LENGTHS = {"resource_id": 150, "resource": 50}


class Start(Func):
    """The beginning of a text in capitals; written out, since SQLite takes no parameter for what is in an index."""

    template = "UPPER(SUBSTR(%(expressions)s, 1, %(length)s))"
    output_field = TextField()

    def __init__(self, expression: Any, *, length: int) -> None:
        super().__init__(expression, length=length)


class AnyCollation(OpClass):
    """Has PostgreSQL order texts by their characters, whatever its language is; SQLite always does."""

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **context: Any) -> Any:
        """Return the expression alone."""
        return super().as_sql(compiler, connection, template="%(expressions)s", **context)


# As `django.contrib.postgres` does with its own where that is installed.
IndexExpression.register_wrappers(OrderBy, AnyCollation, Collate)


def start_of(field: str) -> Combinable:
    """Return the beginning of a text in capitals, as it stands in an index."""
    return AnyCollation(Start(field, length=LENGTHS[field]), name="text_pattern_ops")


class ValueIndex(GinIndex):
    """Finds JSON by a path and a value in it. Only PostgreSQL has it; elsewhere nothing is made."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "opclasses": ("jsonb_path_ops",)})

    def create_sql(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, using: str = "", **kwargs: Any
    ) -> Statement:
        """Return the statement that makes it."""
        if schema_editor.connection.vendor == "postgresql":
            return super().create_sql(model, schema_editor, using=using, **kwargs)
        return Statement("SELECT 1")

    def remove_sql(self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, **kwargs: Any) -> str:
        """Return the statement that removes it."""
        if schema_editor.connection.vendor == "postgresql":
            return super().remove_sql(model, schema_editor, **kwargs)
        return "SELECT 1"
