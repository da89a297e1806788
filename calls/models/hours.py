"""Counts and histograms by the hour."""

from django.db import models

from calls.models.legs import OUTCOMES
from calls.models.searches import SearchState
from cti.models import CtiSource
from qms.models import RecordingService


class HourlyCount(models.Model):
    """How many of a source's legs that connected in an hour became what: pages sum these, they never count legs.

    The consumer adds each change in the transaction that saves the leg: the sum over an hour is its legs at all times.
    """

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="hourly_counts")
    hour = models.DateTimeField(help_text="When the hour of Connected began.")
    outcome = models.CharField(max_length=20, choices=OUTCOMES)
    reason_code = models.CharField(max_length=40, blank=True)
    legs = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(  # Serves the pages too: the hours of today.
                fields=["hour", "source", "outcome", "reason_code"], name="calls_hourly_count_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:%M}: {self.legs} {self.outcome}"


class Measure(models.TextChoices):
    """What is timed of each leg, by the gateway's clock."""

    GUID = "guid", "Connected to GUID"
    FLAGS = "flags", "disconnect to flags"


class HourlyLatency(models.Model):
    """How many of a source's legs that connected in an hour took at most ``bucket_ms``, and longer than the one below.

    Kept like ``HourlyCount``; the buckets are in ``calls.stats.hourly``.
    """

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="hourly_latencies")
    hour = models.DateTimeField()
    measure = models.CharField(max_length=8, choices=Measure.choices)
    bucket_ms = models.PositiveIntegerField()
    legs = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "hourly latencies"
        constraints = [
            models.UniqueConstraint(fields=["hour", "source", "measure", "bucket_ms"], name="calls_hourly_latency_once")
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:%M}: {self.legs} {self.measure} within {self.bucket_ms} ms"


class SearchCount(models.Model):
    """The number of a source's searches by service, result and duration, so that no page has to count searches.

    The consumer adds a search in the transaction that folds its end, which happens once. ``bucket_ms``: of those that
    were found, how long after Connected at most; the buckets are in ``calls.stats.hourly``.
    """

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="search_counts")
    service = models.ForeignKey(RecordingService, models.CASCADE, related_name="search_counts")
    began = models.DateTimeField(help_text="When the span began in which they ended.")
    state = models.CharField(max_length=10, choices=SearchState.choices)
    why = models.CharField(max_length=32, blank=True)
    bucket_ms = models.PositiveIntegerField(default=0)
    searches = models.BigIntegerField(default=0)
    questions = models.BigIntegerField(default=0, help_text="How many questions QMS answered for them.")

    class Meta:
        constraints = [
            models.UniqueConstraint(  # Serves the pages too: the last spans of a service.
                fields=["service", "began", "source", "state", "why", "bucket_ms"], name="calls_search_count_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.began:%Y-%m-%d %H:%M}: {self.searches} {self.state}"
