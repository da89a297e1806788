"""Compare the recordings of a span of time with the legs and flags that the gateway has; pure.

The comparison of one span has four steps:

1. A recording whose GUID a leg of ours has: its flags in QMS are compared with those that QMS had taken from us. Where
   it took one part alone, as the wrap-up after it had refused the others, these are missing.
2. A recording that no leg has, with flags of our names: somebody else flagged it.
3. A recording that no leg has, without flags of ours: the legs at its extension that were connected when it began are
   its candidates, those that were never to be flagged too. One candidate whose recording was sought, whose only
   recording this can be, and that ended with it, may be repaired; two are shown side by side.
4. A leg whose recording QMS did not list, and a leg that never learnt of one.

Example: extension 2001 is connected at 10:00:00, QMS is away until 10:00:30, and a recording of 2001 began at 10:00:00.
Step 3 finds one candidate, the leg's reason is "unreachable", and an operator may give the recording to the leg.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from gateway_site.reconciliation.candidates import ComparedLeg, candidates_of, is_near, is_one_time
from gateway_site.reconciliation.hearing import UNHEARD, SourceHearing, why_unheard
from qms.port import FlaggedRecording, Recording

#: The cause of a recording without a leg at an extension of no QMS user; and its causes at an extension of one.
NOT_FOLLOWED = "extension_not_followed"
WITHOUT_LEG = ("gap", "extension_gap", "source_off", "no_event", *UNHEARD)


class FindingKind(StrEnum):
    """What differs between QMS and the gateway."""

    UNFLAGGED = "recorded_without_flags"
    FOREIGN = "flagged_without_leg"
    DIFFERENT = "different_values"
    PARTLY = "some_flags_missing"
    NOT_LISTED = "recording_not_in_qms"
    NOT_RECORDED = "leg_without_recording"

    @property
    def is_of_a_recording(self) -> bool:
        """Say whether QMS has the recording: it counts against the target."""
        return self in (
            FindingKind.UNFLAGGED,
            FindingKind.FOREIGN,
            FindingKind.DIFFERENT,
            FindingKind.PARTLY,
        )


class Grade(StrEnum):
    """How bad it is. Critical: what is believed of a recording is not so, and it decides who may hear it."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


class WriteFacts(msgspec.Struct, frozen=True):
    """A leg's flag writes to one recording: the values that QMS took (None: erased since), why it took no others.

    ``sent``: values that it did not confirm; ``can_retry``: these ended, and an operator may send them again;
    ``withheld``: names of the flags that shadow mode withheld.
    """

    taken: Mapping[str, str | None]
    not_taken: str = ""
    sent: Mapping[str, str | None] = {}
    can_retry: bool = False
    withheld: frozenset[str] = frozenset()


class GapFacts(msgspec.Struct, frozen=True):
    """A time in which events of a source could be missed: of these devices, each until its end, or of all (None).

    ``is_off``: because it was switched off.
    """

    began_at: datetime
    ended_at: datetime | None
    devices: Mapping[str, datetime | None] | None = None
    source_id: int | None = None
    is_off: bool = False


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway knows of a span. ``legs``: all of the span and its margins, and those beyond that may be the
    recordings'; ``holders``: by recording.

    ``ever_names``: of all flags that the gateway ever wrote or was set to write, whatever became of them since.
    ``sources``: those of the service, with the settings that say whose calls have legs; ``elsewhere``: legs that may
    have a recording at another service.
    """

    legs: Sequence[ComparedLeg]
    holders: Mapping[str, ComparedLeg]
    writes: Mapping[str, WriteFacts]
    gaps: Sequence[GapFacts]
    flag_names: frozenset[str]
    followed_extensions: frozenset[str]
    tolerance: timedelta
    ever_names: frozenset[str] = frozenset()
    sources: Sequence[SourceHearing] = ()
    elsewhere: frozenset[int] = frozenset()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference. ``candidates``: keys of legs that may be the recording's; ``names``: the flags that differ.

    ``carried``: flags for which a repair is not offered, which the gateway ever wrote: they differ from nothing.
    ``held``: what QMS holds of these flags, to see whether it is still the same; never kept.
    """

    kind: FindingKind
    grade: Grade
    cause: str
    extension: str
    began_at: datetime
    ended_at: datetime | None = None
    guid: str = ""
    leg_id: int | None = None
    source_id: int | None = None
    names: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    candidates: tuple[int, ...] = ()
    is_repairable: bool = False
    held: Mapping[str, str] = {}


def compared(recordings: Sequence[FlaggedRecording], begin: datetime, end: datetime, known: Known) -> list[Finding]:
    """Return the differences of the recordings that began, and the legs that were connected, in [begin, end).

    ``recordings`` and ``known.legs`` reach beyond the span by a margin, so that what lies at its edges has its partner.
    """
    at_extension = _by_extension(recordings, known)
    # Those of the margins too: a leg at the edge may be the candidate of a recording beyond it.
    found = [_with_held(finding, one) for one in recordings for finding in _of_recording(one, known, at_extension)]
    listed = {one.recording.guid for one in recordings}
    taken = known.elsewhere.union(one for finding in found for one in finding.candidates)
    legs = (leg for leg in known.legs if begin <= leg.connected_at < end and leg.leg_id not in taken)
    of_span = [finding for finding in found if begin <= finding.began_at < end]
    return of_span + [finding for leg in legs if (finding := _of_leg(leg, listed))]


def _with_held(finding: Finding, one: FlaggedRecording) -> Finding:
    named = {*finding.names, *finding.carried}
    if not named:
        return finding
    held = {flag.name: flag.value for flag in one.flags if flag.name in named}
    return msgspec.structs.replace(finding, held=held)


class _AtExtension(msgspec.Struct):
    """What may belong together at one extension: its legs, and the recordings that no leg has."""

    legs: list[ComparedLeg] = []
    recordings: list[Recording] = []


_ByExtension = Mapping[str, _AtExtension]


def _by_extension(recordings: Iterable[FlaggedRecording], known: Known) -> _ByExtension:
    """Return the extensions of the recordings that no leg has, each with its legs."""
    found: dict[str, _AtExtension] = defaultdict(_AtExtension)
    for one in recordings:
        if one.recording.guid not in known.holders:
            found[one.recording.extension].recordings.append(one.recording)
    for leg in known.legs:
        if leg.extension in found:
            found[leg.extension].legs.append(leg)
    return found


def _of_recording(one: FlaggedRecording, known: Known, at_extension: _ByExtension) -> list[Finding]:
    if holder := known.holders.get(one.recording.guid):
        return _of_holder(one, holder, known)
    ours = tuple(flag.name for flag in one.flags if flag.name in known.flag_names)
    if ours:
        return [_finding(one.recording, FindingKind.FOREIGN, Grade.MAJOR, "written_by_another", names=ours)]
    return [_as_it_carries(_unclaimed(one.recording, known, at_extension[one.recording.extension]), one, known)]


def _of_holder(one: FlaggedRecording, leg: ComparedLeg, known: Known) -> list[Finding]:
    """Compare a recording's flags with those that QMS had taken from its leg.

    In shadow mode another gateway writes: what it wrote is compared on the page Shadow comparison. So are the flags
    that alone were withheld, as a wrap-up that came after the others had been written.
    """
    write = known.writes.get(one.recording.guid, WriteFacts({}))
    is_shadow = leg.outcome == "shadow" or bool(write.withheld)
    if is_shadow and not (write.taken or write.sent):
        return []
    # A flag that is switched off by now was written nevertheless.
    own_names = write.taken.keys() | write.sent.keys()
    names = (own_names if is_shadow else known.flag_names | own_names) - write.withheld
    in_qms = {flag.name: flag.value for flag in one.flags if flag.name in names}
    if not in_qms:
        # It is the leg's own: a Flag of another system, or of before, hinders no flags of this leg.
        return [_unflagged(one.recording, leg, write)]
    unconfirmed = {name for name in write.sent.keys() & in_qms.keys() if write.sent[name] in (None, in_qms[name])}
    compared_names = (write.taken.keys() | in_qms.keys()) - unconfirmed
    wrong = tuple(sorted(name for name in compared_names if _is_wrong(name, write.taken, in_qms)))
    if wrong:
        cause = "written_by_another" if in_qms.keys() & set(wrong) else "lost_in_qms"
        return [_finding(one.recording, FindingKind.DIFFERENT, Grade.CRITICAL, cause, leg=leg, names=wrong)]
    if unconfirmed:
        cause, sent = "taken_but_not_confirmed", tuple(sorted(unconfirmed))
        return [_finding(one.recording, FindingKind.DIFFERENT, Grade.MINOR, cause, leg=leg, names=sent)]
    if missing := tuple(sorted(write.sent.keys() - in_qms.keys())):
        finding = _finding(one.recording, FindingKind.PARTLY, Grade.MAJOR, write.not_taken, leg=leg, names=missing)
        return [msgspec.structs.replace(finding, is_repairable=write.can_retry)]
    return []


def _is_wrong(name: str, taken: Mapping[str, str | None], in_qms: Mapping[str, str]) -> bool:
    """Say whether QMS holds something else than it took; an erased value cannot be compared."""
    return taken.get(name, "") is not None and taken.get(name) != in_qms.get(name)


def _unflagged(recording: Recording, leg: ComparedLeg, write: WriteFacts) -> Finding:
    """Say why a leg's recording carries none of our flags."""
    if write.taken:
        names = tuple(write.taken)
        return _finding(recording, FindingKind.UNFLAGGED, Grade.CRITICAL, "lost_in_qms", leg=leg, names=names)
    cause = write.not_taken or leg.reason_code or leg.outcome
    finding = _finding(recording, FindingKind.UNFLAGGED, Grade.MAJOR, cause, leg=leg)
    return msgspec.structs.replace(finding, is_repairable=write.can_retry)


def _unclaimed(recording: Recording, known: Known, there: _AtExtension) -> Finding:
    candidates = candidates_of(recording, there.legs, known.tolerance)
    if not candidates:
        return _without_leg(recording, known)
    if len(candidates) > 1:
        return _finding(
            recording, FindingKind.UNFLAGGED, Grade.MAJOR, "several_candidates", candidates=_keys(candidates)
        )
    [leg] = candidates
    if leg.guid:
        return _finding(
            recording, FindingKind.UNFLAGGED, Grade.MAJOR, "second_recording_of_leg", candidates=_keys(candidates)
        )
    contenders = [one.guid for one in there.recordings if is_near(leg, one, known.tolerance)]
    is_certain = contenders == [recording.guid] and not leg.has_write and leg.disconnected_at is not None
    is_certain = is_certain and leg.leg_id not in known.elsewhere and is_one_time(leg, recording, known.tolerance)
    cause = leg.reason_code or leg.outcome
    return msgspec.structs.replace(
        _finding(recording, FindingKind.UNFLAGGED, Grade.MAJOR, cause, candidates=_keys(candidates)),
        is_repairable=is_certain and leg.was_sought,
    )


def _as_it_carries(finding: Finding, one: FlaggedRecording, known: Known) -> Finding:
    """Give no leg a recording that carries a Flag which the gateway ever wrote: somebody has labelled it."""
    carried = tuple(sorted(flag.name for flag in one.flags if flag.name in known.ever_names))
    if not (carried and finding.is_repairable):
        return finding
    return msgspec.structs.replace(finding, is_repairable=False, carried=carried)


def _keys(legs: Iterable[ComparedLeg]) -> tuple[int, ...]:
    return tuple(leg.leg_id for leg in legs)


def _without_leg(recording: Recording, known: Known) -> Finding:
    """Grade a recording that has no leg, and say why it has none: a gap counts where its source was to hear it."""
    if recording.extension not in known.followed_extensions:
        return _finding(recording, FindingKind.UNFLAGGED, Grade.MINOR, NOT_FOLLOWED)
    gaps = [gap for gap in known.gaps if _is_in(gap, recording, known)]
    unheard = why_unheard(known.sources, recording.extension, recording.started_at)
    own = {one.source_id for one in known.sources}  # One that was switched off since its gap began was to hear it.
    if unheard is not None and not any(gap.source_id in own for gap in gaps):
        finding = _finding(recording, FindingKind.UNFLAGGED, Grade.MAJOR, unheard.cause)
        return msgspec.structs.replace(finding, source_id=unheard.source_id)
    of_links = [gap for gap in gaps if not _is_off(gap, recording, known)]
    if whole := [gap for gap in of_links if gap.devices is None]:
        return _of_gaps(recording, "gap", whole)
    if of_links:
        return _of_gaps(recording, "extension_gap", of_links)
    off = {gap.source_id for gap in gaps}
    if off and not _is_heard_by_others(off, recording, known):
        return _of_gaps(recording, "source_off", gaps)
    return _finding(recording, FindingKind.UNFLAGGED, Grade.MAJOR, "no_event")


def _of_gaps(recording: Recording, cause: str, gaps: Sequence[GapFacts]) -> Finding:
    """Return a finding by gaps: with the source, where all are of one."""
    finding = _finding(recording, FindingKind.UNFLAGGED, Grade.MAJOR, cause)
    sources = {gap.source_id for gap in gaps}
    return msgspec.structs.replace(finding, source_id=sources.pop() if len(sources) == 1 else None)


def _is_off(gap: GapFacts, recording: Recording, known: Known) -> bool:
    """Say whether a gap's source was switched off when a recording began: its listener ended, and so did the link."""
    source = next((one for one in known.sources if one.source_id == gap.source_id), None)
    return gap.is_off or (source is not None and not source.is_enabled(recording.started_at))


def _is_heard_by_others(off: set[int | None], recording: Recording, known: Known) -> bool:
    """Say whether a source was to hear a recording's extension that was not switched off then.

    Where one that was has the extension on its list, another one without a list is not the one to hear it.
    """
    moment, extension = recording.started_at, recording.extension
    is_named = any(one.source_id in off and one.names(extension, moment) for one in known.sources)
    others = [one for one in known.sources if one.source_id not in off and one.is_enabled(moment)]
    hears = [one for one in others if not one.lack(extension, moment)]
    return any(one.names(extension, moment) or not is_named for one in hears)


def _is_in(gap: GapFacts, recording: Recording, known: Known) -> bool:
    """Say whether a recording began in a gap of its extension, of a source that was to hear this."""
    moment, extension = recording.started_at, recording.extension
    hearing = next((one for one in known.sources if one.source_id == gap.source_id), None)
    if hearing is not None and hearing.lack(extension, moment):
        return False
    if gap.devices is not None and extension not in gap.devices:
        return False
    ended_at = gap.ended_at if gap.devices is None else gap.devices[extension]
    return gap.began_at - known.tolerance <= moment and (ended_at is None or moment <= ended_at + known.tolerance)


def _of_leg(leg: ComparedLeg, listed: set[str]) -> Finding | None:
    if leg.is_filed_elsewhere:
        return None
    if leg.guid:
        return None if leg.guid in listed else _leg_finding(leg, FindingKind.NOT_LISTED, Grade.MAJOR, "not_in_qms")
    if leg.was_sought:
        return _leg_finding(leg, FindingKind.NOT_RECORDED, Grade.MINOR, leg.reason_code or leg.outcome)
    return None


def _leg_finding(leg: ComparedLeg, kind: FindingKind, grade: Grade, cause: str) -> Finding:
    return Finding(
        kind=kind,
        grade=grade,
        cause=cause,
        extension=leg.extension,
        began_at=leg.connected_at,
        ended_at=leg.disconnected_at,
        guid=leg.guid,
        leg_id=leg.leg_id,
        source_id=leg.source_id,
    )


def _finding(
    recording: Recording,
    kind: FindingKind,
    grade: Grade,
    cause: str,
    *,
    leg: ComparedLeg | None = None,
    names: tuple[str, ...] = (),
    candidates: tuple[int, ...] = (),
) -> Finding:
    return Finding(
        kind=kind,
        grade=grade,
        cause=cause,
        extension=recording.extension,
        began_at=recording.started_at,
        ended_at=recording.ended_at,
        guid=recording.guid,
        leg_id=leg.leg_id if leg else None,
        source_id=leg.source_id if leg else None,
        names=names,
        candidates=candidates,
    )
