"""The door to this app for the calls."""

from flags.creation import Creation, FlagAnswer, check_flags, create_flags
from flags.specs import hash_key, load_specs
from flags.writes import NewWrite, Refusal, Settled, mark_folded, queue_writes, settled_writes
from flags.written import WrittenFlag, forget_writes, written_flags

__all__ = [
    "Creation",
    "FlagAnswer",
    "NewWrite",
    "Refusal",
    "Settled",
    "WrittenFlag",
    "check_flags",
    "create_flags",
    "forget_writes",
    "hash_key",
    "load_specs",
    "mark_folded",
    "queue_writes",
    "settled_writes",
    "written_flags",
]
