"""What concerns the whole gateway and belongs to no app."""

from django.db import models

from gateway_site.login.models import AuthenticatorApp, SignOnIdentity

__all__ = ["AuthenticatorApp", "InstalledVersion", "SignOnIdentity"]


class InstalledVersion(models.Model):
    """The newest version of the gateway that has migrated this database; one row."""

    version = models.CharField(max_length=32)
    migrated_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.version
