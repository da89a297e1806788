"""A row for each incarnation of a call id: ids are used again while what is known of the call before is still kept."""

from hashlib import sha256
from typing import Any

from django.db import migrations, models


def number(apps: Any, schema_editor: Any) -> None:
    """Give the calls of an earlier release the identity that ``calls.storage.versions`` gives their values."""
    model = apps.get_model("calls", "Call")
    for row in model.objects.only("call_id").iterator():
        row.incarnation = -int.from_bytes(sha256(row.call_id.encode()).digest()[:7])
        row.save(update_fields=["incarnation"])


class Migration(migrations.Migration):
    dependencies = [("calls", "0015_longer_guids")]

    operations = [
        migrations.AddField(
            model_name="call",
            name="incarnation",
            field=models.BigIntegerField(
                default=0, help_text="The call's identity in its source; its id is used again."
            ),
            preserve_default=False,
        ),
        migrations.RemoveConstraint(model_name="call", name="calls_call_once"),
        migrations.RunPython(number, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="call",
            constraint=models.UniqueConstraint(fields=["source", "incarnation"], name="calls_call_once"),
        ),
        migrations.AddIndex(
            model_name="call", index=models.Index(fields=["source", "call_id"], name="calls_call_name")
        ),
    ]
