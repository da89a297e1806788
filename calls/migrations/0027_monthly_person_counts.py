"""Counts by person and month, begun with the sums of the counts that are stored; an index by queue."""

import django.db.models.deletion
from django.apps.registry import Apps as StateApps
from django.db import connection, migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

COLUMNS = "source_id, service_key, agent_id, device_id, outcome, reason_code"
MONTHS = {"postgresql": "date_trunc('month', day)::date", "sqlite": "strftime('%Y-%m-01', day)"}


def wait_for_the_index(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    """Let this migration take its time: a large site has millions of counts."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")


def sum_the_stored_counts(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    """Begin with the sums of the stored counts; later changes are added to them."""
    month = MONTHS[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO calls_monthlypersoncount (month, {COLUMNS}, legs) "  # noqa: S608  (constants)
            f"SELECT {month}, {COLUMNS}, SUM(legs) FROM calls_dailydimensioncount "
            f"GROUP BY {month}, {COLUMNS} HAVING SUM(legs) <> 0"
        )


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0026_caller_views_of_lists'),
        ('cti', '0009_when_a_token_posted_a_call'),
    ]

    operations = [
        migrations.RunPython(wait_for_the_index, migrations.RunPython.noop),
        migrations.CreateModel(
            name='MonthlyPersonCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('outcome', models.CharField(choices=[('flagged', 'flagged'), ('partly_flagged', 'partly flagged'), ('waiting', 'waiting'), ('joined_late', 'joined late'), ('agent_unknown', 'agent unknown'), ('user_unmatched', 'user unmatched'), ('extension_conflict', 'extension conflict'), ('user_inactive', 'user inactive'), ('user_unlicensed', 'user unlicensed'), ('not_recorded', 'not recorded'), ('window_missed', 'window missed'), ('recording_gone', 'recording gone'), ('refused', 'refused'), ('write_unknown', 'write unknown'), ('given_up', 'given up')], max_length=20)),
                ('reason_code', models.CharField(blank=True, max_length=40)),
                ('legs', models.BigIntegerField(default=0)),
                ('month', models.DateField(help_text='The first day of the month.')),
                ('service_key', models.BigIntegerField(help_text="The Recording Service's key, 0 for none.")),
                ('agent_id', models.CharField(blank=True, max_length=100)),
                ('device_id', models.CharField(max_length=100)),
            ],
        ),
        migrations.AddIndex(
            model_name='dailydimensioncount',
            index=models.Index(fields=['queue_name', 'day'], name='calls_daily_queue'),
        ),
        migrations.AddField(
            model_name='monthlypersoncount',
            name='source',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='cti.ctisource'),
        ),
        migrations.AddConstraint(
            model_name='monthlypersoncount',
            constraint=models.UniqueConstraint(fields=('month', 'source', 'service_key', 'agent_id', 'device_id', 'outcome', 'reason_code'), name='calls_monthly_person_once'),
        ),
        migrations.RunPython(sum_the_stored_counts, migrations.RunPython.noop),
    ]
