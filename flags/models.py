"""The catalogue of Flags as this site set it, their existence in QMS, flag writes and what was written."""

from collections.abc import Sequence

from django.db import models
from django.db.models import F, Func, Q

from qms.models import DataServer, RecordingService
from qms.port import MAXIMUM_GUID_LENGTH


class Privacy(models.TextChoices):
    """What happens to a value before it is written."""

    KEEP = "keep", "write as it is"
    MASK = "mask", "mask card-like numbers"
    HASH = "hash", "keyed hash instead of the value"
    DROP = "drop", "never write"


class FlagSetting(models.Model):
    """One Flag: its name in QMS, where its value comes from, and whether it is written."""

    name = models.CharField(max_length=64, unique=True, help_text="The name in QMS.")
    field = models.CharField(max_length=128, help_text="The call's field, or query:KEY for one key of the query data.")
    enabled = models.BooleanField(default=True)
    max_length = models.PositiveIntegerField("maximum length", default=255)
    privacy = models.CharField(max_length=8, choices=Privacy.choices, default=Privacy.KEEP)
    order = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["order", "id"]
        verbose_name = "flag"

    def __str__(self) -> str:
        return self.name


class EarlierName(models.Model):
    """A name that a Flag had until it was renamed: QMS finds the recordings flagged before by this name alone."""

    flag = models.ForeignKey(
        FlagSetting, models.SET_NULL, null=True, related_name="earlier_names", help_text="Empty: it was deleted."
    )
    name = models.CharField(max_length=64)
    field = models.CharField(max_length=128, help_text="What the Flag carried when it was renamed.")
    renamed_to = models.CharField(max_length=64)
    until = models.DateTimeField()
    by = models.CharField(max_length=150)

    class Meta:
        ordering = ["-until", "-id"]

    def __str__(self) -> str:
        return self.name


class WrittenName(models.Model):
    """A name under which the gateway wrote a Flag, or was set to: it outlives the Flag, whatever becomes of this.

    A recording that carries one has been labelled, perhaps by this gateway.
    """

    name = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class FlagOnServer(models.Model):
    """What a Data Server answered when a Flag was last created or checked there."""

    class State(models.TextChoices):
        CREATED = "created", "created"
        EXISTS = "exists", "exists"
        DIFFERS = "differs", "exists with another length"
        REFUSED = "refused", "refused"
        MISSING = "missing", "does not exist"

    data_server = models.ForeignKey(DataServer, models.CASCADE, related_name="flags")
    name = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State.choices)
    answer = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    new_since = models.DateTimeField(null=True, help_text="When it was created there, as the gateway saw it.")
    verified_at = models.DateTimeField(
        null=True, db_column="proved_at", help_text="When it was seen that the Flag can be written."
    )
    is_verified_by_call = models.BooleanField(
        default=False, db_column="is_proved_by_call", help_text="Seen on a call's recording, not on a test's."
    )

    class Meta:
        ordering = ["data_server", "name"]
        constraints = [models.UniqueConstraint(fields=["data_server", "name"], name="flags_on_server_once")]

    def __str__(self) -> str:
        return f"{self.name} on {self.data_server}: {self.get_state_display()}"


class FlagCreation(models.Model):
    """The last creation, or check, of the Flags on a Data Server that somebody asked for; a worker carries it out.

    ``attempts`` names the worker that has it: one that was taken for dead changes nothing more.
    """

    data_server = models.OneToOneField(DataServer, models.CASCADE, related_name="flag_creation", primary_key=True)
    run = models.PositiveIntegerField(default=0, help_text="Counts the creations: a late worker changes nothing.")
    is_check = models.BooleanField(default=False, help_text="Looks which Flags exist, and creates none.")
    asked_at = models.DateTimeField(null=True)
    asked_by = models.CharField(max_length=150, blank=True)
    begun_at = models.DateTimeField(null=True)
    alive_at = models.DateTimeField(null=True, help_text="The worker's last sign of life.")
    attempts = models.PositiveIntegerField(default=0, help_text="Number of workers that have begun it.")
    done_at = models.DateTimeField(null=True)
    answers = models.JSONField(default=list, help_text="Flag by Flag, as they are settled.")
    error = models.CharField(max_length=1000, blank=True)

    def __str__(self) -> str:
        return f"{self.data_server_id}: creation {self.run}"


class FlagVerification(models.Model):
    """The last verification on a Data Server that Flags can be written: to a test recording, and read back from it.

    A worker carries it out. ``restarted_at``: when a person said that QMS was restarted and that they cannot verify it.
    """

    data_server = models.OneToOneField(DataServer, models.CASCADE, related_name="flag_verification", primary_key=True)
    recording_guid = models.CharField(max_length=MAXIMUM_GUID_LENGTH, blank=True, help_text="The test recording.")
    sent_at = models.DateTimeField(null=True, help_text="When flags were last sent to this recording.")
    run = models.PositiveIntegerField(default=0, help_text="Counts the verifications: a late worker changes nothing.")
    asked_at = models.DateTimeField(null=True)
    asked_by = models.CharField(max_length=150, blank=True)
    begun_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    is_good = models.BooleanField(default=False)
    found = models.CharField(max_length=1000, blank=True)
    advice = models.CharField(max_length=500, blank=True)
    restarted_at = models.DateTimeField(null=True)
    restarted_by = models.CharField(max_length=150, blank=True)

    class Meta:
        db_table = "flags_flagproof"  # Its former name: programs of an earlier release still use it in an upgrade.

    def __str__(self) -> str:
        return f"{self.data_server_id}: verification {self.run}"


class WriteState(models.TextChoices):
    """Where a flag write is on its way to QMS. ``sending`` is committed before the request leaves."""

    QUEUED = "queued", "waiting to be sent"
    SENDING = "sending", "being sent"
    UNCLEAR = "unclear", "sent, answer unknown; will be read back"
    WRITTEN = "written", "written"
    REFUSED = "refused", "refused by QMS"
    GONE = "gone", "the recording is gone"
    CONFLICT = "conflict", "QMS holds another value"
    GIVEN_UP = "given_up", "given up"
    SHADOW = "shadow", "not written: shadow mode"


SETTLED = ("written", "refused", "gone", "conflict", "given_up", "shadow")
UNSETTLED = ("queued", "sending", "unclear")
#: What a person may put back; what is written stands.
RETRIABLE = ("refused", "gone", "conflict", "given_up")


def state_is_one_of(states: Sequence[str]) -> Func:
    """Return the condition on a write's state with the words in it: a partial index serves no parameters on SQLite."""
    words = ", ".join(f"'{state}'" for state in states)
    return Func(F("state"), template=f"%(expressions)s IN ({words})", output_field=models.BooleanField())


class FlagWrite(models.Model):
    """The intention to write a set of flags to a recording, kept until it is settled.

    ``leg_id`` names the leg without a foreign key: this app does not know the calls. ``part`` is ``base`` (written at
    disconnect) or ``wrapup``.
    """

    leg_id = models.BigIntegerField()
    source_id = models.BigIntegerField(help_text="The CTI source whose consumer folds the answer.")
    service = models.ForeignKey(RecordingService, models.PROTECT, related_name="writes")
    recording_guid = models.CharField("recording GUID", max_length=MAXIMUM_GUID_LENGTH)
    part = models.CharField(max_length=8)
    state = models.CharField(max_length=8, choices=WriteState.choices, default=WriteState.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField()
    claim = models.BigIntegerField(null=True, help_text="Names the delivery that has it now.")
    claimed_until = models.DateTimeField(null=True, help_text="After this the delivery is taken to have died.")
    unclear_since = models.DateTimeField(null=True, help_text="When a request last left whose end is unknown.")
    missing_at = models.DateTimeField(null=True, help_text="When QMS last answered that it does not hold its flags.")
    created_at = models.DateTimeField()
    retried_at = models.DateTimeField(null=True, help_text="When a person last put it back; patience counts from then.")
    settled_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=32, blank=True)
    error = models.CharField(max_length=500, blank=True)
    is_shadow = models.BooleanField(
        default=False, db_default=False, help_text="Never sent: the Recording Service was in shadow mode."
    )
    is_canary = models.BooleanField(default=False, db_default=False, help_text="Of a canary call: counts nowhere.")
    is_made_again = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Made by a fold after the database went back: QMS may hold what was decided before.",
    )
    folded = models.BooleanField(default=False, help_text="The consumer has taken the answer into the leg.")
    retries = models.PositiveIntegerField(
        default=0, db_default=0, help_text="How often a person has put it back; distinguishes one end from the next."
    )
    alert_since = models.DateTimeField(null=True, help_text="When the gateway itself ended it without success.")
    acknowledged_at = models.DateTimeField(null=True, help_text="When a person took note of that.")
    acknowledged_by = models.CharField(max_length=150, blank=True, default="", db_default="")

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["recording_guid", "part"], name="flags_write_once_a_part")]
        indexes = [
            models.Index(  # Serves the claim: what is due, oldest first, and claims that ran out.
                fields=["service", "not_before"],
                condition=Q(state__in=UNSETTLED),
                name="flags_write_due",
            ),
            models.Index(  # Serves the consumer: settled and not yet folded.
                fields=["source_id", "id"],
                condition=Q(folded=False, state__in=SETTLED),
                name="flags_write_to_fold",
            ),
            models.Index(fields=["leg_id"], name="flags_write_of_leg"),
            models.Index(  # Serves the operator: what failed, of one reason.
                fields=["error_code", "id"],
                condition=Q(state__in=RETRIABLE),
                name="flags_write_ended_badly",
            ),
            models.Index(  # Serves the alerts: their list.
                fields=["id", "error_code", "service"],
                condition=Q(alert_since__isnull=False, acknowledged_at__isnull=True),
                name="flags_write_alerts",
            ),
            models.Index(  # And their count by reason: in the order of its groups, or SQLite reads the whole table.
                fields=["service", "error_code"],
                condition=Q(alert_since__isnull=False, acknowledged_at__isnull=True),
                name="flags_write_alert_reasons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.part} flags of {self.recording_guid}"


class FlagValue(models.Model):
    """One flag of one recording. The constraint is rule 1: at most once per recording and flag, whatever happens."""

    write = models.ForeignKey(FlagWrite, models.CASCADE, related_name="values")
    recording_guid = models.CharField(max_length=MAXIMUM_GUID_LENGTH)
    name = models.CharField(max_length=64)
    value = models.CharField(max_length=4096)
    cut = models.BooleanField(default=False, help_text="The value was too long and was cut.")
    masked = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["recording_guid", "name"], name="flags_value_at_most_once")]

    def __str__(self) -> str:
        return self.name


class ShadowComparison(models.Model):
    """What is read back of a recording whose flags were withheld, once another gateway has had time to write them.

    ``next_look_at`` is empty once the comparison has ended.
    """

    class ComparisonResult(models.TextChoices):
        WAITING = "waiting", "not compared yet"
        SAME = "same", "carries the same flags"
        DIFFERENT = "different", "carries other flags"
        NOTHING = "nothing", "carries no flags"
        GONE = "gone", "no longer in QMS"
        UNREAD = "unread", "QMS did not answer in time"

    write = models.OneToOneField(FlagWrite, models.CASCADE, related_name="comparison", primary_key=True)
    service = models.ForeignKey(RecordingService, models.CASCADE, related_name="shadow_comparisons")
    at = models.DateTimeField(help_text="When its flags were withheld.")
    names = models.JSONField(null=True, help_text="The Flags that were written then; null: not known.")
    next_look_at = models.DateTimeField(null=True)
    looks = models.PositiveIntegerField(default=0)
    result = models.CharField(max_length=16, choices=ComparisonResult.choices, default=ComparisonResult.WAITING)

    class Meta:
        ordering = ["-write_id"]
        indexes = [
            models.Index(
                fields=["service", "next_look_at"], condition=Q(next_look_at__isnull=False), name="flags_shadow_due"
            ),
            models.Index(fields=["at"], name="flags_shadow_at"),
        ]

    def __str__(self) -> str:
        return f"comparison of {self.write_id}: {self.get_result_display()}"


class ShadowDifference(models.Model):
    """A flag that another gateway wrote otherwise than this one would have; kept as an example."""

    comparison = models.ForeignKey(ShadowComparison, models.CASCADE, related_name="differences")
    name = models.CharField(max_length=64)
    reason = models.CharField(max_length=16)
    ours = models.CharField(max_length=4096, blank=True)
    theirs = models.CharField(max_length=4096, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["name", "reason"], name="flags_shadow_difference")]

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class ShadowCount(models.Model):
    """How many recordings of a day ended a comparison in a way; without a flag's name: the recording as a whole."""

    service = models.ForeignKey(RecordingService, models.CASCADE, related_name="shadow_counts")
    day = models.DateField(help_text="The site's day on which the flags were withheld.")
    name = models.CharField(max_length=64, blank=True)
    verdict = models.CharField(max_length=16)
    recordings = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["day", "name", "verdict"]
        constraints = [models.UniqueConstraint(fields=["service", "day", "name", "verdict"], name="flags_shadow_count")]

    def __str__(self) -> str:
        return f"{self.day} {self.name or 'recordings'} {self.verdict}: {self.recordings}"


class AlertCount(models.Model):
    """How many flag writes of a Recording Service the gateway has ended without success for a reason; never less."""

    service = models.ForeignKey(RecordingService, models.CASCADE)
    error_code = models.CharField(max_length=32)
    raised = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["service", "error_code"]
        constraints = [models.UniqueConstraint(fields=["service", "error_code"], name="flags_alert_count_once")]

    def __str__(self) -> str:
        return f"{self.error_code} at {self.service}: {self.raised}"


class RetryRun(models.Model):
    """An operator's order to put back every failed write, carried out in steps; beat goes on with it.

    Writes are put back in the order of their keys, each once: one that fails again meanwhile is not put back again.
    """

    by = models.CharField(max_length=150)
    error_code = models.CharField(max_length=32, blank=True, help_text="The reason; empty: whatever the reason.")
    service = models.ForeignKey(RecordingService, models.CASCADE, null=True, help_text="Empty: of every service.")
    began_at = models.DateTimeField()
    last_id = models.BigIntegerField(default=0, help_text="Writes up to this key are done with.")
    writes = models.PositiveIntegerField(default=0, help_text="Number of writes put back.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"retry of {self.error_code or 'every reason'}"
