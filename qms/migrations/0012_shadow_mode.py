"""Shadow mode of a Recording Service, and when it ended."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('qms', '0011_names_and_words'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='recordingservice',
            options={'ordering': ['slug'], 'permissions': [('switch_shadow', 'Can begin and stop writing flags (shadow mode)')], 'verbose_name': 'Recording Service'},
        ),
        migrations.AddField(
            model_name='recordingservice',
            name='shadow',
            field=models.BooleanField(db_default=False, default=False, help_text='Another gateway writes the flags; this one does all but that, and compares. The page Shadow comparison shows how far both agree, and switches it.', verbose_name='Shadow mode: write nothing'),
        ),
        migrations.AddField(
            model_name='recordingservice',
            name='writing_since',
            field=models.DateTimeField(editable=False, help_text='When shadow mode last ended: legs connected before are never written.', null=True),
        ),
    ]
