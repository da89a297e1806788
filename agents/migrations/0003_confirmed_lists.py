"""Remember that someone confirmed a smaller list."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0002_refresh_progress'),
    ]

    operations = [
        migrations.AddField(
            model_name='userrefresh',
            name='accepts_down_to',
            field=models.PositiveIntegerField(blank=True, help_text='A smaller list is taken when it has at least so many users: someone confirmed it.', null=True),
        ),
    ]
