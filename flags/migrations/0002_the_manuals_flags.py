"""The eight Flags of the manual; the two that it calls optional are off."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

FLAGS = [
    ("AgentId", "agent_id", True),
    ("AgentName", "agent_name", True),
    ("CallerName", "caller_name", True),
    ("CTICallRef", "call_id", True),
    ("InteractionGuid", "interaction_id", True),
    ("QueueName", "queue_name", True),
    ("CTIWrapup", "wrapup", False),
    ("CTI QueryData", "query_data", False),
]


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    settings = apps.get_model("flags", "FlagSetting").objects
    for order, (name, field, enabled) in enumerate(FLAGS, start=1):
        settings.get_or_create(name=name, defaults={"field": field, "enabled": enabled, "order": order})


class Migration(migrations.Migration):
    dependencies = [("flags", "0001_initial")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop, elidable=False)]
