"""Agents and their sessions, QMS users, and which Recording Services answer for which CTI source."""

from django.db import models
from django.db.models import Q

from clock.text import shown
from cti.models import CtiSource
from qms.models import RecordingService


class Allocation(models.Model):
    """A Recording Service records the extensions of a CTI source. The first by ``position`` asks for "Any" users."""

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="allocations")
    service = models.ForeignKey(RecordingService, models.CASCADE, related_name="allocations")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["source", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["source", "service"], name="agents_allocation_once")]

    def __str__(self) -> str:
        return f"{self.source} -> {self.service}"


class Agent(models.Model):
    """A person who takes calls, as the CTI source knows them."""

    # No index of its own: the constraint's begins with it, and a young table's statistics would prefer it to that.
    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="agents", db_index=False)
    agent_id = models.CharField(max_length=255)
    name = models.CharField(max_length=255, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "agent_id"]
        constraints = [models.UniqueConstraint(fields=["source", "agent_id"], name="agents_agent_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.agent_id})" if self.name else self.agent_id


class AgentName(models.Model):
    """A name that an agent had, from when: recordings keep the name they were flagged with."""

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="names")
    name = models.CharField(max_length=255)
    since = models.DateTimeField()

    class Meta:
        ordering = ["-since"]

    def __str__(self) -> str:
        return self.name


class AgentState(models.TextChoices):
    """What an agent does, in CSTA's words."""

    LOGGED_ON = "LoggedOn", "logged on"
    READY = "Ready", "ready"
    NOT_READY = "NotReady", "not ready"
    BUSY = "Busy", "on a call"
    WORKING_AFTER_CALL = "WorkingAfterCall", "working after call"
    LOGGED_OFF = "LoggedOff", "logged off"


class AgentSessionRecord(models.Model):
    """An agent's session at an extension, from log-on to log-off; ``until`` is null while it lasts."""

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="agent_sessions", db_index=False)  # As above.
    agent_id = models.CharField(max_length=255)
    agent_name = models.CharField(max_length=255, blank=True)
    device_id = models.CharField("extension", max_length=255)
    state = models.CharField(max_length=16, choices=AgentState.choices, default=AgentState.LOGGED_ON)
    state_since = models.DateTimeField()
    reason = models.CharField(max_length=255, blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    known_by = models.CharField(max_length=16, default="log-on", help_text="How the session is known.")
    origin = models.CharField(max_length=160, blank=True, help_text="The event that began it: its type and id.")
    overlaps = models.JSONField(
        default=list, blank=True, help_text="Agents who logged on there before and did not log off: nobody is named."
    )

    class Meta:
        db_table = "agents_presence"  # Its former name: programs of an earlier release still use it in an upgrade.
        ordering = ["-since"]
        verbose_name = "agent session"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "device_id"], condition=Q(until=None), name="agents_one_agent_a_device"
            )
        ]
        indexes = [
            models.Index(fields=["source", "device_id", "since"], name="agents_who_sat_there_when"),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} at {self.device_id}"


class CallsAtRisk(models.Model):
    """How many calls of an extension could not be flagged on a day because nobody was matched; ``calls`` reports it."""

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="calls_at_risk")
    device_id = models.CharField(max_length=255)
    day = models.DateField(help_text="By the site's clock.")
    calls = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "calls at risk"
        constraints = [models.UniqueConstraint(fields=["source", "device_id"], name="agents_calls_at_risk_once")]

    def __str__(self) -> str:
        return f"{self.calls} at {self.device_id}"


class QmsUser(models.Model):
    """A user of QMS as one Recording Service last listed it; kept, marked gone, when it is no longer listed."""

    service = models.ForeignKey(RecordingService, models.CASCADE, related_name="users")
    user_id = models.CharField(max_length=255)
    user_name = models.CharField(max_length=255, blank=True)
    first_name = models.CharField(max_length=255, blank=True)
    last_name = models.CharField(max_length=255, blank=True)
    extension = models.CharField(max_length=255, blank=True)
    agent_id = models.CharField(max_length=255, blank=True)
    department_name = models.CharField(max_length=255, blank=True)
    recording_service = models.CharField(max_length=255, blank=True)
    active = models.BooleanField(default=True)
    licence = models.CharField(max_length=16)
    loaded_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["extension", "last_name"]
        verbose_name = "QMS user"
        constraints = [models.UniqueConstraint(fields=["service", "user_id"], name="agents_qms_user_once")]
        indexes = [
            models.Index(  # Serves matching: the users at an extension.
                fields=["extension"], condition=Q(gone_at=None), name="agents_users_at_extension"
            )
        ]

    def __str__(self) -> str:
        return f"{self.full_name} ({self.extension or 'no extension'})"

    @property
    def full_name(self) -> str:
        """Return first and last name."""
        return f"{self.first_name} {self.last_name}".strip()


class MappingAct(models.Model):
    """An administrator says which QMS user an agent is, or (``after`` empty) that no such word holds any more.

    The last act of an agent counts. Rows are only ever added: they are the history too.
    """

    agent = models.ForeignKey(Agent, models.PROTECT, related_name="mapping_acts")
    number = models.PositiveIntegerField(editable=False, help_text="Counts the agent's acts from 1.")
    before = models.ForeignKey(QmsUser, models.PROTECT, null=True, blank=True, editable=False, related_name="+")
    after = models.ForeignKey(
        QmsUser,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="mapping_acts",
        verbose_name="QMS user",
        help_text="Whose recordings are made wherever this agent sits. Empty: the agent's mapping ends.",
    )
    before_name = models.CharField("before", max_length=255, blank=True, editable=False)
    after_name = models.CharField("after", max_length=255, blank=True, editable=False)
    reason = models.CharField(max_length=255, help_text="Why; it is shown wherever the mapping is used.")
    by = models.CharField(max_length=150, editable=False)
    at = models.DateTimeField("when", editable=False)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "manual mapping"
        verbose_name_plural = "manual mappings"
        constraints = [
            models.UniqueConstraint(fields=["agent", "number"], name="agents_mapping_acts_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.agent}: {self.before_name or 'nobody'} -> {self.after_name or 'nobody'}"


class Trigger(models.TextChoices):
    """Why users were loaded."""

    START = "start", "at start"
    DAILY = "daily", "daily"
    BUTTON = "button", 'button "Refresh QMS users"'
    COMMAND = "command", "command sync_users"
    FILE = "file", "file import"


class RefreshState(models.TextChoices):
    """How a load of users went."""

    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed; the last good list is kept"
    SUSPICIOUS = "suspicious", "much smaller than before; the last good list is kept until confirmed"


class UserRefresh(models.Model):
    """One load of the users of a Recording Service, with its progress and what it changed."""

    service = models.ForeignKey(RecordingService, models.CASCADE, related_name="refreshes")
    trigger = models.CharField(max_length=16, choices=Trigger.choices)
    state = models.CharField(max_length=16, choices=RefreshState.choices, default=RefreshState.RUNNING)
    asked_by = models.CharField(max_length=150, blank=True)
    started_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True, help_text="When a process began to load.")
    progress_at = models.DateTimeField(null=True, help_text="The last sign of life of the process that loads.")
    finished_at = models.DateTimeField(null=True, blank=True)
    loaded = models.PositiveIntegerField(default=0)
    accepts_down_to = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="A smaller list is accepted when it has at least this many users: someone confirmed it.",
    )
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    unreadable = models.PositiveIntegerField(default=0, help_text="Listed in a way that cannot be read, and left out.")
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "user sync"
        verbose_name_plural = "user syncs"
        constraints = [
            models.UniqueConstraint(  # One load at a time for each service.
                fields=["service"], condition=Q(state="running"), name="agents_one_refresh_a_service"
            )
        ]

    def __str__(self) -> str:
        return f"{self.service} {shown(self.started_at)}"


class UserChange(models.Model):
    """What a load changed about one user."""

    refresh = models.ForeignKey(UserRefresh, models.CASCADE, related_name="changes")
    user_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=8, choices=[("added", "added"), ("changed", "changed"), ("gone", "gone")])
    field = models.CharField(max_length=32, blank=True)
    before = models.CharField(max_length=255, blank=True)
    after = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.field}"


class ShiftCheck(models.Model):
    """One look, before a shift, at everybody who may log on: how many are ready, and whose calls would be lost."""

    at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True, unique=True, help_text="Empty: someone asked for it.")
    asked_by = models.CharField(max_length=150, blank=True)
    ready = models.PositiveIntegerField(default=0)
    doubtful = models.PositiveIntegerField("to check", default=0)
    troubled = models.PositiveIntegerField("cannot be flagged", default=0)

    class Meta:
        ordering = ["-id"]
        verbose_name = "pre-shift check"

    def __str__(self) -> str:
        return shown(self.at)


class ShiftTrouble(models.Model):
    """What a check found wrong or doubtful at one extension, or with the users of a Recording Service."""

    check_run = models.ForeignKey(ShiftCheck, models.CASCADE, related_name="troubles")
    source = models.CharField(max_length=64, blank=True)
    device_id = models.CharField("extension", max_length=255, blank=True)
    agent = models.CharField(max_length=511, blank=True)
    kind = models.CharField(max_length=20, help_text="matched: to check only.")
    reason = models.CharField(max_length=500)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.device_id} {self.kind}"
