"""What other apps may use of the CTI sources and the journal."""

from cti.archive.archiver import archive_journals, erase_from_archives, is_archiving, source_archive
from cti.archive.files import ArchivedFrame, ArchiveError, entries_of
from cti.archive.frames import FrameError, FrameHeader
from cti.archive.reach import oldest_event
from cti.bounds import JOURNAL as JOURNAL_BOUND
from cti.http_intake.tokens import TokenFacts, TokenRefusal, authenticate, mint_token
from cti.journal.archive_status import ArchiveStatus, archive_reports
from cti.journal.call_requests import CallReport, ask_for_call, ask_to_end_call, reported_call
from cti.journal.database_memory import (
    KeptAnswer,
    RememberedDatabase,
    keep_answers,
    kept_answers,
    remember_database,
    remember_fold,
    remembered_database,
)
from cti.journal.dedup import Appended, Arrival, append_unique
from cti.journal.entry_ids import entry_order
from cti.journal.erased_calls import ErasedCalls
from cti.journal.fold_marks import folded_by, note_folded
from cti.journal.handed_events import hand_to_listener
from cti.journal.refusals import Refusals, refused_lately
from cti.journal.source_leases import SourceLeases
from cti.journal.stream import (
    START,
    Entry,
    Fenced,
    JournalError,
    JournalState,
    JournalUnavailable,
    advance_journal,
    erase_from_journal,
    erased_in_journal,
    journal_key,
    journal_state,
    read_journal,
    trim_journal,
)
from cti.journal.wakeups import answers_stream, searches_stream, settled_stream, wait_for_entries, wake, writes_stream
from cti.listener.source_config import SecretMissing, resolve_secret, source_config
from cti.quarantine import record_quarantine, record_quarantined
from cti.source_bounds import SourceLoad, bounds_in_use, forget_bounds, publish_load, read_load
from cti.status_text import quiet_intake_text, quiet_text

__all__ = [
    "JOURNAL_BOUND",
    "START",
    "Appended",
    "ArchiveError",
    "ArchiveStatus",
    "ArchivedFrame",
    "Arrival",
    "CallReport",
    "Entry",
    "ErasedCalls",
    "Fenced",
    "FrameError",
    "FrameHeader",
    "JournalError",
    "JournalState",
    "JournalUnavailable",
    "KeptAnswer",
    "Refusals",
    "RememberedDatabase",
    "SecretMissing",
    "SourceLeases",
    "SourceLoad",
    "TokenFacts",
    "TokenRefusal",
    "advance_journal",
    "answers_stream",
    "append_unique",
    "archive_journals",
    "archive_reports",
    "ask_for_call",
    "ask_to_end_call",
    "authenticate",
    "bounds_in_use",
    "entries_of",
    "entry_order",
    "erase_from_archives",
    "erase_from_journal",
    "erased_in_journal",
    "folded_by",
    "forget_bounds",
    "hand_to_listener",
    "is_archiving",
    "journal_key",
    "journal_state",
    "keep_answers",
    "kept_answers",
    "mint_token",
    "note_folded",
    "oldest_event",
    "publish_load",
    "quiet_intake_text",
    "quiet_text",
    "read_journal",
    "read_load",
    "record_quarantine",
    "record_quarantined",
    "refused_lately",
    "remember_database",
    "remember_fold",
    "remembered_database",
    "reported_call",
    "resolve_secret",
    "searches_stream",
    "settled_stream",
    "source_archive",
    "source_config",
    "trim_journal",
    "wait_for_entries",
    "wake",
    "writes_stream",
]
