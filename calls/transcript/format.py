"""A transcript: one case as a readable TOML file, its events, QMS's recordings, and the legs and flags expected. Pure.

``read`` a file's text, ``run`` it through the core, and get what differs, explained. ``docs/transcripts.md`` describes
the format; ``calls/transcript/dump.py`` writes one.

``TranscriptError``   the file is no transcript; the text names the place
"""

import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from agents.core.matching import Directory, Instance, Listed
from calls.core.commands import CloseGap
from calls.core.flag_origins import FlagOrigin, flag_origins
from calls.core.outcomes import Outcome
from calls.core.source_state import SiteSettings
from calls.core.state import LegPhase, LegState
from calls.transcript.replay import SERVICE, Recorded, Recorder, Replay, ReplayContext
from cti.events import EVENT_TYPES, AgentData, AnyEvent, CallData, EventError, LinkData, from_mapping, type_name
from flags.catalogue.values import FIELDS, FlagSpec

#: Second 0 of every transcript.
BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
#: Maximum difference of two times that count as the same, in seconds.
NEAR = 0.001
#: Time that a run goes on after the last event, in seconds, in addition to the wait for a wrap-up.
REST_SECONDS = 20.0


class TranscriptError(ValueError):
    """A file is no transcript; the text names the place. Never worth a retry."""

    retryable = False


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of the file: a member that nobody knows is a mistake."""


class SiteSection(SiteSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the source is set up; members as in ``SiteSettings``."""


class UserSection(Section, frozen=True, kw_only=True):
    """A QMS user. Without any ``[[users]]``, each extension that the events name has one."""

    extension: str
    name: str = ""
    agent_id: str = ""
    active: bool = True
    licensed: bool = True


class RecordingSection(Section, frozen=True, kw_only=True, rename={"began": "from", "ended": "to"}):
    """A recording that QMS made, in seconds."""

    guid: str
    extension: str
    began: float
    ended: float | None = None


class QmsSection(Section, frozen=True, kw_only=True):
    """What QMS recorded and how it answers. ``away``: from and to, in seconds, while it does not answer at all."""

    recordings: list[RecordingSection] = []
    window_seconds: float = 10.0
    interval_seconds: float = 0.2
    answer_seconds: float = 0.1
    refuses: list[str] = []
    away: list[tuple[float, float]] = []


class FlagSection(Section, frozen=True, kw_only=True):
    """A Flag; without any ``[[flags]]``, the eight of the manual are written."""

    name: str
    field: str
    max_length: int = 255
    privacy: str = "keep"


class ExpectedLeg(Section, frozen=True, kw_only=True, rename={"began": "from", "ended": "to"}):
    """A leg that must come of it; what is left out is not compared, but ``flags`` left out means none.

    ``reason``: a part of it is enough. ``open``: whether it still goes on at the end. ``origins``: where its values are
    from, as rule, event and second; those left out are not compared.
    """

    extension: str
    began: float
    outcome: Outcome
    ended: float | None = None
    call: str | None = None
    recording: str | None = None
    agent: str | None = None
    agent_name: str | None = None
    queue: str | None = None
    interaction: str | None = None
    number: str | None = None
    reason: str | None = None
    unconfirmed: bool | None = None
    open: bool | None = None
    end_unknown: bool | None = None
    flags: dict[str, str] = {}
    origins: dict[str, str] | None = None


class ExpectedGap(Section, frozen=True, kw_only=True, rename={"began": "from", "ended": "to"}):
    """A row of the ledger: how long events may have been missed, and what became of the legs meanwhile."""

    began: float
    ended: float | None = None
    saved: int = 0
    lost: int = 0


class Transcript(Section, frozen=True, kw_only=True):
    """A whole file. An event's members: ``at`` (seconds, the source's clock), ``type``, those of its data; ``heard``:
    when it came, where that is later; ``held``: since when the link may have held it back; ``id``, where it matters.
    """

    title: str
    about: str = ""
    site: SiteSection = SiteSection()
    users: list[UserSection] = []
    flags: list[FlagSection] = []
    qms: QmsSection = QmsSection()
    events: list[dict[str, Any]]
    legs: list[ExpectedLeg] = []
    gaps: list[ExpectedGap] = []


_NAMES = {
    name.removeprefix("csta.call.").removeprefix("csta.agent.").removeprefix("gateway."): name
    for name in map(type_name, EVENT_TYPES)
}
_OWN = frozenset({"at", "heard", "held", "received", "type", "id"})


def read(text: str) -> Transcript:
    """Read a transcript. Raises ``TranscriptError``."""
    try:
        found = msgspec.convert(tomllib.loads(text), Transcript)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise TranscriptError(str(error)) from error
    read_events(found)
    return found


def read_events(transcript: Transcript) -> list[AnyEvent]:
    """Return a transcript's events in the order in which they are heard. Raises ``TranscriptError``."""
    events: list[AnyEvent] = []
    heard = 0.0
    for number, one in enumerate(transcript.events, 1):
        try:
            heard = max(heard, float(one.get("heard", one["at"])))
            events.append(from_mapping(_mapping(number, one, heard)))
        except (KeyError, TypeError, EventError, ValueError) as error:
            raise TranscriptError(f"event {number}: {error}") from error
    return events


def _mapping(number: int, one: dict[str, Any], heard: float) -> dict[str, Any]:
    name = _NAMES.get(str(one["type"]))
    if name is None:
        raise ValueError(f"{one['type']!r} is no event: one of {', '.join(_NAMES)} is needed")
    data = {key: value for key, value in one.items() if key not in _OWN}
    if unknown := set(data) - _members(name):
        raise ValueError(f"{', '.join(sorted(unknown))}: no such member in {name}")
    return {
        "specversion": "1.0",
        "id": one.get("id", f"e{number}"),
        "source": "transcript",
        "type": name,
        "time": transcript_time(float(one["at"])),
        "gatewaytime": transcript_time(heard),
        "heldsince": transcript_time(float(one["held"])) if "held" in one else None,
        "gatewayreceived": transcript_time(float(one["received"])) if "received" in one else None,
        "data": data,
    }


def _members(name: str) -> set[str]:
    data = CallData if ".call." in name else AgentData if ".agent." in name else LinkData
    return set(data.__struct_encode_fields__)


def transcript_time(seconds: float) -> datetime:
    """Return a moment of a transcript."""
    return BEGIN + timedelta(seconds=seconds)


def seconds_of(at: datetime) -> float:
    """Return a moment in seconds of a transcript."""
    return round((at - BEGIN).total_seconds(), 3)


def replay_transcript(transcript: Transcript) -> Replay:
    """Take a transcript's events through the core."""
    events = read_events(transcript)
    site, qms = transcript.site, transcript.qms
    recordings = tuple(
        Recorded(
            guid=one.guid,
            extension=one.extension,
            began=transcript_time(one.began),
            ended=None if one.ended is None else transcript_time(one.ended),
        )
        for one in qms.recordings
    )
    recorder = Recorder(
        recordings=recordings,
        window=timedelta(seconds=qms.window_seconds),
        interval=timedelta(seconds=qms.interval_seconds),
        answers_after=timedelta(seconds=qms.answer_seconds),
        refuses=frozenset(qms.refuses),
        away=tuple((transcript_time(start), transcript_time(end)) for start, end in qms.away),
    )
    rest = timedelta(seconds=REST_SECONDS + (site.wrapup_wait_seconds or 0.0))
    replay = Replay(ReplayContext(site, _directory(transcript, events)), recorder, specs_of(transcript))
    return replay.play(events, rest=rest)


def specs_of(transcript: Transcript) -> tuple[FlagSpec, ...]:
    """Return the Flags that a transcript's site writes."""
    if not transcript.flags:
        return FIELDS
    return tuple(
        FlagSpec(name=one.name, field=one.field, max_length=one.max_length, privacy=one.privacy, order=order)
        for order, one in enumerate(transcript.flags)
    )


def _directory(transcript: Transcript, events: Sequence[AnyEvent]) -> Directory:
    users = transcript.users or [UserSection(extension=one) for one in sorted(_devices(events))]
    listed = [
        Listed(
            service_id=SERVICE,
            user_id=str(number),
            extension=one.extension,
            agent_id=one.agent_id,
            name=one.name,
            active=one.active,
            licensed=one.licensed,
        )
        for number, one in enumerate(users)
    ]
    return Directory(listed, [Instance(SERVICE)])


def _devices(events: Sequence[AnyEvent]) -> set[str]:
    devices: set[str] = set()
    for event in events:
        data = event.data
        if not isinstance(data, LinkData) and data.device_id:
            devices.add(data.device_id)
        if isinstance(data, CallData):
            devices |= {item.new.device_id for item in data.connections}
    return devices


def run(transcript: Transcript) -> list[str]:
    """Run a transcript; return what differs from what is expected, a sentence or a trace's line each."""
    replay = replay_transcript(transcript)
    left = list(replay.legs)
    lines = [f"Flag {name} is written to recording {guid} twice." for guid, name in replay.written_twice]
    for expected in transcript.legs:
        leg = _counterpart(expected, left)
        if leg is None:
            lines.append(f"- {expected.extension} from {expected.began:g}: this leg is missing.")
            continue
        left.remove(leg)
        lines += _compared(expected, leg, replay.flags.get(leg.number, {}))
    for leg in left:
        lines.append(f"+ {_name(leg)}: this leg was not expected ({leg.outcome.value}: {leg.reason or 'no reason'})")
        lines += _traced(leg)
    if (found := _gaps(replay)) != transcript.gaps:
        lines.append(f"The ledger of gaps is {found}, expected {transcript.gaps}.")
    return lines


def _gaps(replay: Replay) -> list[ExpectedGap]:
    gaps: dict[float, ExpectedGap] = {}
    for one in replay.gaps:
        began = seconds_of(one.began_at)
        gaps[began] = ExpectedGap(began=began)
        if isinstance(one, CloseGap):
            ended = seconds_of(one.ended_at)
            gaps[began] = ExpectedGap(began=began, ended=ended, saved=one.legs_saved, lost=one.legs_lost)
    return list(gaps.values())


def _counterpart(expected: ExpectedLeg, legs: list[LegState]) -> LegState | None:
    """Return the leg that is meant: of the extension, and the nearest in time."""
    here = [leg for leg in legs if leg.device_id == expected.extension]
    same_call = [leg for leg in here if expected.call in (None, leg.call_id)] or here
    return min(same_call, key=lambda leg: abs(seconds_of(leg.connected_source_at) - expected.began), default=None)


def _name(leg: LegState) -> str:
    return f"{leg.device_id} in {leg.call_id} from {seconds_of(leg.connected_source_at):g}"


def _compared(expected: ExpectedLeg, leg: LegState, flags: dict[str, str]) -> list[str]:
    meant, found = stated_members(expected), stated_members(view(leg, flags))
    different = [name for name, value in meant.items() if not _is_equal(name, value, found.get(name))]
    if not different:
        return []
    lines = [f"{_name(leg)}: {name} is {found.get(name)!r}, expected {meant[name]!r}." for name in different]
    return [*lines, *_traced(leg)]


def stated_members(leg: ExpectedLeg) -> dict[str, Any]:
    """Return the members of an expected leg that say something, by the names of the file."""
    found: dict[str, Any] = {"flags": leg.flags, **msgspec.to_builtins(leg)}
    return {name: value for name, value in found.items() if value is not None}


def view(leg: LegState, flags: dict[str, str]) -> ExpectedLeg:
    """Show a leg as a transcript would expect it."""
    return ExpectedLeg(
        extension=leg.device_id,
        began=seconds_of(leg.connected_source_at),
        outcome=leg.outcome,
        call=leg.call_id,
        ended=None if leg.disconnected_source_at is None else seconds_of(leg.disconnected_source_at),
        recording=leg.guid,
        agent=leg.agent_id,
        agent_name=leg.agent_name,
        queue=leg.facts.queue_name,
        flags=flags,
        reason=leg.reason,
        interaction=leg.facts.interaction_id,
        number=leg.facts.calling_number,
        unconfirmed=leg.is_unconfirmed,
        end_unknown=leg.is_end_unknown,
        open=leg.phase is LegPhase.OPEN,
        origins={one.label: _origin_text(one) for one in flag_origins(leg)},
    )


#: The origin of an interaction that no event stated.
MADE = "made by the gateway"


def _origin_text(one: FlagOrigin) -> str:
    if one.origin is None:
        return MADE
    rule = one.origin.rule.name.lower().replace("_", " ")
    return f"{rule}, {one.origin.event} at {seconds_of(one.origin.at):g}"


def _is_equal(name: str, meant: Any, found: Any) -> bool:
    if isinstance(meant, float) and isinstance(found, float):
        return abs(meant - found) <= NEAR
    if name == "origins":
        return set(meant.items()) <= set((found or {}).items())
    return bool(meant == found or (name == "reason" and meant in (found or "")))


def _traced(leg: LegState) -> list[str]:
    return [f"    {seconds_of(step.at):>8.1f}  {step.text}" for step in leg.trace]
