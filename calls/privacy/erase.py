"""Erase a caller from all that the gateway keeps: legs, traces, flag values, quarantine, exports, journal,
archive.

What was written to QMS stands there; its administrator erases it by the recordings that are listed. Times, agents,
queues and outcomes stay: they are no data of the caller.
"""

import re
from collections.abc import Iterator
from datetime import datetime

import msgspec
from django.db import transaction
from django.db.models import Q, QuerySet
from msgspec.structs import replace

from calls.core.state import LegData, LegPhase, LegState
from calls.export.jobs import path_of
from calls.models import Call, ExportJob, Leg
from calls.privacy.subject import ErasureSubject, SubjectKind, number_spellings, pattern_of
from calls.storage.codec import LEG_FIELDS, leg_row, read_call, read_leg
from calls.storage.compact import is_compact
from cti.api import START, erase_from_archives, erase_from_journal
from cti.models import CtiSource, QuarantinedMessage
from evidence.api import forget_salts
from flags.api import erase_values

#: Legs in one transaction; messages of quarantine read at once.
AT_ONCE = 500
#: Recordings that are listed for QMS's administrator.
LISTED_RECORDINGS = 1000


class ErasureCounts(msgspec.Struct, frozen=True):
    """What an erasure concerns. ``undecided``: legs that are still worked on; they are left, and need a second run."""

    legs: int
    undecided: int
    quarantine: int
    exports: int
    recordings: list[str]


def preview(subject: ErasureSubject) -> ErasureCounts:
    """Count what an erasure would concern; change nothing."""
    legs = _legs(subject)
    guids = legs.exclude(recording_guid=None).order_by("-id").values_list("recording_guid", flat=True)
    return ErasureCounts(
        legs=legs.filter(phase=LegPhase.SETTLED.value).count(),
        undecided=legs.exclude(phase=LegPhase.SETTLED.value).count(),
        quarantine=sum(1 for _ in _quarantined(subject)),
        exports=_exports().count(),
        recordings=[str(guid) for guid in guids[:LISTED_RECORDINGS]],
    )


def erase(subject: ErasureSubject, now: datetime) -> ErasureCounts:
    """Erase, and return what it concerned; safe to repeat. Raises ``JournalUnavailable`` when the journal is
    away, ``ArchiveError`` when the archive on this machine cannot be searched."""
    found = preview(subject)
    caller = pattern_of(subject)
    for source in CtiSource.objects.select_related("checkpoint"):
        erase_from_journal(source.slug, source.checkpoint.last_id if hasattr(source, "checkpoint") else START, caller)
    erase_from_archives(caller)  # After the journal: what was copied from it meanwhile is found here.
    while keys := _some_settled(subject):
        _erase_legs(keys, now)
    QuarantinedMessage.objects.filter(pk__in=list(_quarantined(subject))).delete()
    for job in _exports():
        path_of(job).unlink(missing_ok=True)
        job.delete()
    Call.objects.filter(pk__in=_remembered(caller)).delete()
    return found


def _legs(subject: ErasureSubject) -> QuerySet[Leg]:
    if subject.kind is SubjectKind.NUMBER:
        numbers = number_spellings(subject.value)
        return Leg.objects.filter(Q(calling_number__in=numbers) | Q(called_number__in=numbers))
    if subject.kind is SubjectKind.NAME:
        return Leg.objects.filter(caller_name=subject.value)
    return Leg.objects.filter(pk__in=_of_interaction(subject.value))


def _of_interaction(interaction_id: str) -> list[int]:
    """Return the legs of an interaction that know something of their caller, even if only query data."""
    rows = Leg.objects.filter(interaction_id=interaction_id).values_list("pk", "facts", "trace").iterator(AT_ONCE)
    return [pk for pk, facts, trace in rows if _knows_caller(read_leg(facts, trace).facts)]


def _knows_caller(facts: LegData) -> bool:
    return any((facts.caller_name, facts.calling_number, facts.called_number, facts.query_data))


def _some_settled(subject: ErasureSubject) -> list[int]:
    settled = _legs(subject).filter(phase=LegPhase.SETTLED.value)
    return list(settled.order_by("id").values_list("pk", flat=True)[:AT_ONCE])


def _erase_legs(keys: list[int], now: datetime) -> None:
    with transaction.atomic():
        forget_salts(keys)
        for row in Leg.objects.select_for_update().filter(pk__in=keys):
            erased = without_caller(read_leg(row.facts, row.trace))
            values = leg_row(row.source_id, erased, now, compact=is_compact(row.facts))
            columns = dict(zip(LEG_FIELDS, values, strict=True))
            Leg.objects.filter(pk=columns.pop("id")).update(**columns)
        erase_values(keys)


#: What a leg knows of its call that is not about the caller.
_KEPT = ("interaction_id", "queue_name", "direction")


def without_caller(leg: LegState) -> LegState:
    """Return a leg without what is known of its caller, in its facts and in its decision trace."""
    facts = leg.facts
    values = [one for one in (facts.caller_name, facts.calling_number, facts.called_number) if one]
    values += [value for value in facts.query_data.values() if value]
    origins = {name: one for name, one in facts.origins.items() if name in _KEPT}
    kept = LegData(**{name: getattr(facts, name) for name in _KEPT}, origins=origins)
    trace = tuple(replace(step, text=_blanked(step.text, values)) for step in leg.trace)
    return replace(leg, facts=kept, trace=trace, reason=_blanked(leg.reason, values))


def _blanked(text: str, values: list[str]) -> str:
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "\N{HORIZONTAL ELLIPSIS}")
    return text


def _quarantined(subject: ErasureSubject) -> Iterator[int]:
    caller = pattern_of(subject)
    for key, raw in QuarantinedMessage.objects.values_list("pk", "raw").iterator(AT_ONCE):
        if caller.search(bytes(raw)):
            yield key


def _remembered(caller: re.Pattern[bytes]) -> list[int]:
    """Return the calls in the cache that know the caller; a call in progress is kept, and so are its legs."""
    live = set(Leg.objects.exclude(phase=LegPhase.SETTLED.value).values_list("source_id", "call_id"))
    rows = Call.objects.values_list("pk", "source_id", "call_id", "facts").iterator(AT_ONCE)
    idle = ((pk, read_call(facts)) for pk, source, call, facts in rows if (source, call) not in live)
    return [pk for pk, state in idle if caller.search(msgspec.json.encode(state))]


def _exports() -> QuerySet[ExportJob]:
    """Return every export with callers: a file is not searched, it is made again."""
    return ExportJob.objects.filter(with_callers=True)
