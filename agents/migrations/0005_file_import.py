"""Let users come from a file."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0004_names'),
    ]

    operations = [
        migrations.AlterField(
            model_name='userrefresh',
            name='trigger',
            field=models.CharField(choices=[('start', 'at start'), ('daily', 'daily'), ('button', 'button "Refresh QMS users"'), ('command', 'command sync_users'), ('file', 'file import')], max_length=16),
        ),
    ]
