"""Play a recorded trace: bytes, decoder, core, and an ideal QMS. Pure: nothing is written."""

import re
from collections import Counter
from typing import Final

import msgspec

from calls.core.state import LegState
from calls.transcript.anonymize import Anonymizer
from calls.transcript.format import Transcript, seconds_of
from calls.transcript.from_events import replay_events
from cti.sources.port import REPAIRED, Quarantined, Stamp
from cti.sources.registry import open_trace
from cti.sources.trace import Trace, TracedDevice, TraceReader
from gateway_site.trace_trial.capture import CaptureError, RecordedConnection, read_connections
from gateway_site.trace_trial.site import TrialSite

#: How much of a direction shows what is spoken on it, in bytes.
HEAD: Final = 256 * 1024
_TLS: Final = re.compile(rb"\x16\x03[\x00-\x04]")
#: What may name a person or a number in an error (what is quoted, digits, and what a library says after a colon), and
#: what names a part of a site in the reason of a device.
_VALUES: Final = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\+?\d{2,}|(?<=: ).+", re.DOTALL)
_SITES_WORDS: Final = re.compile(r"(?<=matches ).+(?= in the option)|(?<=context ).+")
#: The name of a message, as a protocol has them.
_NAME: Final = re.compile(r"[A-Za-z]{1,60}")
HIDDEN: Final = "\N{HORIZONTAL ELLIPSIS}"


class TrialLeg(msgspec.Struct, frozen=True):
    """A leg that came of a trace; times in seconds since its first event."""

    extension: str
    call: str
    began: float
    ended: float | None
    outcome: str
    reason: str
    agent: str
    flags: dict[str, str]
    log: list[tuple[float, str]]


class TrialRefusal(msgspec.Struct, frozen=True):
    """Messages that were quarantined for one reason. ``is_lost``: nothing that they say was followed."""

    kind: str
    error: str
    count: int
    first_place: str
    is_lost: bool


class TrialReport(msgspec.Struct, frozen=True):
    """What a trace comes to."""

    remarks: list[str]
    began: str
    events: dict[str, int]
    legs: list[TrialLeg]
    gaps: int
    devices: list[TracedDevice]
    refusals: list[TrialRefusal]
    ignored: dict[str, int]
    transcript: Transcript


def try_trace(
    raw: bytes, site: TrialSite, *, is_anonymous: bool = False, maximum_events: int | None = None
) -> TrialReport:
    """Play a file's bytes.

    Raises ``CaptureError`` where nothing of the source's kind is in it, and ``ValueError`` where its options are wrong.
    """
    trace, remarks = _decoded(raw, site, is_anonymous=is_anonymous)
    events = trace.events[:maximum_events]
    if len(events) < len(trace.events):
        remarks.append(f"Only the first {len(events):,} of {len(trace.events):,} events were played.")
    mask = Anonymizer() if is_anonymous else None
    settings = msgspec.structs.replace(
        site.settings,
        devices=site.settings.devices or frozenset(trace.monitored),
        # Times that were made up are nobody's times of receipt.
        has_source_times=site.settings.has_source_times or not trace.is_timed,
    )
    replayed = replay_events(events, settings, flags=site.flags, qms=site.qms, mask=mask)
    replay = replayed.replay
    return TrialReport(
        remarks=remarks,
        began="" if mask or not events else events[0].time.isoformat(timespec="milliseconds"),
        events=dict(Counter(line["type"] for line in replayed.transcript.events)),
        legs=[_leg(leg, replay.flags.get(leg.number, {})) for leg in replay.legs],
        gaps=len(replayed.transcript.gaps),
        devices=[_device(one, mask) for one in trace.devices],
        refusals=_refusals(trace.quarantined, is_anonymous=is_anonymous),
        ignored=_ignored(trace.ignored, is_anonymous=is_anonymous),
        transcript=replayed.transcript,
    )


def _decoded(raw: bytes, site: TrialSite, *, is_anonymous: bool) -> tuple[Trace, list[str]]:
    connections = read_connections(raw)
    found = [(one, _spoken(one, open_trace(site.config, Stamp("trace", "1")))) for one in connections]
    speaking = [(one, directions) for one, directions in found if directions]
    if not speaking:
        raise CaptureError(_nothing(connections, site.config.kind))
    connection, directions = max(speaking, key=lambda one: one[0].size)
    trace = _read(connection, directions, open_trace(site.config, Stamp("trace", "1")))
    others = [HIDDEN if is_anonymous else one.name for one, _ in speaking if one is not connection]
    played = "one connection" if is_anonymous else connection.name
    return trace, [*_about(played, connection, directions), *_left_out(others), *trace.remarks]


def _spoken(connection: RecordedConnection, reader: TraceReader) -> list[int]:
    return [direction for direction in (0, 1) if reader.speaks(connection.of(direction, HEAD))]


def _read(connection: RecordedConnection, directions: list[int], reader: TraceReader) -> Trace:
    for chunk in connection.chunks:
        if chunk.direction in directions:
            if chunk.is_after_loss:
                reader.lost(chunk.direction)
            reader.feed(chunk.direction, chunk.data, chunk.at)
    return reader.end()


def _about(name: str, connection: RecordedConnection, directions: list[int]) -> list[str]:
    chunks = [chunk for chunk in connection.chunks if chunk.direction in directions]
    said = [f"Played: {name}, {sum(len(chunk.data) for chunk in chunks):,} bytes."]
    if chunks[0].at is None:
        said.append("The file has no times of its own: where a message has none either, it comes 0.5 s after the last.")
    if cut := connection.cut_packets:
        said.append(f"The capture kept only the beginning of {cut:,} packet{'s' if cut > 1 else ''}: use tcpdump -s 0.")
    if losses := sum(chunk.is_after_loss for chunk in chunks):
        said.append(f"Packets are missing in the capture at {losses:,} place{'s' if losses > 1 else ''}.")
    return said


def _left_out(others: list[str]) -> list[str]:
    if not others:
        return []
    named = ", ".join(others[:5]) + (", ..." if len(others) > 5 else "")
    return [f"Not played, as one connection counts: {len(others)} more of this kind ({named})."]


def _nothing(connections: list[RecordedConnection], kind: str) -> str:
    if any(_TLS.match(one.of(direction, 16)) for one in connections for direction in (0, 1)):
        return f"Nothing in the file is {kind}, and at least one connection is encrypted: capture it without TLS."
    if connections and all(chunk.at is None for one in connections for chunk in one.chunks):
        return f"Nothing in the file is {kind}. It is no capture of tcpdump, and was read as the raw bytes of a link."
    many = "1 TCP connection" if len(connections) == 1 else f"{len(connections):,} TCP connections"
    return f"Nothing in the file is {kind}. It has {many} with data."


def _leg(leg: LegState, flags: dict[str, str]) -> TrialLeg:
    ended = leg.disconnected_source_at
    return TrialLeg(
        extension=leg.device_id,
        call=leg.call_id,
        began=seconds_of(leg.connected_source_at),
        ended=seconds_of(ended) if ended else None,
        outcome=leg.outcome.value,
        reason=leg.reason,
        agent=" ".join(filter(None, (leg.agent_id, leg.agent_name))),
        flags=flags,
        log=[(seconds_of(step.at), step.text) for step in leg.trace],
    )


def _device(seen: TracedDevice, mask: Anonymizer | None) -> TracedDevice:
    if mask is None:
        return seen
    technology, slash, name = seen.name.partition("/") if "/" in seen.name else ("", "", seen.name)
    kind = seen.counts_as if seen.counts_as in ("extension", "queue") else "outside"
    return TracedDevice(
        technology + slash + mask.text(kind, name), seen.counts_as, _SITES_WORDS.sub(HIDDEN, seen.reason)
    )


def _ignored(counts: Counter[str], *, is_anonymous: bool) -> dict[str, int]:
    """Return what meant nothing, by name; a name that may be a request's address is hidden."""
    found: Counter[str] = Counter()
    for name, count in counts.items():
        found[name if not is_anonymous or _NAME.fullmatch(name) else HIDDEN] += count
    return dict(found.most_common())


def _refusals(quarantined: list[Quarantined], *, is_anonymous: bool) -> list[TrialRefusal]:
    """Group by cause; an error that quotes a value is a cause of its own."""
    first: dict[tuple[str, str], str] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for one in quarantined:
        cause = (one.kind, _VALUES.sub(HIDDEN, one.error) if is_anonymous else one.error)
        counts[cause] += 1
        first.setdefault(cause, one.place)
    return [TrialRefusal(*cause, count, first[cause], cause[0] != REPAIRED) for cause, count in counts.most_common()]
