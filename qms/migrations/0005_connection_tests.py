
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('qms', '0004_where_qms_may_be'),
    ]

    operations = [
        migrations.CreateModel(
            name='ConnectionTest',
            fields=[
                ('service', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='connection_test', serialize=False, to='qms.recordingservice')),
                ('run', models.PositiveIntegerField(default=0, help_text='Counts the tests: a worker that is late changes nothing.')),
                ('asked_at', models.DateTimeField()),
                ('asked_by', models.CharField(blank=True, max_length=150)),
                ('begun_at', models.DateTimeField(null=True)),
                ('done_at', models.DateTimeField(null=True)),
                ('steps', models.JSONField(default=list)),
            ],
        ),
    ]
