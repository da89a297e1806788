"""Authenticator apps with encrypted keys, and who people are at the identity provider."""

import hashlib
import hmac
from typing import Any

import django.db.models.deletion
import gateway_site.login.models
import vault.fields
from django.conf import settings
from django.db import migrations, models


def encrypt_devices(apps: Any, _: Any) -> None:
    """Take over each device of django-otp with its key encrypted, and each recovery code as its keyed hash."""
    plain, encrypted = apps.get_model("otp_totp", "TOTPDevice"), apps.get_model("gateway_site", "AuthenticatorApp")
    for one in plain.objects.all():
        kept = {name: getattr(one, name) for name in ("user_id", "name", "confirmed", "key", "drift", "last_t")}
        encrypted.objects.create(**kept)
        one.delete()
    key = bytes.fromhex(settings.HASH_KEY)
    for token in apps.get_model("otp_static", "StaticToken").objects.all():
        token.token = hmac.new(key, b"recovery code " + token.token.encode(), hashlib.sha256).hexdigest()[:16]
        token.save()


class Migration(migrations.Migration):

    dependencies = [
        ('gateway_site', '0001_installed_version'),
        ('otp_totp', '0003_add_timestamps'),
        ('otp_static', '0003_add_timestamps'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AuthenticatorApp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='The human-readable name of this device.', max_length=64)),
                ('confirmed', models.BooleanField(default=True, help_text='Is this device ready for use?')),
                ('throttling_failure_timestamp', models.DateTimeField(blank=True, default=None, help_text='A timestamp of the last failed verification attempt. Null if last attempt succeeded.', null=True)),
                ('throttling_failure_count', models.PositiveIntegerField(default=0, help_text='Number of successive failed attempts.')),
                ('created_at', models.DateTimeField(auto_now_add=True, help_text='The date and time when this device was initially created in the system.', null=True)),
                ('last_used_at', models.DateTimeField(blank=True, help_text='The most recent date and time this device was used.', null=True)),
                ('key', vault.fields.EncryptedTextField(default=gateway_site.login.models.new_key)),
                ('drift', models.SmallIntegerField(default=0)),
                ('last_t', models.BigIntegerField(default=-1)),
                ('user', models.ForeignKey(help_text='The user that this device belongs to.', on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'authenticator app',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='SignOnIdentity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('issuer', models.CharField(max_length=255)),
                ('subject', models.CharField(max_length=255)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='sign_on_identity', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('issuer', 'subject'), name='gateway_site_one_identity')],
            },
        ),
        migrations.RunPython(encrypt_devices, migrations.RunPython.noop, elidable=True),
    ]
