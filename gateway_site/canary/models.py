"""Canary calls, each with its steps."""

from typing import Any

import msgspec
from django.db import models
from django.db.models import Q

from cti.models import CanaryWay, CtiSource
from gateway_site.canary.steps import NAMES, CanaryStep, StepEnd
from qms.models import RecordingService
from qms.port import MAXIMUM_GUID_LENGTH

STEPS = [(one.value, NAMES[one]) for one in CanaryStep]


class CanaryCall(models.Model):
    """A canary call of a test extension, carried on step by step; ``ended_at`` is null while it goes on.

    What is done once in the world (make the call, end it) is noted before it is done: a worker that dies is followed
    by one that does not repeat it.
    """

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="canary_calls")
    service = models.ForeignKey(RecordingService, models.SET_NULL, null=True, related_name="canary_calls")
    extension = models.CharField(max_length=255)
    way = models.CharField(max_length=12, choices=CanaryWay.choices)
    asked_by = models.CharField(max_length=150, blank=True, help_text="Empty: the timetable.")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    is_red = models.BooleanField(default=False, help_text="A step failed.")
    is_interrupted = models.BooleanField(
        default=False, db_default=False, help_text="Settings were saved meanwhile: it shows nothing."
    )
    step = models.CharField(max_length=12, choices=STEPS, default=CanaryStep.MATCH)
    step_since = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, help_text="After this the worker is taken to have died.")
    made_at = models.DateTimeField(null=True, help_text="When the call was about to be made.")
    may_be_recorded = models.BooleanField(
        null=True, help_text="The PBX made it, or a recorder was asked for it; empty: made by an earlier release."
    )
    services = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text="The Recording Services that its source had as it was made: each could record it.",
    )
    cleared_at = models.DateTimeField(null=True, help_text="When the call was about to be ended.")
    call_id = models.CharField("call reference", max_length=255, blank=True)
    recording_guid = models.CharField("recording GUID", max_length=MAXIMUM_GUID_LENGTH, blank=True)
    leg_id = models.BigIntegerField("leg", null=True)
    step_ends = models.JSONField(default=list, help_text="How each step ended.")

    class Meta:
        ordering = ["-id"]
        verbose_name = "canary call"
        permissions = [("make_canarycall", "Can make a canary call now")]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "extension"], condition=Q(ended_at=None), name="canary_one_call_at_a_time"
            )
        ]
        indexes = [models.Index(fields=["source", "extension", "-id"], name="canary_newest")]

    def __str__(self) -> str:
        return f"canary call of {self.extension} at {self.source}"

    @property
    def ends(self) -> list[StepEnd]:
        """Return how the steps ended, so far."""
        return msgspec.convert(self.step_ends, list[StepEnd])

    def note(self, end: StepEnd) -> None:
        """Add how a step ended; not saved yet."""
        stored: Any = msgspec.to_builtins(end)
        self.step_ends = [*self.step_ends, stored]
