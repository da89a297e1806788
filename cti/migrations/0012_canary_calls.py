"""A source has test extensions for canary calls."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cti', '0011_names_and_words'),
    ]

    operations = [
        migrations.AddField(
            model_name='ctisource',
            name='canary_destination',
            field=models.CharField(blank=True, db_default='', default='', help_text='What the test extension calls in a real call: an announcement, never a person or a queue. An Asterisk needs none.', max_length=64, verbose_name='number to call'),
        ),
        migrations.AddField(
            model_name='ctisource',
            name='canary_extensions',
            field=models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list, help_text='Extensions used for canary calls and for nothing else. None: no canary calls.', verbose_name='test extensions'),
        ),
        migrations.AddField(
            model_name='ctisource',
            name='canary_minutes',
            field=models.PositiveSmallIntegerField(db_default=15, default=15, help_text='Minutes within which a broken part shows, 5 to 1,440: the next canary call begins two minutes before they are over.', validators=[django.core.validators.MinValueValidator(5), django.core.validators.MaxValueValidator(1440)], verbose_name='canary interval'),
        ),
        migrations.AddField(
            model_name='ctisource',
            name='canary_recorder_api',
            field=models.CharField(blank=True, db_default='', default='', help_text='For events alone: where a recorder that can be driven (the simulated QMS) begins and ends a test recording, for example http://127.0.0.1:8090. Empty: no recording is expected, and none is flagged.', max_length=255, verbose_name="recorder's control address"),
        ),
        migrations.AddField(
            model_name='ctisource',
            name='canary_way',
            field=models.CharField(choices=[('events', 'events alone: no phone rings'), ('originate', 'a real call that the PBX makes from the test extension')], db_default='events', default='events', help_text="A real call needs a test phone that answers by itself, and the PBX's permission to make calls.", max_length=12, verbose_name='way of the canary call'),
        ),
    ]
