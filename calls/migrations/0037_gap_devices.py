from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0036_month_targets'),
    ]

    operations = [
        migrations.AddField(
            model_name='gap',
            name='devices',
            field=models.JSONField(blank=True, help_text='The extensions that it is of; empty: all.', null=True),
        ),
    ]
