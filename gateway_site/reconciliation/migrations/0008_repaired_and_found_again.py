"""Open again what a comparison found after its repair; the history keeps who repaired it."""

from typing import Any

from django.db import migrations
from django.db.models import F


def open_again(apps: Any, schema_editor: Any) -> None:
    findings = apps.get_model("reconciliation", "ReconciliationFinding").objects
    findings.filter(repaired_at__lt=F("seen_at")).update(repaired_at=None, repaired_by="")


class Migration(migrations.Migration):

    dependencies = [
        ('reconciliation', '0007_compared_hours'),
    ]

    operations = [
        migrations.RunPython(open_again, migrations.RunPython.noop),
    ]
