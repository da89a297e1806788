"""Data Servers and Recording Services: one gateway instance for each Recording Service."""

from datetime import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

import clock
from qms.endpoints import may_be_entered
from qms.soap.http import NotReached, address
from vault.fields import EncryptedTextField


def validate_address(value: str) -> None:
    """Accept what can be called, bare host names of an own network included; refuse a login within the address."""
    try:
        parts = address(value)
    except NotReached as error:
        raise ValidationError(str(error)) from error
    if parts.username or parts.password:
        raise ValidationError("User name and password have fields of their own.")
    if not may_be_entered(parts.hostname or ""):
        why = "QMS_ENDPOINTS does not list it" if settings.QMS_ENDPOINTS else "link-local addresses are clouds' own"
        raise ValidationError(f"The gateway is not allowed to call {parts.hostname}: {why}.")


def validate_wsdl(value: str) -> None:
    """Accept a file in ``WSDL_FOLDER``, or an address that may be called."""
    if urlsplit(value).scheme in ("http", "https"):
        validate_address(value)
        return
    folder = Path(settings.WSDL_FOLDER).resolve()
    if not Path(value).resolve().is_relative_to(folder):
        raise ValidationError(f"WSDL files are read from {folder} alone (WSDL_FOLDER): put the file there.")


class DataServer(models.Model):
    """Where Flags are defined; several Recording Services may share one."""

    slug = models.SlugField("name", max_length=64, unique=True)

    class Meta:
        ordering = ["slug"]
        verbose_name = "Data Server"

    def __str__(self) -> str:
        return self.slug


class Login(models.TextChoices):
    """How the credentials are shown."""

    USERNAME_TOKEN = "username_token", "WS-Security UsernameToken"
    USERNAME_TOKEN_TIMESTAMP = "username_token_timestamp", "WS-Security UsernameToken with Timestamp"
    USERNAME_DIGEST = "username_digest", "WS-Security UsernameToken as digest, with Timestamp"
    BASIC = "basic", "HTTP Basic"
    NTLM = "ntlm", "Windows (NTLM)"
    NONE = "none", "none, or by a client certificate alone"


class RecordingService(models.Model):
    """One gateway instance: endpoint, credentials, identifiers it answers for, waits and limits."""

    slug = models.SlugField("name", max_length=64, unique=True)
    data_server = models.ForeignKey(DataServer, models.PROTECT, related_name="services")
    enabled = models.BooleanField(default=True)
    kind = models.CharField(
        max_length=32, default="soap", help_text="The kind of recorder: which adapter speaks to it."
    )
    options = models.JSONField(default=dict, blank=True, help_text="Options of the kind, by their keys.")
    url = models.CharField(
        "URL", max_length=500, blank=True, validators=[validate_address], help_text="The SOAP endpoint."
    )
    wsdl = models.CharField(
        "WSDL",
        max_length=500,
        blank=True,
        validators=[validate_wsdl],
        help_text="A WSDL file or URL; empty: the gateway's own copy.",
    )
    dialect = models.CharField(max_length=500, blank=True, help_text="A TOML file that maps a WSDL with other names.")
    ca_file = models.CharField(
        "CA file", max_length=500, blank=True, help_text="Path of the CA bundle; empty: the system's."
    )
    login = models.CharField(max_length=32, choices=Login.choices, default=Login.USERNAME_TOKEN)
    username = models.CharField(max_length=255, blank=True)
    password = EncryptedTextField(blank=True, default="")
    password_env = models.CharField(
        max_length=255, blank=True, help_text="Environment variable that holds the password (or NAME_FILE)."
    )
    identifiers = models.JSONField(
        default=list, blank=True, help_text='Addresses and node names it answers for; "Any" users belong to every one.'
    )
    guid_window_seconds = models.FloatField(
        "GUID window, seconds",
        default=10,
        validators=[MinValueValidator(0.5), MaxValueValidator(120)],
        help_text="How long after Connected QMS reports the recording's GUID.",
    )
    lookup_interval_ms = models.PositiveIntegerField(
        "lookup interval, ms", default=500, validators=[MinValueValidator(50)]
    )
    wrapup_wait_seconds = models.PositiveIntegerField(default=120)
    timeout_seconds = models.FloatField(default=5, validators=[MinValueValidator(0.2), MaxValueValidator(120)])
    max_in_flight = models.PositiveIntegerField(default=16, validators=[MinValueValidator(1)])
    refresh_at = models.TimeField(default=time(2, 0), help_text="When the users are loaded each day.")
    shadow = models.BooleanField(
        "Shadow mode: write nothing",
        default=False,
        db_default=False,
        help_text="Another gateway writes the flags; this one does all but that, and compares. The page Shadow "
        "comparison shows how far both agree, and switches it.",
    )
    writing_since = models.DateTimeField(
        null=True, editable=False, help_text="When shadow mode last ended: legs connected before are never written."
    )

    class Meta:
        ordering = ["slug"]
        verbose_name = "Recording Service"
        permissions = [("switch_shadow", "Can begin and stop writing flags (shadow mode)")]

    def __str__(self) -> str:
        return self.slug

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Note when shadow mode ends, whoever ends it: a form, a command or the switch."""
        if self.pk and not self.shadow and type(self).objects.filter(pk=self.pk, shadow=True).exists():
            self.writing_since = clock.now()
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "writing_since"}
        super().save(*args, **kwargs)

    @property
    def client_certificate(self) -> str:
        """Return the path of the PEM file that it shows to QMS; "" for none (an option of SOAP services)."""
        return str(self.options.get("client_certificate") or "")


class ServiceHealth(models.Model):
    """What the last calls to a Recording Service showed, and the state of its circuit breaker."""

    service = models.OneToOneField(RecordingService, models.CASCADE, related_name="health", primary_key=True)
    ok_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    error = models.CharField(max_length=500, blank=True)
    open_until = models.DateTimeField(null=True, help_text="Circuit breaker: nothing patient is sent before this.")
    openings = models.PositiveIntegerField(default=0, help_text="In a row, of the circuit breaker; each waits longer.")
    probe_at = models.DateTimeField(null=True, help_text="When one call was let through to see whether it is well.")
    clock_offset_seconds = models.FloatField(default=0, help_text="How far the clock of QMS is ahead of ours.")
    late_write_seconds = models.FloatField(
        default=0, help_text="The longest time after which it was seen to finish a write whose answer had been lost."
    )
    late_write_at = models.DateTimeField(null=True, help_text="When that was seen.")

    class Meta:
        verbose_name_plural = "service healths"

    def __str__(self) -> str:
        return f"{self.service_id}: {self.failures} failures in a row"


class ConnectionTest(models.Model):
    """The last test of a connection that somebody asked for; a worker keeps each step as it is done."""

    service = models.OneToOneField(RecordingService, models.CASCADE, related_name="connection_test", primary_key=True)
    run = models.PositiveIntegerField(default=0, help_text="Counts the tests: a worker that is late changes nothing.")
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=150, blank=True)
    begun_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    steps = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.service_id}: test {self.run}"
