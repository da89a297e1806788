"""Make a transcript of events that were decoded from a trace, with an ideal QMS. Pure.

An ideal QMS: each extension has a QMS user, and each of its legs a recording from connected to disconnected.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from calls.core.source_state import SiteSettings
from calls.core.state import LegState
from calls.transcript.anonymize import Anonymizer
from calls.transcript.format import (
    FlagSection,
    QmsSection,
    RecordingSection,
    SiteSection,
    Transcript,
    replay_transcript,
    seconds_of,
    view,
)
from calls.transcript.replay import Replay
from cti.events import AgentEvent, CallEvent, Event, Queued, type_name

_PREFIXES = ("csta.call.", "csta.agent.", "gateway.")
#: A time of receipt is written only where it differs from the source's by more than this, in seconds.
NEAR = 0.001


class ReplayedTranscript(msgspec.Struct, frozen=True):
    """A transcript with the legs that came of it, and the replay that made them."""

    transcript: Transcript
    replay: Replay


def replay_events(
    events: Sequence[Event],
    site: SiteSettings,
    *,
    flags: Sequence[FlagSection] = (),
    qms: QmsSection = QmsSection(),  # noqa: B008  (immutable)
    mask: Anonymizer | None = None,
) -> ReplayedTranscript:
    """Take events through the core. ``qms``: its times; the recordings are made. ``mask``: what hides names, if any."""
    if mask is not None:
        _learn(events, site, mask)
    plain = Transcript(
        title="A recorded trace",
        about="Each extension has a QMS user, and each leg a recording.",
        site=_site(site, mask),
        flags=list(flags),
        qms=qms,
        events=_lines(events, mask),
    )
    recordings = [_recording(leg) for leg in replay_transcript(plain).legs]
    recorded = msgspec.structs.replace(plain, qms=msgspec.structs.replace(qms, recordings=recordings))
    replay = replay_transcript(recorded)
    legs = [view(leg, replay.flags.get(leg.number, {})) for leg in replay.legs]
    return ReplayedTranscript(msgspec.structs.replace(recorded, legs=legs), replay)


def _learn(events: Iterable[Event], site: SiteSettings, mask: Anonymizer) -> None:
    """Say what each device is before it is masked, so that it gets the form of its kind."""
    mask.know("queue", *sorted(site.queues))
    mask.know("extension", *sorted(site.devices))
    for event in events:
        if isinstance(event, CallEvent) and event.data.device_id:
            mask.know(_kind(event), event.data.device_id)
        elif isinstance(event, AgentEvent) and event.data.device_id:
            mask.know("extension", event.data.device_id)


def _kind(event: CallEvent) -> str:
    if isinstance(event, Queued):
        return "queue"
    return "outside" if event.data.outside else "extension"


def _site(site: SiteSettings, mask: Anonymizer | None) -> SiteSection:
    members = {name: getattr(site, name) for name in SiteSettings.__struct_fields__}
    if mask is not None:
        for name, kind in (("devices", "extension"), ("queues", "queue"), ("ignored", "outside")):
            members[name] = frozenset(mask.text(kind, one) for one in members[name])
    return SiteSection(**members)


def _lines(events: Sequence[Event], mask: Anonymizer | None) -> list[dict[str, Any]]:
    if not events:
        return []
    began, began_gateway = events[0].time, events[0].at
    return [_event_line(event, began, began_gateway, mask) for event in events]


def _event_line(event: Event, began: datetime, began_gateway: datetime, mask: Anonymizer | None) -> dict[str, Any]:
    at = round((event.time - began).total_seconds(), 3)
    heard = round((event.at - began_gateway).total_seconds(), 3)
    name = type_name(event)
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    data = msgspec.to_builtins(event)["data"]
    return {
        "at": at,
        **({"heard": heard} if heard - at > NEAR else {}),
        "type": name,
        **(data if mask is None else mask.data(data)),
    }


def _recording(leg: LegState) -> RecordingSection:
    ended = leg.disconnected_gateway_at
    return RecordingSection(
        guid=f"R{leg.number}",
        extension=leg.device_id,
        began=seconds_of(leg.connected_gateway_at),
        ended=seconds_of(ended) if ended else None,
    )
