"""Whether legs are stored compactly: at once in a new database, from ``compact_legs`` on in one that was used before."""

from typing import Any

from django.db import migrations, models

#: Where the newest version is written down that has migrated the database.
VERSIONS = "gateway_site_installedversion"


def note_storage(apps: Any, schema_editor: Any) -> None:
    """Store legs compactly in a database that no earlier release has used: there is nothing to go back to."""
    connection = schema_editor.connection
    is_used = apps.get_model("cti", "CtiSource").objects.exists()
    with connection.cursor() as cursor:
        if VERSIONS in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT 1 FROM {VERSIONS}")  # noqa: S608  (a constant)
            is_used = is_used or cursor.fetchone() is not None
    apps.get_model("calls", "LegStorage").objects.create(pk=1, is_compact=not is_used)


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0033_canary_legs'),
    ]

    operations = [
        migrations.CreateModel(
            name='LegStorage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_compact', models.BooleanField(default=False)),
            ],
        ),
        migrations.RunPython(note_storage, migrations.RunPython.noop),
    ]
