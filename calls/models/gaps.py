"""Gaps: the times in which events of a source could be missed."""

from django.db import models

from clock.text import shown
from cti.models import CtiSource


class Gap(models.Model):
    """The ledger of what a source may have missed: calls that began and ended inside a gap cannot be recovered."""

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="gaps")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=255, blank=True)
    legs_saved = models.PositiveIntegerField(default=0)
    legs_lost = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-began_at"]
        constraints = [models.UniqueConstraint(fields=["source", "began_at"], name="calls_gap_once")]

    def __str__(self) -> str:
        return f"{self.source} from {shown(self.began_at)}"
