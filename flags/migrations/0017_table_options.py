"""How PostgreSQL keeps flag writes and flags; takes no time and stops nobody, whatever the size of the tables.

Vacuum comes after a tenth of a table's rows have changed instead of a fifth: each write leaves two or more dead versions
behind, and retention deletes as much as comes.
"""

from typing import Any

from django.db import migrations

OPTIONS = {"autovacuum_vacuum_scale_factor": 0.1, "autovacuum_analyze_scale_factor": 0.05}
TABLES = ("flags_flagwrite", "flags_flagvalue")


def set_options(apps: Any, schema_editor: Any) -> None:
    """Set the options, on PostgreSQL."""
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            words = ", ".join(f"{name} = {value}" for name, value in OPTIONS.items())
            schema_editor.execute(f"ALTER TABLE {table} SET ({words})")


def reset_options(apps: Any, schema_editor: Any) -> None:
    """Go back to PostgreSQL's own, on PostgreSQL."""
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(f"ALTER TABLE {table} RESET ({', '.join(OPTIONS)})")


class Migration(migrations.Migration):

    dependencies = [
        ('flags', '0016_canary_writes'),
    ]

    operations = [
        migrations.RunPython(set_options, reset_options),
    ]
