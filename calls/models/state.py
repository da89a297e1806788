"""What the consumer keeps between batches: checkpoints of sources, and the calls in progress."""

from django.db import models
from django.db.models import Q

from cti.models import CtiSource


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
