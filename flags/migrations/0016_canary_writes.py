"""Flag writes of canary calls are marked."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('flags', '0015_shadow_comparisons'),
    ]

    operations = [
        migrations.AddField(
            model_name='flagwrite',
            name='is_canary',
            field=models.BooleanField(db_default=False, default=False, help_text='Of a canary call: counts nowhere.'),
        ),
    ]
