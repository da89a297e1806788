"""Rules, the channels that get messages, incidents, and each message on its way."""

from datetime import time

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from vault.fields import EncryptedTextField


class AlarmRule(models.Model):
    """Whether something wrong makes an incident, and after how long."""

    key = models.CharField(max_length=32, unique=True, editable=False)
    name = models.CharField(max_length=80, editable=False)
    enabled = models.BooleanField(default=True)
    after_seconds = models.PositiveIntegerField(
        "after, seconds",
        default=60,
        validators=[MaxValueValidator(604_800)],
        help_text="It must be wrong for this long.",
    )
    threshold = models.FloatField(null=True, blank=True, help_text="What counts as wrong; empty where nothing counts.")
    is_urgent = models.BooleanField("urgent", default=False, help_text="Sent in quiet hours too.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AlarmChannelKind(models.TextChoices):
    """How a message is sent."""

    MAIL = "mail", "mail"
    JSON = "json", "webhook: plain JSON"
    TEAMS = "teams", "webhook: Microsoft Teams"
    SLACK = "slack", "webhook: Slack"
    PAGERDUTY = "pagerduty", "webhook: PagerDuty Events v2"


class AlarmChannel(models.Model):
    """Who gets messages: mail addresses, or the address of a webhook."""

    name = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=16, choices=AlarmChannelKind.choices)
    target = models.CharField(max_length=500, help_text="Mail addresses separated by commas, or the webhook's address.")
    secret = EncryptedTextField(blank=True, help_text="PagerDuty's routing key, or the bearer token of plain JSON.")
    enabled = models.BooleanField(default=True)
    quiet_from = models.TimeField(
        null=True, blank=True, help_text="From then on only urgent alarms, by the site's clock."
    )
    quiet_until = models.TimeField(null=True, blank=True)
    sent_at = models.DateTimeField("last message sent", null=True, editable=False)
    failed_at = models.DateTimeField("last failure", null=True, editable=False)
    error = models.CharField("last error", max_length=300, blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = "channel"

    def __str__(self) -> str:
        return self.name

    def is_quiet(self, moment: time) -> bool:
        """Say whether only urgent alarms go out at this time of day; the hours may cross midnight."""
        begin, end = self.quiet_from, self.quiet_until
        if begin is None or end is None or begin == end:
            return False
        return begin <= moment < end if begin < end else moment >= begin or moment < end


class Incident(models.Model):
    """Something that went wrong, from its begin to its end. ``subject``: what it is about, a source or a service."""

    rule = models.ForeignKey(AlarmRule, models.CASCADE, related_name="incidents")
    subject = models.CharField(max_length=120, blank=True)
    text = models.CharField(max_length=500)
    began_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, help_text="When it had lasted long enough; empty: not yet.")
    ended_at = models.DateTimeField(null=True)
    caused_by = models.ForeignKey("self", models.SET_NULL, null=True, related_name="effects")
    legs_hit = models.PositiveIntegerField("legs not flagged meanwhile", default=0)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject"], condition=Q(ended_at=None), name="alarms_one_incident_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject}" if self.subject else str(self.rule)

    def get_absolute_url(self) -> str:
        """Return the incident's page."""
        return reverse("admin:alarms_incident_change", args=[self.pk])


class Occasion(models.TextChoices):
    """Why a message is sent."""

    BEGIN = "begin", "began"
    CHANGE = "change", "changed"
    END = "end", "is over"
    TEST = "test", "test"


class AlarmMessage(models.Model):
    """A message of an incident to one channel, kept until it is sent or given up."""

    incident = models.ForeignKey(Incident, models.CASCADE, null=True, related_name="messages")
    channel = models.ForeignKey(AlarmChannel, models.CASCADE, related_name="messages")
    occasion = models.CharField(max_length=8, choices=Occasion.choices)
    text = models.CharField(max_length=700)
    created_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True, help_text="Empty: sent, or given up.")
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "message"
        indexes = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="alarms_message_due"),
        ]

    def __str__(self) -> str:
        return f"{self.get_occasion_display()}: {self.text}"
