"""Keep what administrators said: which agent is which QMS user."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0005_file_import'),
    ]

    operations = [
        migrations.CreateModel(
            name='MappingAct',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(editable=False, help_text="Counts the agent's acts from 1.")),
                ('before_name', models.CharField(blank=True, editable=False, max_length=255, verbose_name='before')),
                ('after_name', models.CharField(blank=True, editable=False, max_length=255, verbose_name='after')),
                ('reason', models.CharField(help_text='Why; it is shown wherever the mapping is used.', max_length=255)),
                ('by', models.CharField(editable=False, max_length=150)),
                ('at', models.DateTimeField(editable=False, verbose_name='when')),
                ('after', models.ForeignKey(blank=True, help_text="Whose recordings are made wherever this agent sits. Empty: the agent's mapping ends.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='mapping_acts', to='agents.qmsuser', verbose_name='QMS user')),
                ('agent', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='mapping_acts', to='agents.agent')),
                ('before', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='agents.qmsuser')),
            ],
            options={
                'verbose_name': 'mapping by hand',
                'verbose_name_plural': 'mappings by hand',
                'ordering': ['-at', '-id'],
                'constraints': [models.UniqueConstraint(fields=('agent', 'number'), name='agents_mapping_acts_in_order')],
            },
        ),
    ]
