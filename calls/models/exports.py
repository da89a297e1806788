"""Exports of legs, as jobs."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class ExportKind(models.TextChoices):
    """As what legs are exported."""

    CSV = "csv", "CSV"
    XLSX = "xlsx", "XLSX"


class ExportState(models.TextChoices):
    """Where an export is."""

    QUEUED = "queued", "waiting for a worker"
    RUNNING = "running", "being written"
    DONE = "done", "done"
    FAILED = "failed", "failed"


class ExportJob(models.Model):
    """An export of legs, for the one who asked; its file is in ``var/exports`` until it expires."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=ExportKind.choices)
    wanted = models.TextField(help_text="The filter, JSON.")
    with_callers = models.BooleanField(help_text="Whether the one who asked may see callers.")
    state = models.CharField(max_length=8, choices=ExportState.choices, default=ExportState.QUEUED)
    rows = models.BigIntegerField(default=0, help_text="Rows written so far.")
    size = models.BigIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    asked_at = models.DateTimeField()
    claim = models.BigIntegerField(default=0, help_text="Names the worker that has it now.")
    claimed_until = models.DateTimeField(null=True, help_text="After this the worker is taken to have died.")
    attempts = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "export of legs"
        verbose_name_plural = "exports of legs"
        indexes = [
            models.Index(  # Serves beat, and the limit of what a person has under way.
                fields=["user"], condition=Q(state__in=("queued", "running")), name="calls_export_under_way"
            )
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"
