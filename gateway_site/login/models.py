"""What is kept of log-ins: the authenticator app with its key, and who somebody is at the identity provider."""

from typing import Any

from django.conf import settings
from django.db import models
from django_otp.models import Device, ThrottlingMixin, TimestampMixin
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp.util import random_hex

from vault.fields import EncryptedTextField


def new_key() -> str:
    """Return a new key for an app, in hexadecimal."""
    return str(random_hex(20))


class AuthenticatorApp(TimestampMixin, ThrottlingMixin, Device):  # type: ignore[misc]  # django-otp has no types
    """An authenticator app (TOTP, RFC 6238). django-otp's own device, but its key is encrypted in the database."""

    key = EncryptedTextField(default=new_key)
    drift = models.SmallIntegerField(default=0)
    last_t = models.BigIntegerField(default=-1)

    step, t0, digits, tolerance = 30, 0, 6, 1
    bin_key: Any = TOTPDevice.bin_key
    config_url: Any = TOTPDevice.config_url
    _read_str_from_settings: Any = TOTPDevice._read_str_from_settings  # noqa: SLF001  (config_url asks it)
    verify_token: Any = TOTPDevice.verify_token
    get_throttle_factor: Any = TOTPDevice.get_throttle_factor

    class Meta(Device.Meta):  # type: ignore[misc]
        app_label = "gateway_site"
        verbose_name = "authenticator app"


class SignOnIdentity(models.Model):
    """Who an account is at the identity provider: subjects are unique within their issuer and never used again."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sign_on_identity")
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)

    class Meta:
        app_label = "gateway_site"
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="gateway_site_one_identity")]

    def __str__(self) -> str:
        return f"{self.user} at {self.issuer}"
