"""Causes, and the reports and lists that users saved."""

from django.conf import settings
from django.db import models

from calls.models.legs import OUTCOMES


class CauseState(models.TextChoices):
    """What a person has decided about a cause."""

    OPEN = "open", "open"
    RESOLVED = "resolved", "resolved"
    MUTED = "muted", "muted"


class CauseDecision(models.Model):
    """What was last decided about a cause for which legs are not flagged, with the reason.

    A resolved cause is open again as soon as a leg that was connected after ``at`` has it; a muted one stays muted.
    """

    outcome = models.CharField(max_length=20, choices=OUTCOMES)
    reason_code = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=8, choices=CauseState.choices)
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["outcome", "reason_code"], name="calls_cause_decision_once")]

    def __str__(self) -> str:
        return f"{self.outcome} {self.reason_code}".strip().replace("_", " ")


class SavedReport(models.Model):
    """A report that a person has saved under a name; ``weekly``: mailed to them each Monday for the week before."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    query = models.TextField(help_text="The parameters of the report's address.")
    weekly = models.BooleanField(default=False)
    mailed_week = models.CharField(max_length=8, blank=True, help_text="The ISO week in which it was last mailed.")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="calls_saved_report_once")]

    def __str__(self) -> str:
        return self.name


class MailedMonth(models.Model):
    """A month whose report was mailed to ``REPORT_MAIL_TO``."""

    month = models.DateField(unique=True, help_text="The first day of the month.")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class MonthTarget(models.Model):
    """The targets by which a month is judged: those that were set when it was last the running one."""

    month = models.DateField(unique=True, help_text="The first day of the month.")
    flagged_percent = models.FloatField()
    times_percent = models.FloatField()
    guid_ms = models.PositiveIntegerField()
    flags_ms = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class SavedList(models.Model):
    """A list of the admin with its filters, which a person has saved under a name."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    label = models.CharField(max_length=60, help_text='The list\'s model, for example "calls.leg".')
    name = models.CharField(max_length=80)
    query = models.TextField(blank=True, help_text="The parameters of the list's address.")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "label", "name"], name="calls_saved_list_once")]

    def __str__(self) -> str:
        return self.name
