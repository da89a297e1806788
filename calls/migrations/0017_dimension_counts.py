"""Counts by every dimension of a report, begun with the legs that are stored."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

import django.db.models.deletion
from django.apps.registry import Apps as StateApps
from django.db import connection, migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Count, QuerySet
from django.db.models.functions import Coalesce, Left
from django.utils import timezone

from clock import now
from calls.stats.hourly import hour_of

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
KEPT = timedelta(days=9)


def count_the_legs_there_are(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    """Begin with the counts of the stored legs, a day at a time; later changes are added to them."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
    zone = timezone.get_default_timezone()
    legs = apps.get_model("calls", "Leg").objects.order_by("connected_at")
    first = legs.first()
    while first is not None:
        day = first.connected_at.astimezone(zone).date()
        begin, end = (datetime.combine(one, time.min, zone) for one in (day, day + DAY))
        _count(apps.get_model("calls", "DailyDimensionCount"), legs, begin, end, day=day)
        hour = hour_of(begin)
        while end > now() - KEPT and hour < end:
            _count(apps.get_model("calls", "HourlyDimensionCount"), legs, hour, hour + HOUR, hour=hour)
            hour += HOUR
        first = legs.filter(connected_at__gte=end).first()


def _count(model: Any, legs: "QuerySet[Any]", begin: datetime, end: datetime, **when: Any) -> None:
    found = legs.filter(connected_at__gte=begin, connected_at__lt=end).exclude(outcome="waiting")
    model.objects.bulk_create((model(**when, **row) for row in _rows(found)), batch_size=500)


def _rows(legs: "QuerySet[Any]") -> Iterator[dict[str, Any]]:
    columns = {
        "service_key": Coalesce("service_id", 0),
        "queue": Left("queue_name", 100),
        "agent": Left("agent_id", 100),
        "device": Left("device_id", 100),
    }
    rows = legs.order_by().values("source_id", "outcome", "reason_code", **columns).annotate(legs=Count("id"))
    for row in rows:
        yield {"queue_name": row.pop("queue"), "agent_id": row.pop("agent"), "device_id": row.pop("device"), **row}


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0016_incarnations'),
        ('cti', '0006_monitors_again'),
    ]

    operations = [
        migrations.CreateModel(
            name='DailyDimensionCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('service_key', models.BigIntegerField(help_text="The Recording Service's key, 0 for none.")),
                ('queue_name', models.CharField(blank=True, max_length=100)),
                ('agent_id', models.CharField(blank=True, max_length=100)),
                ('device_id', models.CharField(max_length=100)),
                ('outcome', models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up')], max_length=20)),
                ('reason_code', models.CharField(blank=True, max_length=40)),
                ('legs', models.BigIntegerField(default=0)),
                ('day', models.DateField()),
                ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='cti.ctisource')),
            ],
            options={
                'indexes': [models.Index(fields=['device_id', 'day'], name='calls_daily_device'), models.Index(fields=['agent_id', 'day'], name='calls_daily_agent')],
                'constraints': [models.UniqueConstraint(fields=('day', 'source', 'service_key', 'queue_name', 'agent_id', 'device_id', 'outcome', 'reason_code'), name='calls_daily_dimension_once')],
            },
        ),
        migrations.CreateModel(
            name='HourlyDimensionCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('service_key', models.BigIntegerField(help_text="The Recording Service's key, 0 for none.")),
                ('queue_name', models.CharField(blank=True, max_length=100)),
                ('agent_id', models.CharField(blank=True, max_length=100)),
                ('device_id', models.CharField(max_length=100)),
                ('outcome', models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up')], max_length=20)),
                ('reason_code', models.CharField(blank=True, max_length=40)),
                ('legs', models.BigIntegerField(default=0)),
                ('hour', models.DateTimeField()),
                ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='cti.ctisource')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('hour', 'source', 'service_key', 'queue_name', 'agent_id', 'device_id', 'outcome', 'reason_code'), name='calls_hourly_dimension_once')],
            },
        ),
        migrations.RunPython(count_the_legs_there_are, migrations.RunPython.noop),
    ]
