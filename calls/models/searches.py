"""Recording searches: the questions to QMS, and their answers until the consumer folds them."""

from django.db import models
from django.db.models import Q

from cti.models import CtiSource
from qms.models import RecordingService
from qms.port import MAXIMUM_GUID_LENGTH

#: Answers of QMS after which a leg keeps the recording it had before the transfer.
KEPT_RECORDING = ("same", "none")

#: The reason of a search that never asked: a person gave the leg its recording, and ``error`` names the person.
ASSIGNED = "assigned"


class SearchState(models.TextChoices):
    """Where a recording search is. ``UNCHANGED`` is only counted and shown; see ``RecordingSearch.ended_as``."""

    OPEN = "open", "asking"
    FOUND = "found", "found"
    MISSED = "missed", "missed"
    CANCELLED = "cancelled", "no longer needed"
    UNCHANGED = "unchanged", "same recording as before"


def ended_as(state: str, known_guid: str, why: str) -> SearchState:
    """Return a search's state as people count it.

    A search after a transfer whose leg has a recording already, and for which QMS named no other one, missed nothing:
    it is stored as missed, because the fold takes it so, and reported as unchanged.
    """
    is_kept = state == SearchState.MISSED and known_guid and why in KEPT_RECORDING
    return SearchState.UNCHANGED if is_kept else SearchState(state)


class RecordingSearch(models.Model):
    """The attempt to learn a leg's recording GUID before its deadline."""

    leg_id = models.BigIntegerField()
    ordinal = models.PositiveIntegerField(default=1, help_text="The leg's first search, or one after a transfer.")
    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="searches")
    service = models.ForeignKey(RecordingService, models.PROTECT, related_name="searches")
    services = models.JSONField(default=list, help_text='The other services to ask, for a user marked "Any".')
    known_guid = models.CharField(max_length=MAXIMUM_GUID_LENGTH, blank=True, help_text="The leg has this one already.")
    extension = models.CharField(max_length=255)
    not_started_before = models.DateTimeField()
    connected_at = models.DateTimeField(help_text="By the gateway's clock.")
    deadline = models.DateTimeField()
    next_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=SearchState.choices, default=SearchState.OPEN)
    attempts = models.PositiveIntegerField(default=0)
    first_asked_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True, help_text="When the question was put that was answered.")
    answered_at = models.DateTimeField(null=True)
    recording_guid = models.CharField("recording GUID", max_length=MAXIMUM_GUID_LENGTH, blank=True)
    recording_started_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=32, blank=True, help_text="A missed search: why, in one word.")
    error = models.CharField(max_length=500, blank=True)
    folded = models.BooleanField(default=False)
    is_canary = models.BooleanField(default=False, db_default=False, help_text="Of a canary call: counts nowhere.")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "recording searches"
        constraints = [models.UniqueConstraint(fields=["leg_id", "ordinal"], name="calls_search_once")]
        indexes = [
            models.Index(  # Serves the claim: due searches of a service.
                fields=["service", "next_at"], condition=Q(state="open"), name="calls_search_due"
            ),
            models.Index(  # Serves the consumer: answered and not yet folded.
                fields=["source"], condition=Q(folded=False, state__in=("found", "missed")), name="calls_search_to_fold"
            ),
            models.Index(  # Serves people: the newest that a service missed, among millions that it found.
                fields=["service", "why", "-id"], condition=Q(state="missed"), name="calls_search_missed"
            ),
        ]

    @property
    def ended_as(self) -> SearchState:
        """Return the state as people count it."""
        return ended_as(self.state, self.known_guid, self.why)

    def __str__(self) -> str:
        return f"search for {self.extension}"
