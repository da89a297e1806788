"""Flag writes that a fold made again after the database went back are marked."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('flags', '0018_narrow_keys'),
    ]

    operations = [
        migrations.AddField(
            model_name='flagwrite',
            name='is_made_again',
            field=models.BooleanField(db_default=False, default=False, help_text='Made by a fold after the database went back: QMS may hold what was decided before.'),
        ),
    ]
