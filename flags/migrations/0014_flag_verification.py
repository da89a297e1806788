"""Name the verification of Flags what it is. Table and columns keep their names, for an earlier release in an upgrade."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("flags", "0013_plain_labels")]

    operations = [
        migrations.AlterModelTable("flagproof", "flags_flagproof"),
        migrations.RenameModel("FlagProof", "FlagVerification"),
        migrations.AlterField(
            "flagverification",
            "data_server",
            models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                primary_key=True,
                related_name="flag_verification",
                serialize=False,
                to="qms.dataserver",
            ),
        ),
        migrations.AlterField(
            "flagverification",
            "run",
            models.PositiveIntegerField(
                default=0, help_text="Counts the verifications: a late worker changes nothing."
            ),
        ),
        migrations.AlterField("flagonserver", "proved_at", models.DateTimeField(db_column="proved_at", null=True)),
        migrations.RenameField("flagonserver", "proved_at", "verified_at"),
        migrations.AlterField(
            "flagonserver",
            "verified_at",
            models.DateTimeField(
                db_column="proved_at", help_text="When it was seen that the Flag can be written.", null=True
            ),
        ),
        migrations.AlterField(
            "flagonserver",
            "is_proved_by_call",
            models.BooleanField(db_column="is_proved_by_call", default=False),
        ),
        migrations.RenameField("flagonserver", "is_proved_by_call", "is_verified_by_call"),
        migrations.AlterField(
            "flagonserver",
            "is_verified_by_call",
            models.BooleanField(
                db_column="is_proved_by_call",
                default=False,
                help_text="Seen on a call's recording, not on a test's.",
            ),
        ),
    ]
