"""Know when a load of users began and when its process last gave a sign of life."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='userrefresh',
            name='progress_at',
            field=models.DateTimeField(help_text='The last sign of life of the process that loads.', null=True),
        ),
        migrations.AddField(
            model_name='userrefresh',
            name='taken_at',
            field=models.DateTimeField(blank=True, help_text='When a process began to load.', null=True),
        ),
    ]
