"""Legs: one row for each, written by the consumer alone."""

from django.db import models
from django.db.models import Q

from calls.core.outcomes import Outcome
from calls.models.conditions import final_with
from cti.models import CtiSource
from qms.models import RecordingService
from qms.port import MAXIMUM_GUID_LENGTH

OUTCOMES = [(one.value, one.value.replace("_", " ")) for one in Outcome]


class Leg(models.Model):
    """One extension's part in one call, from connected to disconnected: the unit of a recording."""

    id = models.BigIntegerField(
        primary_key=True, help_text="Source and running number: the fold gives it, not a sequence."
    )
    source = models.ForeignKey(CtiSource, models.PROTECT, related_name="legs")
    call_id = models.CharField("call reference", max_length=255)
    device_id = models.CharField("extension", max_length=255)
    ordinal = models.PositiveIntegerField(default=1)
    phase = models.CharField(max_length=12, help_text="open, closed, delivering or settled.")
    interaction_id = models.CharField(max_length=255, blank=True)
    agent_id = models.CharField(max_length=255, blank=True)
    agent_name = models.CharField(max_length=255, blank=True)
    queue_name = models.CharField("queue", max_length=255, blank=True)
    caller_name = models.CharField(max_length=1024, blank=True)
    caller_name_source = models.CharField(max_length=20, blank=True)
    calling_number = models.CharField(max_length=255, blank=True)
    called_number = models.CharField(max_length=255, blank=True)
    direction = models.CharField(max_length=8, blank=True)
    connected_at = models.DateTimeField()
    disconnected_at = models.DateTimeField(null=True, blank=True)
    end_unknown = models.BooleanField(default=False)
    is_canary = models.BooleanField(default=False, db_default=False, help_text="A canary call: counts nowhere.")
    recording_guid = models.CharField(  # noqa: DJ001  (null: unique ignores it)
        "recording GUID", max_length=MAXIMUM_GUID_LENGTH, null=True, blank=True
    )
    service = models.ForeignKey(RecordingService, models.PROTECT, null=True, blank=True, related_name="legs")
    outcome = models.CharField(max_length=20, choices=OUTCOMES)
    reason = models.CharField(max_length=500, blank=True)
    reason_code = models.CharField(max_length=40, blank=True, help_text="The reason in one word, for counting.")
    guid_ms = models.PositiveIntegerField("Connected to GUID, ms", null=True, blank=True)
    flags_ms = models.PositiveIntegerField("disconnect to flags, ms", null=True, blank=True)
    facts = models.BinaryField(help_text="The leg as the core holds it.")
    trace = models.TextField(default="[]", help_text="The decision trace, JSON.")
    due_at = models.DateTimeField(null=True, blank=True)
    folded_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("view_caller", "Can see callers' names, numbers and data"),
            ("erase_caller", "Can erase a caller"),
        ]
        constraints = [
            models.UniqueConstraint(  # One leg for each recording.
                fields=["recording_guid"], condition=~Q(recording_guid=None), name="calls_one_leg_a_recording"
            )
        ]
        indexes = [
            models.Index(  # Serves the fold: the legs of a live call, and of an extension.
                fields=["source", "call_id"], condition=Q(phase__in=("open", "closed")), name="calls_leg_live_call"
            ),
            models.Index(
                fields=["source", "device_id"], condition=Q(phase__in=("open", "closed")), name="calls_leg_live_device"
            ),
            models.Index(  # Serves the calls in progress, newest first, whatever the number of those that are over.
                fields=["-connected_at", "-id"], condition=Q(phase="open"), name="calls_leg_open"
            ),
            models.Index(fields=["source", "due_at"], condition=~Q(due_at=None), name="calls_leg_due"),
            models.Index(fields=["outcome", "-connected_at"], name="calls_leg_outcome"),
            models.Index(fields=["-connected_at"], name="calls_leg_newest"),
            models.Index(fields=["-connected_at"], condition=Q(is_canary=True), name="calls_leg_canary"),
            models.Index(fields=["call_id"], name="calls_leg_call"),
            models.Index(fields=["device_id", "-connected_at"], name="calls_leg_device"),
            models.Index(fields=["agent_id", "-connected_at"], name="calls_leg_agent"),
            models.Index(fields=["interaction_id"], name="calls_leg_interaction"),
            models.Index(
                fields=["reason_code", "-connected_at"], condition=~Q(reason_code=""), name="calls_leg_reason"
            ),
            models.Index(
                fields=["queue_name", "-connected_at"], condition=final_with("queue_name"), name="calls_leg_queue"
            ),
            models.Index(
                fields=["calling_number", "-connected_at"],
                condition=final_with("calling_number"),
                name="calls_leg_calling",
            ),
            models.Index(
                fields=["caller_name", "-connected_at"], condition=final_with("caller_name"), name="calls_leg_caller"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} in {self.call_id}"
