"""Call a load of users by its name."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0003_confirmed_lists'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='userrefresh',
            options={'ordering': ['-id'], 'verbose_name': 'load of users', 'verbose_name_plural': 'loads of users'},
        ),
    ]
