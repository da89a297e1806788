"""Who looked at which callers."""

from django.conf import settings
from django.db import models


class CallerViewKind(models.TextChoices):
    """How somebody came to see callers."""

    LEG = "leg", "opened a leg"
    LIST = "list", "opened a list of legs"
    SEARCH = "search", "searched"
    LIVE = "live", "watched live calls"
    MESSAGE = "message", "opened a message in quarantine"
    EXPORT = "export", "exported legs"
    FLAGS = "flags", "saw what flags carry"


class CallerView(models.Model):
    """Who saw which caller, when: kept for the works council and the data protection officer."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=CallerViewKind.choices)
    leg_id = models.BigIntegerField("leg", null=True, blank=True)
    message_id = models.BigIntegerField("message in quarantine", null=True, blank=True)
    term_hash = models.CharField("search (keyed hash)", max_length=32, blank=True)
    shown = models.PositiveIntegerField("callers shown", db_default=0, default=0)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name = "view of a caller"
        verbose_name_plural = "views of callers"
        indexes = [models.Index(fields=["at"], name="calls_caller_view_at")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.get_kind_display()}"
