"""What other apps may use of the Flags: their settings, the outbox, the delivery and its alerts."""

from flags.call_lookup import register_call_lookup
from flags.catalogue.flag_settings import hash_key, load_specs
from flags.catalogue.preview import PreviewCall
from flags.catalogue.redaction import ShownValue, facts_values, shown_values
from flags.catalogue.renames import after_rename, note_rename
from flags.catalogue.values import written_text
from flags.catalogue.written import expected_values, names_ever_written, note_names, written_names
from flags.delivery.worker import DeliveryRun, deliver, is_any_free, next_due
from flags.outbox.alerts import OfReason, open_alerts, open_by_reason, raised_by_reason
from flags.outbox.bulk_insert import NewWrite
from flags.outbox.claims import UNKNOWN
from flags.outbox.doubt import put_in_doubt, put_legs_in_doubt
from flags.outbox.error_texts import REASONS, in_plain_words
from flags.outbox.made_writes import MadeWrite, made_writes
from flags.outbox.queue import (
    QueueRefusal,
    Settled,
    give_up,
    mark_folded,
    queue_writes,
    retry,
    settled_writes,
    sources_of_settled,
)
from flags.outbox.retry_runs import retry_all
from flags.outbox.written_flags import ERASED, WrittenFlag, erase_values, forget_writes, sent_values, written_flags
from flags.provisioning.create import Creation, FlagAnswer, check_flags, create_flags

__all__ = [
    "ERASED",
    "REASONS",
    "UNKNOWN",
    "Creation",
    "DeliveryRun",
    "FlagAnswer",
    "MadeWrite",
    "NewWrite",
    "OfReason",
    "PreviewCall",
    "QueueRefusal",
    "Settled",
    "ShownValue",
    "WrittenFlag",
    "after_rename",
    "check_flags",
    "create_flags",
    "deliver",
    "erase_values",
    "expected_values",
    "facts_values",
    "forget_writes",
    "give_up",
    "hash_key",
    "in_plain_words",
    "is_any_free",
    "load_specs",
    "made_writes",
    "mark_folded",
    "names_ever_written",
    "next_due",
    "note_names",
    "note_rename",
    "open_alerts",
    "open_by_reason",
    "put_in_doubt",
    "put_legs_in_doubt",
    "queue_writes",
    "raised_by_reason",
    "register_call_lookup",
    "retry",
    "retry_all",
    "sent_values",
    "settled_writes",
    "shown_values",
    "sources_of_settled",
    "written_flags",
    "written_names",
    "written_text",
]
