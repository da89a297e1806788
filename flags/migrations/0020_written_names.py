"""The names of Flags that were ever written outlive the Flags, and so do the names that a Flag had before."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def keep_names(apps: Apps, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
    """Keep what is known of the time before: written values, earlier names, and Flags that were deleted here.

    Whether a deleted or renamed Flag was ever written is not known any more: it counts as if it had been.
    """
    values, earlier = apps.get_model('flags', 'FlagValue'), apps.get_model('flags', 'EarlierName')
    settings = apps.get_model('flags', 'FlagSetting').objects.order_by().values('name')
    deleted = apps.get_model('flags', 'FlagOnServer').objects.exclude(name__in=settings)
    names: set[str] = set()
    for rows in (values.objects, earlier.objects, deleted):
        names.update(rows.order_by().values_list('name', flat=True).distinct())
    written = apps.get_model('flags', 'WrittenName')
    written.objects.bulk_create([written(name=name) for name in sorted(names)], ignore_conflicts=True)


class Migration(migrations.Migration):

    dependencies = [
        ('flags', '0019_made_again'),
    ]

    operations = [
        migrations.AlterField(
            model_name='earliername',
            name='flag',
            field=models.ForeignKey(help_text='Empty: it was deleted.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='earlier_names', to='flags.flagsetting'),
        ),
        migrations.CreateModel(
            name='WrittenName',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64, unique=True)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.RunPython(keep_names, migrations.RunPython.noop),
    ]
