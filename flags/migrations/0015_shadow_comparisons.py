"""Flag writes that shadow mode withheld, and what was read back instead."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('flags', '0014_flag_verification'),
        ('qms', '0012_shadow_mode'),
    ]

    operations = [
        migrations.CreateModel(
            name='ShadowComparison',
            fields=[
                ('write', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='comparison', serialize=False, to='flags.flagwrite')),
                ('at', models.DateTimeField(help_text='When its flags were withheld.')),
                ('next_look_at', models.DateTimeField(null=True)),
                ('looks', models.PositiveIntegerField(default=0)),
                ('result', models.CharField(choices=[('waiting', 'not compared yet'), ('same', 'carries the same flags'), ('different', 'carries other flags'), ('nothing', 'carries no flags'), ('gone', 'no longer in QMS'), ('unread', 'QMS did not answer in time')], default='waiting', max_length=16)),
            ],
            options={
                'ordering': ['-write_id'],
            },
        ),
        migrations.CreateModel(
            name='ShadowCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(help_text="The site's day on which the flags were withheld.")),
                ('name', models.CharField(blank=True, max_length=64)),
                ('verdict', models.CharField(max_length=16)),
                ('recordings', models.PositiveIntegerField(default=0)),
            ],
            options={
                'ordering': ['day', 'name', 'verdict'],
            },
        ),
        migrations.CreateModel(
            name='ShadowDifference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64)),
                ('reason', models.CharField(max_length=16)),
                ('ours', models.CharField(blank=True, max_length=4096)),
                ('theirs', models.CharField(blank=True, max_length=4096)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.RemoveIndex(
            model_name='flagwrite',
            name='flags_write_to_fold',
        ),
        migrations.AddField(
            model_name='flagwrite',
            name='is_shadow',
            field=models.BooleanField(db_default=False, default=False, help_text='Never sent: the Recording Service was in shadow mode.'),
        ),
        migrations.AlterField(
            model_name='flagwrite',
            name='state',
            field=models.CharField(choices=[('queued', 'waiting to be sent'), ('sending', 'being sent'), ('unclear', 'sent, answer unknown; will be read back'), ('written', 'written'), ('refused', 'refused by QMS'), ('gone', 'the recording is gone'), ('conflict', 'QMS holds another value'), ('given_up', 'given up'), ('shadow', 'not written: shadow mode')], default='queued', max_length=8),
        ),
        migrations.AddIndex(
            model_name='flagwrite',
            index=models.Index(condition=models.Q(('folded', False), ('state__in', ('written', 'refused', 'gone', 'conflict', 'given_up', 'shadow'))), fields=['source_id', 'id'], name='flags_write_to_fold'),
        ),
        migrations.AddField(
            model_name='shadowcomparison',
            name='service',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='shadow_comparisons', to='qms.recordingservice'),
        ),
        migrations.AddField(
            model_name='shadowcount',
            name='service',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='shadow_counts', to='qms.recordingservice'),
        ),
        migrations.AddField(
            model_name='shadowdifference',
            name='comparison',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='differences', to='flags.shadowcomparison'),
        ),
        migrations.AddIndex(
            model_name='shadowcomparison',
            index=models.Index(condition=models.Q(('next_look_at__isnull', False)), fields=['service', 'next_look_at'], name='flags_shadow_due'),
        ),
        migrations.AddIndex(
            model_name='shadowcomparison',
            index=models.Index(fields=['at'], name='flags_shadow_at'),
        ),
        migrations.AddConstraint(
            model_name='shadowcount',
            constraint=models.UniqueConstraint(fields=('service', 'day', 'name', 'verdict'), name='flags_shadow_count'),
        ),
        migrations.AddIndex(
            model_name='shadowdifference',
            index=models.Index(fields=['name', 'reason'], name='flags_shadow_difference'),
        ),
    ]
