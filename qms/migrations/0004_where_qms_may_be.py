
import qms.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('qms', '0003_addresses_of_bare_hosts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='recordingservice',
            name='wsdl',
            field=models.CharField(blank=True, help_text="A WSDL file or URL; empty: the gateway's own copy.", max_length=500, validators=[qms.models.validate_wsdl]),
        ),
    ]
