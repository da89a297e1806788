"""Canary calls."""

import django.db.models.deletion
import gateway_site.canary.steps
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('cti', '0012_canary_calls'),
        ('qms', '0012_shadow_mode'),
    ]

    operations = [
        migrations.CreateModel(
            name='CanaryCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('extension', models.CharField(max_length=255)),
                ('way', models.CharField(choices=[('events', 'events alone: no phone rings'), ('originate', 'a real call that the PBX makes from the test extension')], max_length=12)),
                ('asked_by', models.CharField(blank=True, help_text='Empty: the timetable.', max_length=150)),
                ('began_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('is_red', models.BooleanField(default=False, help_text='A step failed.')),
                ('step', models.CharField(choices=[('match', 'QMS user'), ('call', 'Call made'), ('leg', 'Leg seen'), ('recording', 'Recording found'), ('end', 'Call ended'), ('flags', 'Flags written'), ('read_back', 'Flags read back')], default=gateway_site.canary.steps.CanaryStep['MATCH'], max_length=12)),
                ('step_since', models.DateTimeField()),
                ('claimed_until', models.DateTimeField(help_text='After this the worker is taken to have died.', null=True)),
                ('made_at', models.DateTimeField(help_text='When the call was about to be made.', null=True)),
                ('cleared_at', models.DateTimeField(help_text='When the call was about to be ended.', null=True)),
                ('call_id', models.CharField(blank=True, max_length=255, verbose_name='call reference')),
                ('recording_guid', models.CharField(blank=True, max_length=128, verbose_name='recording GUID')),
                ('leg_id', models.BigIntegerField(null=True, verbose_name='leg')),
                ('step_ends', models.JSONField(default=list, help_text='How each step ended.')),
                ('service', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='canary_calls', to='qms.recordingservice')),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='canary_calls', to='cti.ctisource')),
            ],
            options={
                'verbose_name': 'canary call',
                'ordering': ['-id'],
                'permissions': [('make_canarycall', 'Can make a canary call now')],
                'indexes': [models.Index(fields=['source', 'extension', '-id'], name='canary_newest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('source', 'extension'), name='canary_one_call_at_a_time')],
            },
        ),
    ]
