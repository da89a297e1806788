"""The narrow keys of flags, on PostgreSQL: at once in a new database, by ``compact_flag_keys`` in one that was used."""

from typing import Any

from django.db import migrations

from flags.outbox.value_keys import are_keys_narrow, narrow_keys_of_nothing, widen_keys_at_once

#: Where the newest version is written down that has migrated the database.
VERSIONS = "gateway_site_installedversion"


def narrow_new(apps: Any, schema_editor: Any) -> None:
    """Exchange the keys in a database that no earlier release has used: there is nothing to go back to."""
    connection = schema_editor.connection
    if connection.vendor == "postgresql" and not _is_used(apps, connection) and not are_keys_narrow(connection):
        narrow_keys_of_nothing(schema_editor.execute)


def _is_used(apps: Any, connection: Any) -> bool:
    if apps.get_model("qms", "DataServer").objects.exists() or apps.get_model("flags", "FlagWrite").objects.exists():
        return True
    with connection.cursor() as cursor:
        if VERSIONS not in connection.introspection.table_names(cursor):
            return False
        cursor.execute(f"SELECT 1 FROM {VERSIONS}")  # noqa: S608  (a constant)
        return cursor.fetchone() is not None


def widen(apps: Any, schema_editor: Any) -> None:
    """Give the table the keys that the model names."""
    if schema_editor.connection.vendor == "postgresql":
        widen_keys_at_once(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('flags', '0017_table_options'),
    ]

    operations = [
        migrations.RunPython(narrow_new, widen),
    ]
