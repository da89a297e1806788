"""Counts by month and every dimension, begun with the sums of the counts that are stored."""

import django.db.models.deletion
from django.apps.registry import Apps as StateApps
from django.db import connection, migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

COLUMNS = "queue_name, source_id, service_key, agent_id, device_id, outcome, reason_code"
MONTHS = {"postgresql": "date_trunc('month', day)::date", "sqlite": "strftime('%Y-%m-01', day)"}


def wait_for_the_sums(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    """Let this migration take its time: a large site has millions of counts."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")


def sum_the_stored_counts(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    """Begin with the sums of the stored counts; later changes are added to them."""
    month = MONTHS[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO calls_monthlydimensioncount (month, {COLUMNS}, legs) "  # noqa: S608  (constants)
            f"SELECT {month}, {COLUMNS}, SUM(legs) FROM calls_dailydimensioncount "
            f"GROUP BY {month}, {COLUMNS} HAVING SUM(legs) <> 0"
        )


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0029_caller_views_of_flags'),
        ('cti', '0010_plain_labels'),
    ]

    operations = [
        migrations.RunPython(wait_for_the_sums, migrations.RunPython.noop),
        migrations.CreateModel(
            name='MonthlyDimensionCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('service_key', models.BigIntegerField(help_text="The Recording Service's key, 0 for none.")),
                ('queue_name', models.CharField(blank=True, max_length=100)),
                ('agent_id', models.CharField(blank=True, max_length=100)),
                ('device_id', models.CharField(max_length=100)),
                ('outcome', models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up')], max_length=20)),
                ('reason_code', models.CharField(blank=True, max_length=40)),
                ('legs', models.BigIntegerField(default=0)),
                ('month', models.DateField(help_text='The first day of the month.')),
                ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='cti.ctisource')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('month', 'queue_name', 'source', 'service_key', 'agent_id', 'device_id', 'outcome', 'reason_code'), name='calls_monthly_dimension_once')],
            },
        ),
        migrations.RunPython(sum_the_stored_counts, migrations.RunPython.noop),
    ]
