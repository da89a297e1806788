"""Counts by queue, agent, extension and outcome, by the hour and by the day."""

from django.db import models

from calls.models.legs import OUTCOMES
from cti.models import CtiSource

#: What identifies a ``DimensionCount`` within its day or hour, and the length to which its texts are cut.
DIMENSION_KEY = ("source", "service_key", "queue_name", "agent_id", "device_id", "outcome", "reason_code")

#: Maximum length of a name by which calls are grouped, in characters.
DIMENSION_LENGTH = 100

#: What filters write for legs without a queue or an agent.
NO_VALUE = "(none)"


class DimensionCount(models.Model):
    """How many decided legs of a source share all dimensions of a report: reports sum these, they never count legs.

    The consumer adds each decided leg in the transaction that saves it (``calls.stats.dimensions``). Texts are cut to
    ``DIMENSION_LENGTH`` characters, so that the unique key always fits an index page.
    """

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="+", db_index=False)
    service_key = models.BigIntegerField(help_text="The Recording Service's key, 0 for none.")
    queue_name = models.CharField(max_length=100, blank=True)
    agent_id = models.CharField(max_length=100, blank=True)
    device_id = models.CharField(max_length=100)
    outcome = models.CharField(max_length=20, choices=OUTCOMES)
    reason_code = models.CharField(max_length=40, blank=True)
    legs = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class DailyDimensionCount(DimensionCount):
    """The counts of a day by the site's clock, kept as long as legs are."""

    day = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", *DIMENSION_KEY], name="calls_daily_dimension_once"),
        ]
        indexes = [
            models.Index(fields=["device_id", "day"], name="calls_daily_device"),
            models.Index(fields=["agent_id", "day"], name="calls_daily_agent"),
            models.Index(fields=["queue_name", "day"], name="calls_daily_queue"),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.legs} {self.outcome} at {self.device_id}"


class CoarseCount(models.Model):
    """A sum of ``DailyDimensionCount`` over some dimensions (``calls.stats.coarse_counts``), kept as long as it is."""

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="+", db_index=False)
    outcome = models.CharField(max_length=20, choices=OUTCOMES)
    reason_code = models.CharField(max_length=40, blank=True)
    legs = models.BigIntegerField(default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.legs} {self.outcome}"


class DailyQueueCount(CoarseCount):
    """The decided legs of a day by queue and Recording Service, whoever took them."""

    day = models.DateField()
    service_key = models.BigIntegerField(help_text="The Recording Service's key, 0 for none.")
    queue_name = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "source", "service_key", "queue_name", "outcome", "reason_code"],
                name="calls_daily_queue_once",
            ),
        ]


class DailyPersonCount(CoarseCount):
    """The decided legs of a day by agent and extension, whatever the queue."""

    day = models.DateField()
    agent_id = models.CharField(max_length=100, blank=True)
    device_id = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "source", "agent_id", "device_id", "outcome", "reason_code"],
                name="calls_daily_person_once",
            ),
        ]


class MonthlyPersonCount(CoarseCount):
    """The decided legs of a calendar month by agent, extension and Recording Service, whatever the queue."""

    month = models.DateField(help_text="The first day of the month.")
    service_key = models.BigIntegerField(help_text="The Recording Service's key, 0 for none.")
    agent_id = models.CharField(max_length=100, blank=True)
    device_id = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["month", "source", "service_key", "agent_id", "device_id", "outcome", "reason_code"],
                name="calls_monthly_person_once",
            ),
        ]


class MonthlyDimensionCount(DimensionCount):
    """The counts of a calendar month: what is reported of one queue is read from them, a sixth of those by day."""

    month = models.DateField(help_text="The first day of the month.")

    class Meta:
        constraints = [
            # By the queue second, so that a month of one queue is a stretch of the index.
            models.UniqueConstraint(
                fields=[
                    *("month", "queue_name", "source", "service_key"),
                    *("agent_id", "device_id", "outcome", "reason_code"),
                ],
                name="calls_monthly_dimension_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.legs} {self.outcome} at {self.device_id}"


class HourlyDimensionCount(DimensionCount):
    """The counts of an hour, kept for a few days: a report by the hour looks no further back."""

    hour = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hour", *DIMENSION_KEY], name="calls_hourly_dimension_once"),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:%M}: {self.legs} {self.outcome} at {self.device_id}"


class QueueName(models.Model):
    """A name that a queue had, from when: recordings keep the name that they were flagged with."""

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="queue_names")
    device_id = models.CharField("queue", max_length=255)
    name = models.CharField(max_length=255)
    since = models.DateTimeField()

    class Meta:
        ordering = ["-since", "-id"]
        indexes = [models.Index(fields=["source", "device_id", "-since"], name="calls_queue_names")]

    def __str__(self) -> str:
        return f"{self.name} ({self.device_id})"
