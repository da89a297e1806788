"""The door to this app for the calls."""

from flags.catalogue.redaction import ShownValue, shown_values
from flags.catalogue.renames import after_rename, note_rename
from flags.catalogue.specs import hash_key, load_specs
from flags.delivery.worker import DeliveryRun, deliver, services_with_due_writes
from flags.outbox.bulk_insert import NewWrite
from flags.outbox.retry_runs import retry_all
from flags.outbox.writes import QueueRefusal, Settled, give_up, mark_folded, queue_writes, retry, settled_writes
from flags.outbox.written import WrittenFlag, forget_writes, written_flags
from flags.provisioning.create import Creation, FlagAnswer, check_flags, create_flags

__all__ = [
    "Creation",
    "DeliveryRun",
    "FlagAnswer",
    "NewWrite",
    "QueueRefusal",
    "Settled",
    "ShownValue",
    "WrittenFlag",
    "after_rename",
    "check_flags",
    "create_flags",
    "deliver",
    "forget_writes",
    "give_up",
    "hash_key",
    "load_specs",
    "mark_folded",
    "note_rename",
    "queue_writes",
    "retry",
    "retry_all",
    "services_with_due_writes",
    "settled_writes",
    "shown_values",
    "written_flags",
]
