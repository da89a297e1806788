"""Name the agent sessions what they are. The table keeps its name: an earlier release runs beside this one in an upgrade."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

OLD, NEW = "presence", "agentsessionrecord"


def keep_access(apps: Any, schema_editor: Any) -> None:
    """Give the groups, users and saved lists of before the new name."""
    permissions = apps.get_model("auth", "Permission").objects
    for old in permissions.filter(content_type__app_label="agents", codename__endswith=f"_{OLD}"):
        action = old.codename.removesuffix(f"_{OLD}")
        new, _ = permissions.get_or_create(
            content_type=old.content_type,
            codename=f"{action}_{NEW}",
            defaults={"name": f"Can {action} agent session"},
        )
        for group in old.group_set.all():
            group.permissions.add(new)
        for user in old.user_set.all():
            user.user_permissions.add(new)
    apps.get_model("calls", "SavedList").objects.filter(label=f"agents.{OLD}").update(label=f"agents.{NEW}")


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0012_confirmed_list_help_text"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("calls", "0025_saved_lists"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelTable("presence", "agents_presence"),
        migrations.RenameModel("Presence", "AgentSessionRecord"),
        migrations.AlterField(
            "agentsessionrecord",
            "source",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="agent_sessions",
                to="cti.ctisource",
            ),
        ),
        migrations.RunPython(keep_access, migrations.RunPython.noop),
    ]
