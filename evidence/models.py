"""The evidence: entries in blocks, a seal for each day, the site's keys. Of what is added only salts ever go."""

from django.db import models

from vault.fields import EncryptedTextField


class EvidenceHead(models.Model):
    """Where the chain ends; whoever appends holds this row. There is one.

    ``last_write_id``: up to here flag writes are entries or pending; ``sweep_from`` and ``sweep_until`` bound those
    that are looked through once more for what was committed late. ``pending_after``: where the next look begins.
    """

    last_entry = models.BigIntegerField(default=0)
    last_block = models.BigIntegerField(default=0)
    last_hash = models.CharField(max_length=64, default="0" * 64)
    last_day = models.DateField(null=True)
    last_write_id = models.BigIntegerField(default=0)
    pending_after = models.BigIntegerField(default=0)
    sweep_from = models.BigIntegerField(default=0)
    sweep_until = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"entry {self.last_entry} of block {self.last_block}"


class EvidenceBlock(models.Model):
    """Some entries that were appended at once. ``header``: the text that is hashed; it names the block before."""

    number = models.BigIntegerField(primary_key=True)
    day = models.DateField(db_index=True, help_text="The day, by the site's clock, whose seal covers it.")
    header = models.TextField()
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"block {self.number}"


class EvidenceEntry(models.Model):
    """What was decided and written at one end of a flag write. ``salts`` go when the caller is erased; all else stays.

    ``write_end`` counts the ends of a write: one that is retried ends more than once.
    """

    number = models.BigIntegerField(primary_key=True)
    block = models.ForeignKey(EvidenceBlock, models.CASCADE, related_name="entries")
    recording_guid = models.CharField(max_length=64)
    leg_id = models.BigIntegerField()
    write_id = models.BigIntegerField()
    write_end = models.PositiveIntegerField()
    body = models.TextField()
    salts = models.JSONField(default=dict, help_text="Flag name to salt, hexadecimal; none once the caller is erased.")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["write_id", "write_end"], name="evidence_once_an_end")]
        indexes = [
            models.Index(fields=["recording_guid"], name="evidence_of_recording"),  # Serves the export.
            models.Index(fields=["leg_id"], name="evidence_of_leg"),  # Serves the erasure.
        ]

    def __str__(self) -> str:
        return f"entry {self.number}"


class EvidencePending(models.Model):
    """A flag write that has to be looked at again. ``end``: its last end that is an entry; None: it has not ended."""

    write_id = models.BigIntegerField(primary_key=True)
    end = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return str(self.write_id)


class EvidenceKey(models.Model):
    """A signing key of the site (Ed25519). The private half is encrypted with ``VAULT_KEYS``."""

    public = models.CharField(max_length=64, primary_key=True, help_text="Hexadecimal; give it to those who verify.")
    private = EncryptedTextField(blank=True)
    made_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)
    change = models.TextField(blank=True, help_text="The change from the key before, signed by both.")

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return self.public[:16]


class EvidenceSeal(models.Model):
    """A day's signature. ``statement``: the text that is signed; it names the seal before."""

    day = models.DateField(primary_key=True)
    statement = models.TextField()
    signature = models.CharField(max_length=128)
    key = models.ForeignKey(EvidenceKey, models.PROTECT, related_name="seals")
    blocks = models.BigIntegerField()
    entries = models.BigIntegerField()
    at = models.DateTimeField("sealed")

    class Meta:
        ordering = ["-day"]
        verbose_name = "evidence seal"

    def __str__(self) -> str:
        return f"{self.day}"


class EvidenceSealFile(models.Model):
    """What a machine's file of seals said at the last comparison, for the page and the alarm; the file is what counts.

    It lies in the database that it guards, and can only stop a seal: by ``problems`` of another machine, and by
    ``seals``, which shows that the file is gone or lost lines. ``pass_at``, ``next_day`` and ``faults`` are copies of
    what the machine keeps beside its file (``evidence.progress``), and no comparison reads them.
    """

    file = models.CharField(max_length=64, primary_key=True)
    host = models.CharField(max_length=255)
    path = models.TextField()
    begun_at = models.DateTimeField()
    compared_at = models.DateTimeField()
    seals = models.PositiveIntegerField(default=0)
    first_day = models.CharField(max_length=10, blank=True)
    last_day = models.CharField(max_length=10, blank=True)
    problems = models.JSONField(default=list)
    faults = models.JSONField(default=dict)
    next_day = models.DateField(null=True)
    pass_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.path} on {self.host}"
