"""Legs and recording searches of canary calls are marked."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0032_shadow_outcome'),
        ('qms', '0012_shadow_mode'),
    ]

    operations = [
        migrations.AddField(
            model_name='leg',
            name='is_canary',
            field=models.BooleanField(db_default=False, default=False, help_text='A canary call: counts nowhere.'),
        ),
        migrations.AddField(
            model_name='recordingsearch',
            name='is_canary',
            field=models.BooleanField(db_default=False, default=False, help_text='Of a canary call: counts nowhere.'),
        ),
        migrations.AddIndex(
            model_name='leg',
            index=models.Index(condition=models.Q(('is_canary', True)), fields=['-connected_at'], name='calls_leg_canary'),
        ),
    ]
