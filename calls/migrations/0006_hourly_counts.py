from datetime import UTC, datetime, timedelta

from django.apps.registry import Apps as StateApps
from django.db import connection, migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Count
from django.utils import timezone

from calls.core.outcomes import Outcome

OUTCOMES = [(one.value, one.value.replace("_", " ")) for one in Outcome]
HOUR = timedelta(hours=1)


def count_the_legs_there_are(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    """Begin with the counts of the legs that stand in the table: later changes are added to them."""
    leg, count = apps.get_model("calls", "Leg"), apps.get_model("calls", "HourlyCount")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
    shift = (timezone.get_default_timezone().utcoffset(datetime(2026, 1, 1)) or timedelta()) % HOUR
    legs = leg.objects.order_by("connected_at")
    first = legs.first()
    while first is not None:
        local = first.connected_at.astimezone(UTC) - shift
        hour = local.replace(minute=0, second=0, microsecond=0) + shift
        rows = legs.order_by().filter(connected_at__gte=hour, connected_at__lt=hour + HOUR).values("source_id", "outcome")
        count.objects.bulk_create(count(hour=hour, **row) for row in rows.annotate(legs=Count("id")))
        first = legs.filter(connected_at__gte=hour + HOUR).first()


class Migration(migrations.Migration):
    dependencies = [("calls", "0005_legs_in_progress"), ("cti", "0003_devices_help")]

    operations = [
        migrations.AddField("leg", "reason_code", models.CharField(
            blank=True, help_text="The reason in one word, for counting.", max_length=40)),
        migrations.AddField("leg", "guid_ms", models.PositiveIntegerField(
            "Connected to GUID, ms", null=True, blank=True)),
        migrations.AddField("leg", "flags_ms", models.PositiveIntegerField(
            "disconnect to flags, ms", null=True, blank=True)),
        migrations.CreateModel("HourlyCount", [
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("hour", models.DateTimeField(help_text="When the hour of Connected began.")),
            ("outcome", models.CharField(max_length=20, choices=OUTCOMES)),
            ("reason_code", models.CharField(max_length=40, blank=True)),
            ("legs", models.BigIntegerField(default=0)),
            ("source", models.ForeignKey("cti.ctisource", models.CASCADE, related_name="hourly_counts")),
        ], {"constraints": [models.UniqueConstraint(
            fields=("hour", "source", "outcome", "reason_code"), name="calls_hourly_count_once")]}),
        migrations.CreateModel("HourlyLatency", [
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("hour", models.DateTimeField()),
            ("measure", models.CharField(max_length=8, choices=[
                ("guid", "Connected to GUID"), ("flags", "disconnect to flags")])),
            ("bucket_ms", models.PositiveIntegerField()),
            ("legs", models.BigIntegerField(default=0)),
            ("source", models.ForeignKey("cti.ctisource", models.CASCADE, related_name="hourly_latencies")),
        ], {"verbose_name_plural": "hourly latencies", "constraints": [models.UniqueConstraint(
            fields=("hour", "source", "measure", "bucket_ms"), name="calls_hourly_latency_once")]}),
        migrations.RunPython(count_the_legs_there_are, migrations.RunPython.noop),
    ]
