"""Coarser counts for reports of long periods, begun with the sums of the counts that are stored."""

import django.db.models.deletion
from django.apps.registry import Apps as StateApps
from django.db import connection, migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

COLUMNS = {
    "calls_dailyqueuecount": "day, source_id, service_key, queue_name, outcome, reason_code",
    "calls_dailypersoncount": "day, source_id, agent_id, device_id, outcome, reason_code",
}


def sum_the_stored_counts(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    """Begin with the sums of the stored counts; later changes are added to them."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL statement_timeout = 0")
        for table, columns in COLUMNS.items():
            cursor.execute(
                f"INSERT INTO {table} ({columns}, legs) SELECT {columns}, SUM(legs) "  # noqa: S608  (constants)
                f"FROM calls_dailydimensioncount GROUP BY {columns} HAVING SUM(legs) <> 0"
            )


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0023_services_help_text'),
        ('cti', '0009_when_a_token_posted_a_call'),
    ]

    operations = [
        migrations.CreateModel(
            name='DailyPersonCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('outcome', models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up')], max_length=20)),
                ('reason_code', models.CharField(blank=True, max_length=40)),
                ('legs', models.BigIntegerField(default=0)),
                ('agent_id', models.CharField(blank=True, max_length=100)),
                ('device_id', models.CharField(max_length=100)),
                ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='cti.ctisource')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'source', 'agent_id', 'device_id', 'outcome', 'reason_code'), name='calls_daily_person_once')],
            },
        ),
        migrations.CreateModel(
            name='DailyQueueCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('outcome', models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up')], max_length=20)),
                ('reason_code', models.CharField(blank=True, max_length=40)),
                ('legs', models.BigIntegerField(default=0)),
                ('service_key', models.BigIntegerField(help_text="The Recording Service's key, 0 for none.")),
                ('queue_name', models.CharField(blank=True, max_length=100)),
                ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='cti.ctisource')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'source', 'service_key', 'queue_name', 'outcome', 'reason_code'), name='calls_daily_queue_once')],
            },
        ),
        migrations.RunPython(sum_the_stored_counts, migrations.RunPython.noop),
    ]
