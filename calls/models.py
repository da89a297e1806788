"""Legs and what leads to them: the call cache, checkpoints, searches, gaps.

A leg's row is written by the consumer alone; lookups and deliveries leave their answers on their own rows, and the
consumer folds them in order.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q

from calls.core.outcomes import Outcome
from clock.text import shown
from cti.models import CtiSource
from qms.models import RecordingService
from qms.port import MAXIMUM_GUID_LENGTH

OUTCOMES = [(one.value, one.value.replace("_", " ")) for one in Outcome]


#: What identifies a ``DimensionCount`` within its day or hour, and the length to which its texts are cut.
DIMENSION_KEY = ("source", "service_key", "queue_name", "agent_id", "device_id", "outcome", "reason_code")
DIMENSION_LENGTH = 100
#: What filters write for legs without a queue or an agent.
NO_VALUE = "(none)"


def is_open() -> Func:
    """Return the condition of an open leg with the word in it: a partial index serves no parameters on SQLite."""
    return Func(F("phase"), template="%(expressions)s = 'open'", output_field=models.BooleanField())


def has_recording() -> Func:
    """Return the condition of the index by recording, as it stands there: SQLite does not infer it from a value."""
    return Func(F("recording_guid"), template="NOT (%(expressions)s IS NULL)", output_field=models.BooleanField())


def is_live() -> Func:
    """Return the condition of a leg that events may change, likewise."""
    return Func(F("phase"), template="%(expressions)s IN ('open', 'closed')", output_field=models.BooleanField())


def is_final() -> Func:
    """Return the condition of a leg whose facts are final, likewise: its flags are on their way, or settled."""
    return Func(F("phase"), template="%(expressions)s IN ('delivering', 'settled')", output_field=models.BooleanField())


def is_missed() -> Func:
    """Return the condition of a missed search, likewise."""
    return Func(F("state"), template="%(expressions)s = 'missed'", output_field=models.BooleanField())


def _final_with(column: str) -> Q:
    """Return the condition of an index that a leg enters once, when its facts are final, and only with a value."""
    return Q(phase__in=("delivering", "settled")) & ~Q(**{column: ""})


class Checkpoint(models.Model):
    """How far a source's journal is folded; comparing ``last_id`` in the update is the consumer's lock."""

    source = models.OneToOneField(CtiSource, models.CASCADE, related_name="checkpoint", primary_key=True)
    last_id = models.CharField(max_length=48, default="0-0", help_text="The last stream id folded.")
    version = models.BigIntegerField(default=0, help_text="Counts the folds, also those without journal entries.")
    next_leg = models.BigIntegerField(default=1)
    incarnation = models.CharField(max_length=64, blank=True, help_text="The journal's identity when last read.")
    facts = models.BinaryField(default=b"", help_text="The source's own state: link, snapshot, waiting events.")
    due_at = models.DateTimeField(null=True, help_text="When the source's own state next needs the time.")
    folded_at = models.DateTimeField(null=True)
    events = models.BigIntegerField(default=0, help_text="Events folded, ever.")
    replication_id = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="The history of Redis's writes when last read."
    )
    read_back_until = models.CharField(
        max_length=48,
        default="0-0",
        db_default="0-0",
        help_text="After a restore: what is folded up to here may be in QMS already and is read back first.",
    )
    read_back_before = models.DateTimeField(null=True, help_text="The same for legs connected before this moment.")

    def __str__(self) -> str:
        return f"{self.source_id} at {self.last_id}"


class Call(models.Model):
    """The call cache, a row for each incarnation of an id: what is known of a call while it lives and a bit longer."""

    # No index of its own: the constraint's begins with it, and each index more is one to write with every change.
    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="calls", db_index=False)
    incarnation = models.BigIntegerField(help_text="The call's identity in its source; its id is used again.")
    call_id = models.CharField(max_length=255)
    facts = models.BinaryField()
    touched_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "incarnation"], name="calls_call_once")]
        indexes = [
            models.Index(fields=["source", "call_id"], name="calls_call_name"),
            models.Index(fields=["source", "due_at"], condition=~Q(due_at=None), name="calls_call_due"),
        ]

    def __str__(self) -> str:
        return self.call_id


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
    recording_guid = models.CharField(max_length=MAXIMUM_GUID_LENGTH, null=True, blank=True)  # noqa: DJ001  (null: unique ignores it)
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
            models.Index(fields=["call_id"], name="calls_leg_call"),
            models.Index(fields=["device_id", "-connected_at"], name="calls_leg_device"),
            models.Index(fields=["agent_id", "-connected_at"], name="calls_leg_agent"),
            models.Index(fields=["interaction_id"], name="calls_leg_interaction"),
            models.Index(
                fields=["reason_code", "-connected_at"], condition=~Q(reason_code=""), name="calls_leg_reason"
            ),
            models.Index(
                fields=["queue_name", "-connected_at"], condition=_final_with("queue_name"), name="calls_leg_queue"
            ),
            models.Index(
                fields=["calling_number", "-connected_at"],
                condition=_final_with("calling_number"),
                name="calls_leg_calling",
            ),
            models.Index(
                fields=["caller_name", "-connected_at"], condition=_final_with("caller_name"), name="calls_leg_caller"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} in {self.call_id}"


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
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.legs} {self.outcome} at {self.device_id}"


class CoarseCount(models.Model):
    """A sum of ``DailyDimensionCount`` over some dimensions (``calls.stats.coarse_counts``), kept as long as it is."""

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    outcome = models.CharField(max_length=20, choices=OUTCOMES)
    reason_code = models.CharField(max_length=40, blank=True)
    legs = models.BigIntegerField(default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.day}: {self.legs} {self.outcome}"


class DailyQueueCount(CoarseCount):
    """The decided legs of a day by queue and Recording Service, whoever took them."""

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

    agent_id = models.CharField(max_length=100, blank=True)
    device_id = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "source", "agent_id", "device_id", "outcome", "reason_code"],
                name="calls_daily_person_once",
            ),
        ]


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
    recording_guid = models.CharField(max_length=MAXIMUM_GUID_LENGTH, blank=True)
    recording_started_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=32, blank=True, help_text="A missed search: why, in one word.")
    error = models.CharField(max_length=500, blank=True)
    folded = models.BooleanField(default=False)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "recording searches"
        constraints = [models.UniqueConstraint(fields=["leg_id", "ordinal"], name="calls_search_once")]
        indexes = [
            models.Index(  # Serves the claim: due searches of a service, soonest deadline first.
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
        """Return the state as people count it.

        A search after a transfer whose leg has a recording already, and for which QMS named no other one, missed
        nothing: it is stored as missed, because the fold takes it so, and reported as unchanged.
        """
        is_kept = self.state == SearchState.MISSED and self.known_guid and self.why in KEPT_RECORDING
        return SearchState.UNCHANGED if is_kept else SearchState(self.state)

    def __str__(self) -> str:
        return f"search for {self.extension}"


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


class CallerViewKind(models.TextChoices):
    """How somebody came to see callers."""

    LEG = "leg", "opened a leg"
    SEARCH = "search", "searched"


class CallerView(models.Model):
    """Who saw which caller, when: kept for the works council and the data protection officer."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=CallerViewKind.choices)
    leg_id = models.BigIntegerField("leg", null=True, blank=True)
    term_hash = models.CharField("search (keyed hash)", max_length=32, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name = "view of a caller"
        verbose_name_plural = "views of callers"
        indexes = [models.Index(fields=["at"], name="calls_caller_view_at")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.get_kind_display()}"


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


class Gap(models.Model):
    """The ledger of what a source may have missed: calls that lived wholly within a gap cannot be known."""

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
