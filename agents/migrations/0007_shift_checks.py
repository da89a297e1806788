"""Keep what the pre-shift checks found, and what troubled matches cost today."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0006_mappings_by_hand'),
        ('cti', '0004_seating'),
    ]

    operations = [
        migrations.CreateModel(
            name='ShiftCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('due_at', models.DateTimeField(blank=True, help_text='Empty: someone asked for it.', null=True, unique=True)),
                ('asked_by', models.CharField(blank=True, max_length=150)),
                ('ready', models.PositiveIntegerField(default=0)),
                ('doubtful', models.PositiveIntegerField(default=0, verbose_name='to check')),
                ('troubled', models.PositiveIntegerField(default=0, verbose_name='cannot be flagged')),
            ],
            options={
                'verbose_name': 'pre-shift check',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='ShiftTrouble',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(blank=True, max_length=64)),
                ('device_id', models.CharField(blank=True, max_length=255, verbose_name='extension')),
                ('agent', models.CharField(blank=True, max_length=511)),
                ('kind', models.CharField(help_text='matched: to check only.', max_length=20)),
                ('reason', models.CharField(max_length=500)),
                ('check_run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='troubles', to='agents.shiftcheck')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='CallsAtRisk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('device_id', models.CharField(max_length=255)),
                ('day', models.DateField(help_text="By the site's clock.")),
                ('calls', models.PositiveIntegerField()),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calls_at_risk', to='cti.ctisource')),
            ],
            options={
                'verbose_name_plural': 'calls at risk',
                'constraints': [models.UniqueConstraint(fields=('source', 'device_id'), name='agents_calls_at_risk_once')],
            },
        ),
    ]
