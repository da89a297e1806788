"""Gather what the answers to "Why was this recording not flagged?" need, in a few indexed queries."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from agents.api import load_directory
from agents.models import Allocation
from calls.core.device_lists import DeviceLists
from calls.core.outcomes import Outcome
from calls.core.state import LegPhase, LegState
from calls.explain.texts.leg_outcome import Explanation, GapCase, LegCase, WriteCase, explain
from calls.explain.texts.no_leg import CLOSE, SLACK, Near, NothingCase, SourceCase, SourceCoverage, explain_nothing
from calls.models import SWITCHED_OFF, Checkpoint, Gap, Leg, RecordingSearch, SearchState, has_recording
from calls.storage.codec import read_leg
from cti.api import START, JournalError, read_journal
from cti.events import EventError, decode
from cti.models import CtiSource, LinkStatus, QuarantinedMessage
from cti.sources.port import REPAIRED
from cti.sources.registry import source_kind
from flags.models import UNSETTLED, FlagWrite
from history.former_values import values_at
from qms.guids import spellings

#: Maximum of legs that one question is answered for; those without flags come first.
MAXIMUM_LEGS = 20
#: Maximum of an extension's legs that are read before a moment.
LOOKED_AT = 50
#: Maximum number of sources, of gaps, and of similar extensions that are named.
MAXIMUM_SOURCES = 50
#: Maximum number of gaps named in an answer.
MAXIMUM_GAPS = 3
#: Maximum number of similar extensions named in an answer.
MAXIMUM_NEAR = 3
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
#: Number of an extension's newest legs offered where no time was given.
NEWEST = 5


class Question(msgspec.Struct, frozen=True):
    """A GUID, call reference or interaction; with a time an extension too."""

    text: str
    at: datetime | None = None


def answers(question: Question, now: datetime) -> list[Explanation]:
    """Answer a question: one answer for each leg that fits, or one that says what it means that none does."""
    zone = timezone.get_current_timezone()
    if rows := _fitting(question):
        cases = [_leg_case(row) for row in rows]
        return [explain(case, zone) for case in sorted(cases, key=_rank)]
    return [explain_nothing(_nothing(question, now), zone)]


def _rank(case: LegCase) -> int:
    return {Outcome.FLAGGED: 2, Outcome.WAITING: 1}.get(case.leg.outcome, 0)


def _fitting(question: Question) -> list[Leg]:
    """Return the legs that fit, those of the time before those of the name alone: references are used again."""
    named = _named(question.text)
    if question.at is None:
        return named
    then = [row for row in named if _lasted(row, 1, question.at - SLACK, question.at + SLACK)]
    return then or _at_extension(question.text, question.at) or named


def _named(text: str) -> list[Leg]:
    """Return the newest legs with this GUID, call reference or interaction.

    One query for each: together no index would serve them.
    """
    wanted = (Q(has_recording(), recording_guid__in=spellings(text.strip())), Q(call_id=text), Q(interaction_id=text))
    for one in wanted:
        found: QuerySet[Leg] = Leg.objects.filter(one).select_related("source", "service").order_by("-connected_at")
        if rows := list(found[:MAXIMUM_LEGS]):
            return rows
    return []


def _at_extension(extension: str, at: datetime) -> list[Leg]:
    """Return the legs that were there at a time, as far as clocks agree: one beside it is another call's.

    A time without seconds is that minute.
    """
    since, until = at - CLOSE, (at if at.second else at + MINUTE) + CLOSE
    before = Leg.objects.filter(device_id=extension, connected_at__lte=until)
    rows = before.select_related("source", "service").order_by("-connected_at")[:LOOKED_AT]
    return [row for place, row in enumerate(rows) if _lasted(row, place, since, until)][:MAXIMUM_LEGS]


def _lasted(row: Leg, place: int, since: datetime, until: datetime) -> bool:
    """Say whether a leg was there in a time; of one whose end is not known only the last before it."""
    if row.connected_at > until:
        return False
    if row.disconnected_at is None or (row.end_unknown and place == 0):
        return True
    return row.disconnected_at >= since


def _leg_case(row: Leg) -> LegCase:
    leg = _read(row)
    search = RecordingSearch.objects.filter(leg_id=row.pk).select_related("service").order_by("-ordinal").first()
    is_user = leg.outcome in (
        Outcome.USER_UNMATCHED,
        Outcome.EXTENSION_CONFLICT,
        Outcome.USER_INACTIVE,
        Outcome.USER_UNLICENSED,
    )
    service = row.service or (search.service if search else None)
    return LegCase(
        key=row.pk,
        leg=leg,
        source=row.source.slug,
        service=service.slug if service else "",
        deadline=search.deadline if search and search.state == SearchState.OPEN else None,
        gap=_gap_before(row) if leg.outcome is Outcome.JOINED_LATE else None,
        verdict_now=load_directory(row.source_id).verdict(leg.device_id, leg.agent_id) if is_user else None,
        writes=_writes(row.pk),
    )


def _read(row: Leg) -> LegState:
    """Read a leg as the core holds it; by its columns where it was not saved by the consumer."""
    if row.facts:
        return read_leg(row.facts, row.trace)
    return LegState(
        number=0,
        call_id=row.call_id,
        incarnation=0,
        device_id=row.device_id,
        ordinal=row.ordinal,
        connected_source_at=row.connected_at,
        connected_gateway_at=row.connected_at,
        disconnected_source_at=row.disconnected_at,
        is_end_unknown=row.end_unknown,
        phase=LegPhase(row.phase),
        guid=row.recording_guid or "",
        outcome=Outcome(row.outcome),
        reason=row.reason,
        missed=row.reason_code,
        base_code=row.reason_code,
        base_error=row.reason,
    )


def _writes(leg_id: int) -> tuple[WriteCase, ...]:
    rows = FlagWrite.objects.filter(leg_id=leg_id, state__in=UNSETTLED)
    return tuple(
        WriteCase(part=row.part, attempts=row.attempts, error=row.error, not_before=row.not_before) for row in rows
    )


def _gap_before(row: Leg) -> GapCase | None:
    """Return the gap in which a leg that was seen late began."""
    found = _gaps(row.source, row.device_id, row.connected_at)
    return found[0] if found else None


def _gaps(source: CtiSource, extension: str, at: datetime, until: datetime | None = None) -> tuple[GapCase, ...]:
    """Return the gaps of a source, or of this extension of it, that cover a moment, give or take.

    ``until``: of a source that was switched off only those within [at, until], as the history has these to the second.
    """
    over = Q(ended_at=None) | Q(ended_at__gte=at - SLACK)
    own = Q(devices__isnull=True) | Q(devices__has_key=extension)
    rows = Gap.objects.filter(over, own, source=source, began_at__lte=at + SLACK).order_by("-began_at")
    ends = [(row, row.end_at(extension)) for row in rows[:LOOKED_AT]]
    found = [
        GapCase(
            source=source.slug,
            began_at=row.began_at,
            ended_at=end,
            reason=row.reason,
            extension=extension if row.devices is not None else "",
            is_off=row.reason == SWITCHED_OFF,
        )
        for row, end in ends
        if _is_over_after(end, at) and (until is None or row.reason != SWITCHED_OFF or _covers(row, at, until))
    ]
    return tuple(found[:MAXIMUM_GAPS])


def _covers(row: Gap, at: datetime, until: datetime) -> bool:
    return row.began_at <= until and (row.ended_at is None or row.ended_at >= at)


def _is_over_after(end: datetime | None, at: datetime) -> bool:
    return end is None or end >= at - SLACK


def _nothing(question: Question, now: datetime) -> NothingCase:
    oldest = Leg.objects.order_by("connected_at").values_list("connected_at", flat=True).first()
    case = NothingCase(
        text=question.text, at=question.at, now=now, keeps_days=settings.RETENTION_DAYS, oldest_at=oldest
    )
    legs = Leg.objects.filter(device_id=question.text)
    if question.at is None:
        newest = legs.order_by("-connected_at")[:NEWEST]
        return msgspec.structs.replace(case, newest=tuple(_near_leg(row) for row in newest))
    before = legs.filter(connected_at__lte=question.at).order_by("-connected_at")[:1]
    after = legs.filter(connected_at__gt=question.at).order_by("connected_at")[:1]
    return msgspec.structs.replace(
        case,
        sources=_sources(question.text, question.at),
        before=next((_near_leg(row) for row in before), None),
        after=next((_near_leg(row) for row in after), None),
    )


def _near_leg(row: Leg) -> Near:
    return Near(row.pk, row.connected_at, row.disconnected_at)


def _sources(extension: str, at: datetime) -> tuple[SourceCase, ...]:
    """Look at each source; a journal that does not answer is asked for one source only, each try takes seconds."""
    found: list[SourceCase] = []
    for source in CtiSource.objects.all()[:MAXIMUM_SOURCES]:
        found.append(_source(source, extension, at, is_journal_away=any(one.is_journal_away for one in found)))
    return tuple(found)


def _source(source: CtiSource, extension: str, at: datetime, *, is_journal_away: bool) -> SourceCase:
    refused, then = _refusal(source, extension), _settings_at(source, at)
    gaps = _gaps(source, extension, at, at + (SECOND if at.second else MINUTE))
    is_noted = source.enabled and any(gap.is_off for gap in gaps)  # Then the gap is what is said of it.
    hearing = _hearing(source, then, extension, refused, is_enabled=is_noted or then["Enabled"] is not False)
    now = {name: getattr(source, field) for name, field in _SETTINGS.items()}
    hearing_now = _hearing(source, now, extension, refused, is_enabled=source.enabled)
    case = SourceCase(
        slug=source.slug,
        hearing=hearing,
        near=_near(map(str, then["Devices"] or ()), extension),
        refused=refused,
        is_former=hearing is not hearing_now,
        hearing_now=hearing_now,
        is_listed=extension in _listed(then),
    )
    if case.has_extension():
        case = msgspec.structs.replace(
            case,
            has_service=Allocation.objects.filter(source=source, service__enabled=True).exists(),
            verdict=load_directory(source.pk).verdict(extension),
        )
    if hearing is not SourceCoverage.HEARD:
        off = tuple(gap for gap in gaps if gap.is_off)
        return msgspec.structs.replace(case, gaps=off) if hearing is SourceCoverage.DISABLED else case
    behind, is_away = (None, True) if is_journal_away else _behind(source)
    return msgspec.structs.replace(
        case,
        gaps=gaps,
        behind_since=behind,
        is_journal_away=is_away,
        unread=_unread(source, at),
    )


#: The settings that say whose calls have legs, as the history names them, and their fields.
_SETTINGS = {
    "Devices": "devices",
    "Queues": "queues",
    "Options": "options",
    "Test extensions": "canary_extensions",
    "Enabled": "enabled",
}


def _settings_at(source: CtiSource, at: datetime) -> dict[str, Any]:
    """Return a source's settings of a moment; today's where the history does not have them."""
    then = values_at(source, list(_SETTINGS), at)
    return {name: getattr(source, _SETTINGS[name]) if value is None else value for name, value in then.items()}


def _hearing(
    source: CtiSource, settings_then: dict[str, Any], extension: str, refused: str, *, is_enabled: bool
) -> SourceCoverage:
    if (why := _lists(source, settings_then).why_no_extension(extension)) is not None:
        return SourceCoverage(why)
    if not is_enabled:
        return SourceCoverage.DISABLED
    return SourceCoverage.REFUSED if refused else SourceCoverage.HEARD


def _listed(then: dict[str, Any]) -> frozenset[str]:
    """Return the extensions that a source has on a list of its own."""
    return frozenset(map(str, (*(then["Devices"] or ()), *(then["Test extensions"] or ()))))


def _lists(source: CtiSource, then: dict[str, Any]) -> DeviceLists:
    return DeviceLists(
        devices=frozenset(map(str, then["Devices"])),
        queues=frozenset(map(str, then["Queues"])),
        ignored=frozenset(map(str, (then["Options"] or {}).get("ignored_devices", ()))),
        canaries=frozenset(map(str, then["Test extensions"])),
        needs_devices=source_kind(source.kind).needs_devices,
    )


def _refusal(source: CtiSource, extension: str) -> str:
    status = LinkStatus.objects.filter(source=source).only("monitors_refused").first()
    return str(status.monitors_refused.get(extension, "")) if status else ""


def _near(devices: Iterable[str], extension: str) -> tuple[str, ...]:
    """Return the listed extensions that differ only by leading zeros or a longer form; shown, never matched."""
    bare = extension.lstrip("0+")
    found = [one for one in devices if one != extension and bare and _is_near(one.lstrip("0+"), bare)]
    return tuple(sorted(found)[:MAXIMUM_NEAR])


def _is_near(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= 3 and longer.endswith(shorter)


def _behind(source: CtiSource) -> tuple[datetime | None, bool]:
    """Return when the oldest event happened that waits to be folded, and whether the journal does not answer."""
    checkpoint = Checkpoint.objects.filter(source=source).values_list("last_id", flat=True).first()
    try:
        waiting = read_journal(source.slug, checkpoint or START, 1)
    except JournalError:
        return None, True
    try:
        return (decode(waiting[0].payload).time, False) if waiting else (None, False)
    except EventError:
        return None, False  # The consumer puts it into quarantine.


def _unread(source: CtiSource, at: datetime) -> int:
    found = QuarantinedMessage.objects.filter(source=source, at__gte=at - SLACK, at__lte=at + SLACK)
    return found.exclude(kind=REPAIRED).count()
