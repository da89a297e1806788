"""Make a transcript of a leg's calls, from the journal while it keeps their events; names and numbers masked."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

import clock
from agents.core.matching import MatchKind
from calls.core.flag_facts import leg_facts
from calls.core.origins import Origin
from calls.core.source_state import SiteSettings
from calls.core.state import LegPhase, LegState, WriteStatus
from calls.models import Gap, Leg, RecordingSearch, SearchState
from calls.pipeline.source_context import load_source_context
from calls.storage.codec import read_leg
from calls.transcript.anonymize import Anonymizer
from calls.transcript.format import (
    BEGIN,
    MADE,
    ExpectedGap,
    ExpectedLeg,
    FlagSection,
    QmsSection,
    RecordingSection,
    SiteSection,
    Transcript,
    UserSection,
    seconds_of,
    view,
)
from calls.transcript.replay import HASH_KEY
from cti.api import START, read_journal
from cti.events import (
    AgentEvent,
    AnyEvent,
    CallData,
    CallEvent,
    EventError,
    LinkData,
    LinkLost,
    LoggedOn,
    decode,
    type_name,
)
from flags.api import load_specs
from flags.catalogue.values import FlagPart, FlagSpec, flag_texts

#: Events of this long before and after an interaction's legs belong to it: ringing, queueing, wrapping up.
AROUND = timedelta(minutes=15)
#: Entries of the journal read at once.
PAGE = 1000
NOBODY = "nobody"


class NotKept(Exception):
    """The journal no longer has the events of a leg. Never worth a retry."""

    retryable = False


class _Story(msgspec.Struct, frozen=True):
    """The events of related calls, in their order, and the legs that came of them."""

    events: list[AnyEvent]
    legs: list[LegState]
    keys: list[int]

    @property
    def began_at(self) -> datetime:
        return self.events[0].time

    @property
    def began_gateway_at(self) -> datetime:
        return self.events[0].at


def export(row: Leg) -> Transcript:
    """Return the transcript of a leg's calls and of those that they became.

    Raises ``NotKept`` when the journal has been trimmed since, ``JournalUnavailable`` when Redis is away.
    """
    story = _story(row)
    specs = load_specs()
    site = load_source_context(row.source, specs).site
    mask = _mask(story, site)
    legs = [mask.leg(_moved(leg, story)) for leg in story.legs]
    return Transcript(
        title="An exported call",
        about="Names and numbers are masked. Check what is expected before you keep it.",
        site=_site(story, site, mask),
        users=_users(legs),
        flags=_flags(specs),
        qms=_qms(story, mask),
        events=[*_log_ons(story, mask), *_lines(story, mask)],
        legs=[_expected(leg, specs) for leg in legs],
        gaps=_gaps(story, row.source_id),
    )


def _story(row: Leg) -> _Story:
    related = _related_rows(row)
    since = min(one.connected_at for one in related) - AROUND
    until = max(one.disconnected_at or clock.now() for one in related) + AROUND
    heard = list(_heard(row.source.slug, since, until))
    calls = _related_calls(heard, {one.call_id for one in related})
    events = [event for event in heard if _is_of(event, calls)]
    if not events:
        raise NotKept(f"The journal of {row.source.slug} no longer has the events of this leg.")
    devices = {event.data.device_id for event in events if isinstance(event.data, CallData)}
    kept = [event for event in heard if _is_of(event, calls) or _is_around(event, devices, events)]
    rows = Leg.objects.filter(
        source=row.source, call_id__in=calls, connected_at__gte=since, connected_at__lte=until
    ).order_by("id")
    return _Story(kept, [read_leg(one.facts, one.trace) for one in rows], [one.pk for one in rows])


def _related_rows(row: Leg) -> list[Leg]:
    if not row.interaction_id:
        return [row]
    near = Leg.objects.filter(
        source=row.source,
        interaction_id=row.interaction_id,
        connected_at__gte=row.connected_at - timedelta(hours=12),
        connected_at__lte=row.connected_at + timedelta(hours=12),
    )
    return list(near[:100]) or [row]


def _heard(slug: str, since: datetime, until: datetime) -> Iterator[AnyEvent]:
    """Yield a source's journalled events of a time, in order; broken ones are in quarantine already."""
    last = START
    while entries := read_journal(slug, last, PAGE):
        last = entries[-1].id
        for entry in entries:
            try:
                event = decode(entry.payload)
            except EventError:
                continue
            if since <= event.time <= until:
                yield event


def _names(event: AnyEvent) -> set[str]:
    """Return the calls that an event speaks of."""
    data = event.data
    if not isinstance(data, CallData):
        return set()
    named = {data.call_id, data.primary_old_call_id, data.secondary_old_call_id, data.resulting_call_id}
    listed = {one.call_id for item in data.connections for one in (item.new, item.old) if one is not None}
    return {name for name in named | listed if name}


def _related_calls(events: Sequence[AnyEvent], calls: set[str]) -> set[str]:
    """Add the calls with which others were joined, until there are no more."""
    joined = [names for event in events if len(names := _names(event)) > 1]
    while more := {name for names in joined if names & calls for name in names} - calls:
        calls = calls | more
    return calls


def _is_of(event: AnyEvent, calls: set[str]) -> bool:
    return bool(_names(event) & calls)


def _is_around(event: AnyEvent, devices: set[str | None], events: Sequence[AnyEvent]) -> bool:
    """Say whether an event is of an agent who took part, or of the link meanwhile."""
    if isinstance(event, AgentEvent):
        return event.data.device_id in devices
    return isinstance(event.data, LinkData) and events[0].time <= event.time <= events[-1].time


def _mask(story: _Story, site: SiteSettings) -> Anonymizer:
    """Make a mask that knows which devices are extensions, queues and outside."""
    mask = Anonymizer()
    mask.know("extension", *(leg.device_id for leg in story.legs))
    for event in story.events:
        if isinstance(event, CallEvent) and event.data.device_id:
            mask.know(_kind(event.data.device_id, site, is_outside=event.data.outside), event.data.device_id)
        elif isinstance(event, AgentEvent) and event.data.device_id:
            mask.know("extension", event.data.device_id)
    return mask


def _kind(device_id: str, site: SiteSettings, *, is_outside: bool) -> str:
    return "queue" if device_id in site.queues else "outside" if is_outside else "extension"


def _event_line(event: AnyEvent, story: _Story, mask: Anonymizer) -> dict[str, Any]:
    at = round((event.time - story.began_at).total_seconds(), 3)
    heard = round((event.at - story.began_gateway_at).total_seconds(), 3)
    later = {"heard": heard} if abs(heard - at) > 0.001 else {}
    name = type_name(event).removeprefix("csta.call.").removeprefix("csta.agent.").removeprefix("gateway.")
    if event.heldsince is not None:
        later["held"] = round((event.heldsince - story.began_gateway_at).total_seconds(), 3)
    if event.gatewayreceived is not None:
        later["received"] = round((event.gatewayreceived - story.began_gateway_at).total_seconds(), 3)
    return {"at": at, **later, "type": name, **mask.data(msgspec.to_builtins(event.data))}


def _lines(story: _Story, mask: Anonymizer) -> list[dict[str, Any]]:
    """Write the events; an interaction that the gateway itself named is named by the first event of its call."""
    lines = [_event_line(event, story, mask) for event in story.events]
    reported = {line.get("interactionId") for line in lines}
    for leg in reversed(story.legs):
        named = mask.text("interaction", leg.facts.interaction_id)
        if named and named not in reported:
            lines[_first(story, leg)]["interactionId"] = named
    return lines


def _first(story: _Story, leg: LegState) -> int:
    """Return the place of the first event of a leg's call, or of one that became it."""
    calls = _related_calls(story.events, {leg.call_id})
    return next((place for place, event in enumerate(story.events) if _is_of(event, calls)), 0)


def _log_ons(story: _Story, mask: Anonymizer) -> list[dict[str, Any]]:
    """Log on the agents whose log-on the journal no longer has."""
    reported = {(event.data.device_id, event.data.agent_id) for event in story.events if isinstance(event, LoggedOn)}
    missing = {(leg.device_id, leg.agent_id): leg for leg in story.legs if leg.agent_id}
    return [
        {
            "at": -1.0,
            "type": "LoggedOn",
            **mask.data({"agentId": leg.agent_id, "agentName": leg.agent_name, "deviceId": leg.device_id}),
        }
        for key, leg in missing.items()
        if key not in reported
    ]


def _moved(leg: LegState, story: _Story) -> LegState:
    """Move a leg's times to those of a transcript."""
    shift = BEGIN - story.began_at
    ended = leg.disconnected_source_at + shift if leg.disconnected_source_at else None
    log_on = leg.agent_origin if leg.agent_origin and leg.agent_origin.at >= story.began_at else None
    origins = {name: _later(one, shift) for name, one in leg.facts.origins.items()}
    return msgspec.structs.replace(
        leg,
        connected_source_at=leg.connected_source_at + shift,
        disconnected_source_at=ended,
        facts=msgspec.structs.replace(leg.facts, origins=origins),
        call_origin=leg.call_origin and _later(leg.call_origin, shift),
        agent_origin=log_on and _later(log_on, shift),  # An earlier log-on is another event in the transcript.
        wrapup_origin=leg.wrapup_origin and _later(leg.wrapup_origin, shift),
    )


def _later(origin: Origin, shift: timedelta) -> Origin:
    return msgspec.structs.replace(origin, at=origin.at + shift)


def _site(story: _Story, site: SiteSettings, mask: Anonymizer) -> SiteSection:
    seen = {event.data.device_id for event in story.events if isinstance(event.data, CallData)}
    devices, queues, ignored = (
        frozenset(mask.text("extension", one) for one in some if one in seen)
        for some in (site.devices, site.queues, site.ignored)
    )
    return SiteSection(
        devices=devices or (frozenset({NOBODY}) if site.devices else devices),
        queues=queues,
        ignored=ignored,
        settle_seconds=site.settle_seconds,
        wrapup_wait_seconds=site.wrapup_wait_seconds,
        agents_calls_only=site.agents_calls_only,
        stale_hours=site.stale_hours,
        has_free_seating=site.has_free_seating,
        has_source_times=site.has_source_times,
        guid_window_seconds=site.guid_window_seconds,
    )


def _users(legs: Sequence[LegState]) -> list[UserSection]:
    """Return QMS users that match each leg's extension, or do not, as it was."""
    kinds = {leg.device_id: leg.match for leg in legs}
    users = [user for extension, kind in kinds.items() for user in _users_at(extension, kind)]
    return users or [UserSection(extension=NOBODY)]


def _users_at(extension: str, kind: MatchKind) -> list[UserSection]:
    if kind is MatchKind.UNMATCHED:
        return []
    user = UserSection(
        extension=extension, active=kind is not MatchKind.INACTIVE, licensed=kind is not MatchKind.UNLICENSED
    )
    return [user, user] if kind is MatchKind.CONFLICT else [user]


def _flags(specs: Iterable[FlagSpec]) -> list[FlagSection]:
    ordered = sorted(specs, key=lambda one: (one.order, one.name))
    return [
        FlagSection(name=one.name, field=one.field, max_length=one.max_length, privacy=one.privacy) for one in ordered
    ]


def _qms(story: _Story, mask: Anonymizer) -> QmsSection:
    """Return the recordings that QMS named."""
    found = RecordingSearch.objects.filter(leg_id__in=story.keys, state=SearchState.FOUND).order_by("id")
    began = {row.recording_guid: row.recording_started_at or row.connected_at for row in found}
    held = [leg for leg in story.legs if leg.guid in began]
    return QmsSection(recordings=[_recording(leg, began[leg.guid], story, mask) for leg in held])


def _gaps(story: _Story, source_id: int) -> list[ExpectedGap]:
    """Return the ledger's gaps that the exported events tell of; legs of other calls do not count here."""
    lost = [event.time for event in story.events if isinstance(event, LinkLost)]
    shift = BEGIN - story.began_at
    return [
        ExpectedGap(
            began=seconds_of(gap.began_at + shift),
            ended=seconds_of(gap.ended_at + shift) if gap.ended_at else None,
            saved=gap.legs_saved,
            lost=gap.legs_lost,
        )
        for gap in Gap.objects.filter(source_id=source_id, began_at__in=lost).order_by("began_at")
    ]


def _recording(leg: LegState, began: datetime, story: _Story, mask: Anonymizer) -> RecordingSection:
    base, ended = story.began_gateway_at, leg.disconnected_gateway_at
    return RecordingSection(
        guid=mask.text("recording", leg.guid),
        extension=mask.text("extension", leg.device_id),
        began=round((began - base).total_seconds(), 3),
        ended=round((ended - base).total_seconds(), 3) if ended else None,
    )


def _expected(leg: LegState, specs: tuple[FlagSpec, ...]) -> ExpectedLeg:
    """Return a leg as the transcript expects it: what was written, made of what is masked."""
    flags: dict[str, str] = {}
    written: list[tuple[FlagPart, WriteStatus]] = [("base", leg.base), ("wrapup", leg.wrapup)]
    for part, status in written:
        if status is WriteStatus.WRITTEN:
            flags |= {text.name: text.value for text in flag_texts(specs, leg_facts(leg), part, HASH_KEY)}
    seen = view(leg, flags)
    # An interaction of the gateway's own is stated by the transcript's events: another has its own.
    origins = {label: text for label, text in (seen.origins or {}).items() if text != MADE}
    return msgspec.structs.replace(
        seen,
        reason=None,
        origins=origins or None,
        open=leg.phase is LegPhase.OPEN or None,
        unconfirmed=leg.is_unconfirmed or None,
        end_unknown=leg.is_end_unknown or None,
    )
