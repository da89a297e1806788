"""CTI sources, who may post to them, what they sent that could not be read, and how their links are."""

from collections.abc import Iterator

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from cti.sources.registry import kind_choices, source_kinds
from vault.fields import EncryptedTextField


class Seating(models.TextChoices):
    """How agents and extensions belong together at a source."""

    HOT_DESK = "hot_desk", "hot desks: an agent sits at one extension, and moves"
    FREE = "free", "free: an agent may be logged on at several extensions"
    FIXED = "fixed", "fixed: each agent has an extension; who logs on at another's is not matched"


#: Maximum number of test extensions of a source.
MAXIMUM_CANARIES = 20


class CanaryWay(models.TextChoices):
    """How a canary call is made."""

    EVENTS = "events", "events alone: no phone rings"
    ORIGINATE = "originate", "a real call that the PBX makes from the test extension"


class CtiSource(models.Model):
    """One CTI server or PBX link; its events are one ordered sequence."""

    slug = models.SlugField("name", max_length=64, unique=True)
    kind = models.CharField(max_length=32, choices=kind_choices)
    enabled = models.BooleanField(default=True)
    host = models.CharField(max_length=255, blank=True)
    port = models.PositiveIntegerField(null=True, blank=True)
    tls = models.BooleanField("TLS", default=False, help_text="Encrypt the link and check the host's certificate.")
    ca_file = models.CharField(
        "CA file", max_length=500, blank=True, help_text="Path of the CA bundle; empty: the system's."
    )
    username = models.CharField(max_length=255, blank=True)
    secret = EncryptedTextField(blank=True, default="")
    secret_env = models.CharField(
        max_length=255, blank=True, help_text="Environment variable that holds the secret (or NAME_FILE)."
    )
    devices = models.JSONField(
        default=list,
        blank=True,
        help_text="Extensions to monitor. CSTA XML hears only these; else empty means all that are no queue or trunk.",
    )
    queues = models.JSONField(default=dict, blank=True, help_text="Queue devices and their names.")
    seating = models.CharField(max_length=16, choices=Seating.choices, default=Seating.HOT_DESK)
    options = models.JSONField(default=dict, blank=True, help_text="Settings of the kind, see the manual.")
    canary_extensions = models.JSONField(
        "test extensions",
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="Extensions used for canary calls and for nothing else. None: no canary calls.",
    )
    canary_minutes = models.PositiveSmallIntegerField(
        "canary interval",
        default=15,
        db_default=15,
        validators=[MinValueValidator(5), MaxValueValidator(1440)],
        help_text="Minutes within which a broken part shows, 5 to 1,440: the next canary call begins about four "
        "minutes before they are over.",
    )
    canary_way = models.CharField(
        "way of the canary call",
        max_length=12,
        choices=CanaryWay.choices,
        default=CanaryWay.EVENTS,
        db_default=CanaryWay.EVENTS,
        help_text="A real call needs a CSTA or Asterisk source, a test phone that answers by itself, and the PBX's "
        "permission to make calls.",
    )
    canary_destination = models.CharField(
        "number to call",
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="What the test extension calls in a real call: an announcement that hangs up by itself, never a "
        "person or a queue.",
    )
    canary_recorder_api = models.CharField(
        "recorder's control address",
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text="For events alone: where a recorder that can be driven (the simulated QMS) begins and ends a test "
        "recording, for example http://127.0.0.1:8090. Empty: no recording is expected, and none is flagged.",
    )

    class Meta:
        ordering = ["slug"]
        verbose_name = "CTI source"

    def __str__(self) -> str:
        return self.slug

    def clean(self) -> None:
        """Refuse canary settings that would call a person, or that this kind of source cannot carry out."""
        problems = dict(canary_problems(self))
        if problems:
            raise ValidationError(problems)

    @property
    def has_canary_recordings(self) -> bool:
        """Say whether canary calls are recorded: else a recording that QMS names is another call's."""
        return self.has_real_canaries or bool(self.canary_recorder_api)

    @property
    def has_real_canaries(self) -> bool:
        """Say whether canary calls are real calls, which the PBX makes."""
        return self.canary_way == CanaryWay.ORIGINATE


def canary_problems(source: CtiSource) -> Iterator[tuple[str, str]]:
    """Yield the fields of a source's canary settings that are wrong, and why."""
    kind = source_kinds().get(source.kind)
    is_real = source.canary_way == CanaryWay.ORIGINATE
    known = {*map(str, source.devices), *map(str, source.queues), *map(str, source.canary_extensions)}
    if is_real and (kind is None or not kind.can_make_calls):
        yield "canary_way", "A source of this kind cannot make calls: choose events alone."
    elif is_real and not source.canary_destination:
        yield "canary_destination", "Enter what the test extension calls: an announcement, for example."
    if source.canary_destination and source.canary_destination in known:
        yield "canary_destination", "This is an extension or a queue of this source: a canary calls nobody."
    if is_real and source.canary_recorder_api:
        yield "canary_recorder_api", "A real call is recorded by itself: leave this empty."
    if source.canary_recorder_api and not source.canary_recorder_api.startswith(("http://", "https://")):
        yield "canary_recorder_api", "Begin with http:// or https://."
    if len(source.canary_extensions) > MAXIMUM_CANARIES:
        yield NON_FIELD_ERRORS, f"A source has at most {MAXIMUM_CANARIES} test extensions."
    elif wrong := next(filter(None, (_wrong_test_extension(source, one) for one in source.canary_extensions)), ""):
        yield NON_FIELD_ERRORS, wrong


def _wrong_test_extension(source: CtiSource, extension: str) -> str:
    """Say why no canary call can be made at an extension; "" where one can."""
    if not extension or extension != extension.strip() or len(extension) > 255 or not extension.isprintable():
        return "A test extension has 1 to 255 characters, none of them a space at its ends or a control character."
    if source.canary_extensions.count(extension) > 1:
        return f"Test extension {extension} is listed twice."
    if extension in source.queues or extension in source.options.get("ignored_devices", ()):
        return f"Test extension {extension} is a queue or an ignored device of this source: it never has a leg."
    return ""


class LinkState(models.TextChoices):
    """What the listener of a source is doing."""

    NEVER = "never", "never connected"
    CONNECTING = "connecting", "connecting"
    UP = "up", "connected"
    DOWN = "down", "disconnected"
    SPOOLING = "spooling", "connected; Redis is away, events are kept in a file"
    STANDBY = "standby", "standing by"


class LinkStatus(models.Model):
    """The listener's own report about one source, refreshed every few seconds."""

    source = models.OneToOneField(CtiSource, models.CASCADE, related_name="status", primary_key=True)
    state = models.CharField(max_length=16, choices=LinkState.choices, default=LinkState.NEVER)
    since = models.DateTimeField(null=True)
    leader = models.CharField(max_length=128, blank=True)
    leading_since = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True, help_text="When the listener last gave a sign of life.")
    last_event_at = models.DateTimeField(null=True)
    last_call_at = models.DateTimeField(null=True, help_text="When the last event of a call came.")
    events = models.BigIntegerField(default=0, help_text="Events accepted since the listener started.")
    events_per_second = models.FloatField(default=0)
    last_error = models.CharField(max_length=500, blank=True)
    last_error_at = models.DateTimeField(null=True)
    lack = models.CharField(
        max_length=500, blank=True, help_text="What the PBX does not give though the link is up, and what to do."
    )
    monitors_refused = models.JSONField(default=dict, help_text="Device: the PBX's reason.")
    monitors_again = models.JSONField(
        default=dict, encoder=DjangoJSONEncoder, help_text="Device: when the PBX is asked again to monitor it."
    )
    spooled = models.BigIntegerField(default=0)
    epoch = models.BigIntegerField(
        default=0, editable=False, help_text="The newest epoch of the journal's ids; the next one is greater."
    )

    class Meta:
        verbose_name_plural = "link statuses"

    def __str__(self) -> str:
        return f"{self.source_id}: {self.get_state_display()}"


class SeenDevice(models.Model):
    """A device that a source has seen, and how it is classified: as an extension, or as the outside (a trunk)."""

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="seen_devices")
    device = models.CharField(max_length=255)
    extension = models.CharField(max_length=255, blank=True)
    is_extension = models.BooleanField()
    reason = models.CharField(max_length=255)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["is_extension", "device"]
        constraints = [models.UniqueConstraint(fields=["source", "device"], name="cti_one_class_a_device")]

    def __str__(self) -> str:
        return self.device


class Scope(models.TextChoices):
    """What a token opens."""

    WRITE = "write", "post events and read legs"
    READ = "read", "read legs"


class IntakeToken(models.Model):
    """A bearer token of one source; only its SHA-256 is kept."""

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(max_length=8, choices=Scope.choices, default=Scope.WRITE)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_call_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When it last posted an event of a call."
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name or f"token {self.pk}"


class QuarantinedMessage(models.Model):
    """A message that could not be read: kept with its reason, never in the way of the next."""

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="quarantine")
    at = models.DateTimeField()
    kind = models.CharField(max_length=32, help_text="frame, message, event, json or rule.")
    error = models.CharField(max_length=1000)
    place = models.CharField(max_length=255, blank=True, help_text="Where in the stream or message.")
    raw = models.BinaryField(help_text="The first 64 KiB.")
    size = models.BigIntegerField(default=0)
    call_id = models.CharField(max_length=255, blank=True, help_text="The PBX's id of the call that it is about.")
    signature = models.CharField(max_length=64, blank=True, editable=False, help_text="Equal for equal messages.")
    count = models.PositiveBigIntegerField(default=1, help_text="How often it came within the hour.")
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When an operator ticked it off.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["source", "at"], name="cti_quarantine_hour"),  # Serves the limit of what is kept.
            models.Index(  # Serves the count of what nobody has looked at.
                fields=["source", "id"], condition=Q(seen_at=None), name="cti_quarantine_unseen"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.error[:60]}"
