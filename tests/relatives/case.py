"""A case in a few lines: events, the recordings of QMS, and the legs with the flags that are right.

Times are seconds. Agents 9101 to 9103 are logged on at 2001 to 2003, nobody is at 2004. Where the source states no
interaction, a call has one of its own: it is checked that no other call has the same, and left out of the comparison.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from calls.core.state import LegState
from calls.transcript.format import Transcript, replay_transcript, seconds_of
from calls.transcript.replay import Replay

Event = dict[str, Any]
Recording = tuple[str, str, float, float]

BEGIN = 100.0
#: What the PBX states of Jo's call, and its flags where it came from the queue Sales.
KNOWN: dict[str, str] = {"name": "Jo", "interaction": "I1"}
JO = {**KNOWN, "queue": "Sales"}
DEVICES = ["2001", "2002", "2003", "2004"]
OWN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MEMBERS = {"queue": "queueName", "interaction": "interactionId", "number": "callingNumber", "name": "callerName"}
_FLAGS = {
    "name": "CallerName",
    "queue": "QueueName",
    "interaction": "InteractionGuid",
    "wrapup": "CTIWrapup",
    "query_data": "CTI QueryData",
}


class Leg(msgspec.Struct, frozen=True):
    """A leg that is expected, with exactly these flags."""

    extension: str
    began: float
    ended: float | None
    call: str
    outcome: str
    recording: str
    flags: dict[str, str]


class Case(msgspec.Struct):
    """One case. ``site`` and ``qms``: the members of those parts of a transcript.

    ``recordings`` None: QMS records each leg that is flagged, from its beginning to its end.
    """

    title: str
    events: list[Event]
    legs: list[Leg]
    recordings: list[Recording] | None = None
    site: dict[str, Any] = {}
    qms: dict[str, Any] = {}

    def __str__(self) -> str:
        return self.title

    @property
    def recorded(self) -> list[Recording]:
        """Return the recordings of QMS."""
        if self.recordings is not None:
            return self.recordings
        return [(leg.recording, leg.extension, leg.began, leg.ended or leg.began) for leg in self.legs if leg.recording]


def _event(at: float, kind: str, call: str = "", device: str = "", **members: Any) -> Event:
    data = {_MEMBERS.get(name, name): value for name, value in members.items()}
    if "callerName" in data:
        data["callerNameSource"] = "isdn"
    named = {"callId": call, "deviceId": device}
    return {"at": at, "type": kind, **{name: value for name, value in named.items() if value}, **data}


def established(at: float, call: str, device: str, **members: Any) -> Event:
    return _event(at, "Established", call, device, **members)


def cleared(at: float, call: str, device: str, **members: Any) -> Event:
    return _event(at, "ConnectionCleared", call, device, **members)


def heard(at: float, event: Event) -> Event:
    """Let an event be received at a moment other than its time."""
    return {**event, "heard": at}


def talk(at: float, until: float, call: str, device: str, **members: Any) -> list[Event]:
    """Return the beginning and the end of a device's connection; the members are stated at the beginning."""
    return [established(at, call, device, **members), cleared(until, call, device)]


def call_cleared(at: float, call: str) -> Event:
    return _event(at, "CallCleared", call)


def queued(at: float, call: str, device: str = "", **members: Any) -> Event:
    return _event(at, "Queued", call, device, **members)


def rings(at: float, call: str, device: str, **members: Any) -> Event:
    return _event(at, "Delivered", call, device, **members)


def dials(at: float, call: str, device: str, **members: Any) -> Event:
    return _event(at, "Originated", call, device, **members)


def holds(at: float, call: str, device: str, **members: Any) -> Event:
    return _event(at, "Held", call, device, **members)


def retrieves(at: float, call: str, device: str, **members: Any) -> Event:
    return _event(at, "Retrieved", call, device, **members)


def diverted(at: float, call: str, device: str, to: str = "", **members: Any) -> Event:
    return _event(at, "Diverted", call, device, **({"newDestination": to} if to else {}), **members)


def information(at: float, call: str, device: str = "", **members: Any) -> Event:
    return _event(at, "CallInformation", call, device, **members)


def logged_on(at: float, agent: str, device: str, **members: Any) -> Event:
    return _event(at, "LoggedOn", device=device, agentId=agent, **members)


def logged_off(at: float, agent: str, device: str, **members: Any) -> Event:
    return _event(at, "LoggedOff", device=device, agentId=agent, **members)


def other(at: float, kind: str, call: str = "", device: str = "", **members: Any) -> Event:
    """Return an event of any other type."""
    return _event(at, kind, call, device, **members)


def transferred(at: float, primary: str, secondary: str, resulting: str, by: str, to: str, **members: Any) -> Event:
    """Return an attended transfer, with the destination's connection; a blind one without ``secondary``."""
    calls = {"primaryOldCallId": primary, "resultingCallId": resulting}
    if secondary:
        connection = {"old": {"callId": secondary, "deviceId": to}, "new": {"callId": resulting, "deviceId": to}}
        calls |= {"secondaryOldCallId": secondary}
        members = {"connections": [connection], **members}
    return _event(at, "Transferred", transferringDeviceId=by, transferredToDeviceId=to, **calls, **members)


def conferenced(at: float, primary: str, secondary: str, resulting: str, by: str, added: str) -> Event:
    pairs = [(primary, by), (secondary, added)]
    connections = [
        {"old": {"callId": call, "deviceId": device}, "new": {"callId": resulting, "deviceId": device}}
        for call, device in pairs
    ]
    calls = {"primaryOldCallId": primary, "secondaryOldCallId": secondary, "resultingCallId": resulting}
    return _event(at, "Conferenced", conferencingDeviceId=by, addedPartyId=added, connections=connections, **calls)


#: What joins two calls, by name.
MOVES: dict[str, Callable[..., Event]] = {"transferred": transferred, "conferenced": conferenced}


def flagged(
    extension: str, began: float, ended: float | None, call: str, recording: str, agent: str | None = None, **flags: str
) -> Leg:
    """Return a leg with its flags; ``CTICallRef`` is the call's id.

    ``agent`` None: who is logged on at the extension from the beginning; "": nobody.
    """
    known = f"91{extension[2:]}" if agent is None and extension in DEVICES[:3] else agent
    named = {"AgentId": known} if known else {}
    named |= {_FLAGS[name]: value for name, value in flags.items()}
    return Leg(extension, began, ended, call, "flagged", recording, {"CTICallRef": call, **named})


def in_common(extension: str, began: float, ended: float | None, call: str, recording: str, **flags: str) -> Leg:
    """Return a leg with the flags that are the same before and after a transfer: all but the call's id."""
    leg = flagged(extension, began, ended, call, recording, **flags)
    return msgspec.structs.replace(
        leg, flags={name: value for name, value in leg.flags.items() if name != "CTICallRef"}
    )


def without_flags(extension: str, began: float, ended: float | None, call: str, outcome: str) -> Leg:
    """Return a leg that no flag may be written for."""
    return Leg(extension, began, ended, call, outcome, "", {})


def played(case: Case, site: dict[str, Any] | None = None) -> Replay:
    """Take a case through the core, with an ideal QMS."""
    seats = [{**logged_on(-60.0, f"91{one[2:]}", one), "id": f"seat-{one}"} for one in DEVICES[:3]]
    events = sorted((_moved(one) for one in [*seats, *case.events]), key=_heard)
    recordings = [
        {"guid": guid, "extension": extension, "from": BEGIN + began, "to": BEGIN + ended}
        for guid, extension, began, ended in case.recorded
    ]
    qms = {**case.qms, "recordings": recordings}
    if "away" in qms:
        qms["away"] = [[BEGIN + start, BEGIN + end] for start, end in qms["away"]]
    whole = {"devices": DEVICES, **case.site, **(site or {})}
    parts = {"title": case.title, "events": events, "site": whole, "qms": qms}
    return replay_transcript(msgspec.convert(parts, Transcript, strict=False))


def _heard(event: Event) -> float:
    return float(event["heard"] if "heard" in event else event["at"])


def _moved(event: Event) -> Event:
    heard = {"heard": BEGIN + event["heard"]} if "heard" in event else {}
    return {**event, "at": BEGIN + event["at"], **heard}


def differences(case: Case) -> tuple[list[Leg], list[Leg]]:
    """Return the legs that came of a case and those that were expected, but for what is in both."""
    replay = played(case)
    assert replay.written_twice == []
    assert len(set(own_interactions(replay).values())) == len(own_interactions(replay))
    found = sorted((_seen(replay, leg) for leg in replay.legs), key=lambda one: (one.extension, one.began))
    meant = sorted(case.legs, key=lambda one: (one.extension, one.began))
    return [one for one in found if one not in meant], [one for one in meant if one not in found]


def _seen(replay: Replay, leg: LegState) -> Leg:
    flags = {name: value for name, value in replay.flags.get(leg.number, {}).items() if not _is_own(name, value)}
    ended = None if leg.disconnected_source_at is None else seconds_of(leg.disconnected_source_at) - BEGIN
    began = seconds_of(leg.connected_source_at) - BEGIN
    end = None if ended is None or leg.is_end_unknown else round(ended, 3)
    return Leg(leg.device_id, round(began, 3), end, leg.call_id, leg.outcome.value, leg.guid if flags else "", flags)


def own_interactions(replay: Replay) -> dict[int, str]:
    """Return the interaction that each call has of its own, by the call's identity."""
    legs: Sequence[LegState] = replay.legs
    return {leg.incarnation: value for leg in legs if OWN.fullmatch(value := leg.facts.interaction_id)}


def _is_own(name: str, value: str) -> bool:
    return name == "InteractionGuid" and OWN.fullmatch(value) is not None
