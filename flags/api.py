"""The door to this app for the calls."""

from flags.creation import Creation, FlagAnswer, check_flags, create_flags
from flags.delivery import Delivered, deliver, services_with_due_writes
from flags.queueing import NewWrite
from flags.renaming import after_rename, note_rename
from flags.retrying import retry_all
from flags.showing import ShownValue, shown_values
from flags.specs import hash_key, load_specs
from flags.writes import (
    Refusal,
    Settled,
    give_up,
    mark_folded,
    queue_writes,
    retry,
    settled_writes,
)
from flags.written import WrittenFlag, forget_writes, written_flags

__all__ = [
    "Creation",
    "Delivered",
    "FlagAnswer",
    "NewWrite",
    "Refusal",
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
