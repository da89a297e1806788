"""Runs of the reconciliation, and what they found."""

from django.db import models
from django.db.models import F, Q

from clock.text import shown
from cti.models import CtiSource
from gateway_site.reconciliation.compare import FindingKind, Grade
from qms.models import RecordingService
from qms.port import MAXIMUM_GUID_LENGTH

KINDS = [(one.value, one.value.replace("_", " ").replace("qms", "QMS")) for one in FindingKind]
GRADES = [(one.value, one.value) for one in Grade]
#: Hexadecimal digits that are kept of a keyed hash.
HELD_HASH_LENGTH = 12
#: What every count, list and alarm takes as standing: neither withdrawn nor repaired. What was repaired stands where a
#: comparison saw since then that nothing of it had come to QMS.
STANDS = Q(withdrawn_at=None) & (Q(repaired_at=None) | Q(seen_at__gt=F("repaired_at")))


class ReconciliationRun(models.Model):
    """A comparison of the recordings of a Recording Service that began in [begin, end), carried out span by span.

    ``compared_until`` is how far it is: a worker that dies is followed by one that goes on from there.
    """

    service = models.ForeignKey(RecordingService, models.CASCADE, related_name="reconciliations")
    begin = models.DateTimeField("from")
    end = models.DateTimeField("to")
    compared_until = models.DateTimeField()
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=150, blank=True, help_text="Empty: the timetable.")
    claimed_until = models.DateTimeField(null=True, help_text="After this the worker is taken to have died.")
    done_at = models.DateTimeField(null=True)
    recordings = models.BigIntegerField(default=0)
    legs = models.BigIntegerField(default=0)
    findings = models.BigIntegerField(default=0)
    wrong = models.BigIntegerField(
        default=0, db_default=0, help_text="Recordings with a critical or major finding: they count against the target."
    )
    unreadable = models.BigIntegerField(default=0, help_text="Recordings that QMS listed and that could not be read.")
    unreadable_why = models.CharField("why unreadable", max_length=300, blank=True, default="")
    attempts = models.PositiveIntegerField(default=0, help_text="Failed attempts at the present span.")
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "comparison"
        indexes = [models.Index(fields=["id"], condition=Q(done_at=None), name="reconciliation_under_way")]

    def __str__(self) -> str:
        return f"{self.service} from {shown(self.begin)} to {shown(self.end)}"


class ComparedHour(models.Model):
    """How many recordings of a Recording Service began in each minute of an hour, as last listed; None: not counted.

    Runs overlap: this is what a month's recordings are counted by, and how the later of two runs is known.
    """

    service = models.ForeignKey(RecordingService, models.CASCADE, related_name="+")
    hour = models.DateTimeField()
    minutes = models.JSONField(default=list)
    read_at = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text="When the last run that read a minute began to, in seconds since 1970; empty: not known.",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "hour"], name="reconciliation_hour_once")]

    def __str__(self) -> str:
        return f"{self.service} in the hour from {shown(self.hour)}"


class ReconciliationFinding(models.Model):
    """One difference between QMS and the gateway. Values are never kept here; the page reads them when asked.

    ``key`` is the recording's GUID, or names the leg that has none: a difference found again is the same row.
    """

    service = models.ForeignKey(RecordingService, models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=24, choices=KINDS)
    key = models.CharField(max_length=MAXIMUM_GUID_LENGTH)
    grade = models.CharField(max_length=8, choices=GRADES)
    cause = models.CharField(max_length=40)
    source = models.ForeignKey(CtiSource, models.CASCADE, null=True, related_name="+")
    extension = models.CharField(max_length=255)
    began_at = models.DateTimeField(help_text="The recording, or the leg where there is none.")
    ended_at = models.DateTimeField(null=True, help_text="As began; empty where QMS names no end.")
    recording_guid = models.CharField("recording GUID", max_length=MAXIMUM_GUID_LENGTH, blank=True)
    leg_id = models.BigIntegerField("leg", null=True)
    names = models.JSONField(default=list, help_text="The flags that differ.")
    carried = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text="Flags that the gateway ever wrote, or may have: for them no repair is offered.",
    )
    held_hash = models.CharField(
        max_length=HELD_HASH_LENGTH,
        blank=True,
        default="",
        db_default="",
        help_text="Keyed hash of what QMS holds of these flags; empty: not known.",
    )
    candidates = models.JSONField(default=list, help_text="The legs whose recording it may be.")
    is_repairable = models.BooleanField(default=False)
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="When a run last found it.")
    withdrawn_at = models.DateTimeField(null=True, help_text="When a run no longer found it.")
    repaired_at = models.DateTimeField(null=True)
    repaired_by = models.CharField(max_length=150, blank=True)
    acknowledged_at = models.DateTimeField(null=True, help_text="When a person took note of it: no alarm any more.")
    acknowledged_by = models.CharField(max_length=150, blank=True, default="", db_default="")

    class Meta:
        ordering = ["-began_at", "-id"]
        verbose_name = "finding"
        permissions = [("repair_finding", "Can give a recording to its leg")]
        constraints = [models.UniqueConstraint(fields=["service", "kind", "key"], name="reconciliation_finding_once")]
        indexes = [
            models.Index(fields=["service", "began_at"], name="reconciliation_span"),
            models.Index(fields=["grade", "cause"], condition=Q(withdrawn_at=None), name="reconciliation_open"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.extension}"

    @property
    def stands(self) -> bool:
        """Say whether it stands, as ``STANDS`` does."""
        return self.withdrawn_at is None and (self.repaired_at is None or self.seen_at > self.repaired_at)
