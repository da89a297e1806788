"""How PostgreSQL keeps the tables of this app; takes no time and stops nobody, whatever the size of the tables.

Vacuum comes after a tenth of a table's rows have changed instead of a fifth: each leg and search leaves two to four dead
versions behind. Not much sooner: each vacuum reads all indexes of its table.
Counts are updated in place where their page has room (their numbers stand in no index), so that it keeps some.
"""

from typing import Any

from django.db import migrations

VACUUM_SOON = {"autovacuum_vacuum_scale_factor": 0.1, "autovacuum_analyze_scale_factor": 0.05}
UPDATED_IN_PLACE = {"fillfactor": 60, "autovacuum_vacuum_scale_factor": 0.1}
OPTIONS = {
    "calls_leg": VACUUM_SOON,
    "calls_recordingsearch": VACUUM_SOON | {"fillfactor": 90},
    "calls_call": {"autovacuum_vacuum_scale_factor": 0.1},
    "calls_hourlycount": UPDATED_IN_PLACE,
    "calls_hourlylatency": UPDATED_IN_PLACE,
    "calls_searchcount": UPDATED_IN_PLACE,
    "calls_hourlydimensioncount": UPDATED_IN_PLACE,
    "calls_dailydimensioncount": UPDATED_IN_PLACE,
    "calls_dailyqueuecount": UPDATED_IN_PLACE,
    "calls_dailypersoncount": UPDATED_IN_PLACE,
    "calls_monthlypersoncount": UPDATED_IN_PLACE,
    "calls_monthlydimensioncount": UPDATED_IN_PLACE,
}


def set_options(apps: Any, schema_editor: Any) -> None:
    """Set the options, on PostgreSQL."""
    if schema_editor.connection.vendor == "postgresql":
        for table, options in OPTIONS.items():
            words = ", ".join(f"{name} = {value}" for name, value in options.items())
            schema_editor.execute(f"ALTER TABLE {table} SET ({words})")


def reset_options(apps: Any, schema_editor: Any) -> None:
    """Go back to PostgreSQL's own, on PostgreSQL."""
    if schema_editor.connection.vendor == "postgresql":
        for table, options in OPTIONS.items():
            schema_editor.execute(f"ALTER TABLE {table} RESET ({', '.join(options)})")


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0034_leg_storage'),
    ]

    operations = [
        migrations.RunPython(set_options, reset_options),
    ]
