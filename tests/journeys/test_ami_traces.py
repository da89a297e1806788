"""The traces of a real Asterisk, over TCP through session and core: the legs are the conversations of the truth."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from agents.core.matching import Directory, Instance, Listed
from calls.core.source_state import SiteSettings
from calls.core.state import LegState
from calls.transcript.replay import Recorded, Recorder, Replay, ReplayContext
from cti.events import AnyEvent, SnapshotEnded
from tests.cti.ami.traces import NAMES, Server, follow, trace, truth

MID_CALL = "n-connect-mid-call"
TRANSFER = "h-attended-transfer"
WHOLE = [name for name in NAMES if name != MID_CALL]
NEAR = 0.5

Truth = dict[str, Any]


@cache
def heard(name: str) -> tuple[AnyEvent, ...]:
    """Play a trace to a session; the trace's own clock is the gateway's, and the snapshot was just before it."""
    outlet, _ = asyncio.run(follow(Server(trace(name))))
    events: list[Any] = outlet.events
    ended = next(place for place, event in enumerate(events) if isinstance(event, SnapshotEnded))
    first = min((event.time for event in events[ended + 1 :]), default=events[ended].time)
    times = [min(event.time, first) if place <= ended else event.time for place, event in enumerate(events)]
    return tuple(replace(event, time=at, gatewaytime=at) for event, at in zip(events, times, strict=True))


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def extensions(name: str) -> list[str]:
    return sorted(truth(name)["agents"])


def each_conversation(name: str) -> tuple[Recorded, ...]:
    """Let QMS make a recording of each conversation: a transferred one has a GUID of its own."""
    return tuple(
        Recorded(guid=f"G{number}", extension=one["agent"], began=moment(one["from"]), ended=moment(one["to"]))
        for number, one in enumerate(truth(name)["conversations"], 1)
    )


def each_phone(name: str) -> tuple[Recorded, ...]:
    """Let QMS record on while a phone's line is up, whoever it talks to."""
    lines: dict[str, list[Truth]] = {}
    for one in truth(name)["conversations"]:
        lines.setdefault(one["leg"], []).append(one)
    return tuple(
        Recorded(
            guid=f"G-{line}", extension=some[0]["agent"], began=moment(some[0]["from"]), ended=moment(some[-1]["to"])
        )
        for line, some in lines.items()
    )


def replayed(name: str, recordings: tuple[Recorded, ...] = ()) -> Replay:
    """Take a trace through the core; a source of one ordered stream needs no settling."""
    users = [Listed(service_id=1, user_id=one, extension=one) for one in extensions(name)]
    site = SiteSettings(devices=frozenset(extensions(name)), settle_seconds=0)
    replay = Replay(ReplayContext(site, Directory(users, [Instance(1)])), Recorder(recordings=recordings))
    return replay.play(heard(name), rest=timedelta(seconds=30))


def is_of(leg: LegState, true: Truth) -> bool:
    """Say whether a leg is a true conversation: who, when, with which party, and from which queue."""
    assert leg.disconnected_source_at is not None
    is_then = all(
        abs(at.timestamp() - true[end]) <= NEAR
        for at, end in ((leg.connected_source_at, "from"), (leg.disconnected_source_at, "to"))
    )
    is_same = (leg.device_id, leg.agent_name) == (true["agent"], true["agent_name"])
    is_queue = true["kind"] != "queue" or leg.facts.queue_name == true["queue"]
    return is_then and is_same and is_queue and is_with_customer(leg, true)


def is_with_customer(leg: LegState, true: Truth) -> bool:
    """Say whether a leg knows the customer's number, where there is one."""
    numbers = [who["party"] for who in true["with"] if who["role"] == "customer"]
    known = {leg.facts.calling_number, leg.facts.called_number}
    return all(("" if number == "anonymous" else number) in known for number in numbers)


def differences(legs: list[LegState], true: list[Truth]) -> tuple[list[str], list[Truth]]:
    """Return the legs that are no true conversation, and the conversations that have no leg."""
    left, missing = list(legs), []
    for one in true:
        hit = next((leg for leg in left if is_of(leg, one)), None)
        if hit is None:
            missing.append(one)
        else:
            left.remove(hit)
    return [
        f"{leg.device_id} {leg.connected_source_at} {leg.disconnected_source_at} {leg.facts}" for leg in left
    ], missing


@pytest.mark.parametrize("recorded", [each_conversation, lambda _name: ()], ids=["recorded", "not recorded"])
@pytest.mark.parametrize("name", WHOLE)
def test_a_traces_legs_are_its_conversations(name: str, recorded: Any) -> None:
    replay = replayed(name, recorded(name))

    assert differences(replay.legs, truth(name)["conversations"]) == ([], [])


@pytest.mark.parametrize("name", WHOLE)
def test_each_conversation_is_flagged_once_and_with_what_is_its_own(name: str) -> None:
    replay = replayed(name, each_conversation(name))
    meant = {f"G{number}": one for number, one in enumerate(truth(name)["conversations"], 1)}

    assert replay.written_twice == []
    assert {leg.outcome.value for leg in replay.legs} <= {"flagged"}
    assert sorted(leg.guid for leg in replay.legs) == sorted(meant)
    for leg in replay.legs:
        flags = replay.flags[leg.number]
        assert flags["AgentName"] == meant[leg.guid]["agent_name"]
        assert flags.get("QueueName") == meant[leg.guid]["queue"] or meant[leg.guid]["kind"] != "queue"


def at_destination(replay: Replay) -> list[LegState]:
    return [leg for leg in replay.legs if leg.device_id == "2002"]


def test_after_an_attended_transfer_another_recording_is_another_leg() -> None:
    replay = replayed(TRANSFER, each_conversation(TRANSFER))
    consult, transferred = at_destination(replay)

    assert (consult.outcome.value, transferred.outcome.value) == ("flagged", "flagged")
    assert consult.guid != transferred.guid
    assert "QueueName" not in replay.flags[consult.number]
    assert replay.flags[transferred.number]["QueueName"] == "sales"


def test_after_an_attended_transfer_the_same_recording_is_one_leg_flagged_once() -> None:
    replay = replayed(TRANSFER, each_phone(TRANSFER))
    (leg,) = at_destination(replay)
    consult, transferred = (one for one in truth(TRANSFER)["conversations"] if one["agent"] == "2002")

    assert leg.disconnected_source_at is not None
    assert abs(leg.connected_source_at.timestamp() - consult["from"]) <= NEAR
    assert abs(leg.disconnected_source_at.timestamp() - transferred["to"]) <= NEAR
    assert (leg.outcome.value, replay.flags[leg.number]["QueueName"]) == ("flagged", "sales")
    assert replay.written_twice == []


def test_after_an_attended_transfer_without_any_recording_there_are_two_legs() -> None:
    legs = at_destination(replayed(TRANSFER))

    assert [leg.outcome.value for leg in legs] == ["not_recorded", "not_recorded"]


def test_a_call_in_progress_at_connect_was_joined_late() -> None:
    replay = replayed(MID_CALL, each_conversation(MID_CALL))
    first, *others = sorted(replay.legs, key=lambda leg: leg.disconnected_source_at or leg.connected_source_at)

    assert (first.device_id, first.outcome.value, first.facts.queue_name) == ("2001", "joined_late", "sales")
    assert first.number not in replay.flags
    assert differences(others, truth(MID_CALL)["conversations"][1:]) == ([], [])
    assert {leg.outcome.value for leg in others} == {"flagged"}
