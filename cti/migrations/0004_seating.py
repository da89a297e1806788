"""Say how agents and extensions belong together at a source: hot desks, as they were until now, free or fixed."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cti', '0003_devices_help'),
    ]

    operations = [
        migrations.AddField(
            model_name='ctisource',
            name='seating',
            field=models.CharField(choices=[('hot_desk', 'hot desks: an agent sits at one extension, and moves'), ('free', 'free: an agent may be logged on at several extensions'), ('fixed', "fixed: each agent has an extension; who logs on at another's is not matched")], default='hot_desk', max_length=16),
        ),
    ]
