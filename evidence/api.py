"""What other apps may use of the evidence."""

from evidence.audit import AuditCount, chain_problems, chain_words, missing_seals
from evidence.chain import UnsealedEntry, UnsealedFlag, append, end_problem, forget_salts, held_head
from evidence.export import NoEvidence, export_of, has_evidence
from evidence.guard import seal_files, standing_problems
from evidence.keys import change_key, present_key
from evidence.retention import forget_entries
from evidence.seals import seal_days
from evidence.unsealed import oldest_unsealed

__all__ = [
    "AuditCount",
    "NoEvidence",
    "UnsealedEntry",
    "UnsealedFlag",
    "append",
    "chain_problems",
    "chain_words",
    "change_key",
    "end_problem",
    "export_of",
    "forget_entries",
    "forget_salts",
    "has_evidence",
    "held_head",
    "missing_seals",
    "oldest_unsealed",
    "present_key",
    "seal_days",
    "seal_files",
    "standing_problems",
]
