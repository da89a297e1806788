"""The CSTA samples, from a server's bytes over TCP through session and core: each gives what the index says.

A segment is given as in the index: device, first and last message, and the messages between which it was on hold.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from agents.core.matching import Directory, Instance, Listed
from calls.core.source_state import SiteSettings
from calls.core.state import LegState
from calls.transcript.replay import Recorded, Recorder, Replay, ReplayContext
from cti.events import AnyEvent, CallEvent, SnapshotEnded
from cti.sources.csta_xml.framing import framed
from cti.sources.csta_xml.parsing import XmlElement, children, descend, text_of
from tests.cti.csta.pbx import WILLING, Answer, Listener, Pbx, followed, only, sample, until

EXTENSIONS = ("2001", "2002", "2003", "2004")
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
#: Messages with which two monitors tell of one moment; all others are 5 seconds after the one before.
TWINS = {"01-acd-queue-call": {6}, "03-two-step-transfer": {9, 11, 13}, "04-conference-dropoff": {7, 9, 11, 13, 15}}
APART, TWIN = timedelta(seconds=5), timedelta(milliseconds=50)


class Segment(msgspec.Struct, frozen=True):
    """A talk segment of the index."""

    device: str
    first: int
    last: int
    hold: tuple[int, int] | None = None


SEGMENTS = {
    "01-acd-queue-call": [Segment("2001", 5, 8)],
    "02-single-step-transfer": [Segment("2001", 2, 3), Segment("2002", 5, 6)],
    "03-two-step-transfer": [Segment("2001", 2, 11, (3, 11)), Segment("2001", 9, 11), Segment("2002", 8, 13)],
    "04-conference-dropoff": [Segment("2001", 2, 13, (3, 10)), Segment("2001", 9, 10), Segment("2002", 8, 15)],
    "06-forward-no-answer": [Segment("2003", 4, 5)],
    "08a-outbound-answered": [Segment("2001", 5, 6)],
    "08c-outbound-no-answer-supervision": [Segment("2001", 3, 4)],
    "09-snapshot": [Segment("2001", 6, 7), Segment("2001", 6, 9, (6, 8))],
    "10-agent-session": [],
    "11-call-information": [Segment("2001", 2, 4)],
}


def moment(scenario: str, message: int) -> datetime:
    """Return when a message of a scenario comes."""
    twins = TWINS.get(scenario, set())
    return NINE + sum((TWIN if one in twins else APART for one in range(1, message + 1)), timedelta())


def answers(scenario: str) -> dict[str, Answer]:
    """Answer as the sample's server does; the snapshot is of the sample's calls, where it has one."""
    if scenario != "09-snapshot":
        return dict(WILLING)

    def of_device(root: XmlElement) -> str | None:
        is_sampled = text_of(children(root)["snapshotObject"]) == "2001"
        return only(scenario, "SnapshotDeviceResponse") if is_sampled else str(WILLING["SnapshotDevice"])

    def of_call(root: XmlElement) -> str | None:
        is_sampled = text_of(descend(root, "snapshotObject", "callID")) == "5201"
        return only(scenario, "SnapshotCallResponse") if is_sampled else None

    return {**WILLING, "SnapshotDevice": of_device, "SnapshotCall": of_call}


@cache
def heard(scenario: str, queue: str = "Sales") -> tuple[AnyEvent, ...]:
    """Let a session hear a scenario's events after its snapshot; each event is given its message's moment."""
    frames = [(number, frame.xml) for number, frame in enumerate(sample(scenario), 1) if frame.invoke == 9999]
    first = 7 if scenario == "09-snapshot" else 1

    async def play() -> Listener:
        begun = asyncio.Event()

        async def speak(pbx: Pbx) -> None:
            await begun.wait()
            for _, xml in frames:
                pbx.send(framed(9999, xml))

        async def reported(listener: Listener) -> None:
            await until(lambda: "Ended" in listener.types(), "the snapshot")
            begun.set()
            await until(lambda: len(_live(listener.events)) == len(frames), "the events")

        return await followed(Pbx(answers(scenario), speak), reported, devices=EXTENSIONS, queues={"5000": queue})

    listener = asyncio.run(play())
    before = listener.events[: len(listener.events) - len(frames)]
    stamped = [_at(event, moment(scenario, first - 1)) for event in before]
    live = enumerate(_live(listener.events), first)
    return (*stamped, *(_at(event, moment(scenario, number)) for number, event in live))


def _live(events: list[Any]) -> list[Any]:
    ended = next(place for place, event in enumerate(events) if isinstance(event, SnapshotEnded))
    return events[ended + 1 :]


def _at(event: Any, at: datetime) -> AnyEvent:
    stamped: AnyEvent = replace(event, time=at, gatewaytime=at)
    return stamped


class Told(msgspec.Struct, frozen=True):
    """What a scenario came to."""

    replay: Replay
    segments: list[Segment]


def replayed(scenario: str, recorded: tuple[Recorded, ...] = ()) -> Told:
    """Take a scenario through the core, message by message, and read its segments off the legs."""
    users = [Listed(service_id=1, user_id=one, extension=one) for one in EXTENSIONS]
    site = SiteSettings(devices=frozenset(EXTENSIONS), queues=frozenset({"5000"}))
    replay = Replay(ReplayContext(site, Directory(users, [Instance(1)])), Recorder(recordings=recorded))
    holds: dict[int, list[datetime]] = {}
    for event in heard(scenario):
        replay.play([event], rest=timedelta())
        for leg in replay.legs:
            if leg.is_held != (len(holds.get(leg.number, ())) % 2 == 1):
                holds.setdefault(leg.number, []).append(event.at)
    replay.play(heard(scenario)[-1:], rest=timedelta(seconds=30))
    return Told(replay, [_segment(scenario, leg, holds.get(leg.number, [])) for leg in replay.legs])


def _segment(scenario: str, leg: LegState, holds: list[datetime]) -> Segment:
    assert leg.disconnected_source_at is not None
    first, last = (_message(scenario, at) for at in (leg.connected_source_at, leg.disconnected_source_at))
    hold = (_message(scenario, holds[0]), _message(scenario, holds[1])) if holds else None
    return Segment(leg.device_id, first, last, hold)


def _message(scenario: str, at: datetime) -> int:
    return next(number for number in range(17) if moment(scenario, number) == at)


def is_same(scenario: str, found: Segment, meant: Segment) -> bool:
    """Say whether two segments are the same, where twins are one moment."""
    found_at, meant_at = ([one.first, one.last, *(one.hold or ())] for one in (found, meant))
    if found.device != meant.device or len(found_at) != len(meant_at):
        return False
    pairs = zip(found_at, meant_at, strict=True)
    return all(abs(moment(scenario, one) - moment(scenario, other)) <= TWIN for one, other in pairs)


def recordings(scenario: str) -> tuple[Recorded, ...]:
    """Let QMS record each segment of the index."""
    return tuple(
        Recorded(
            guid=f"G{number}", extension=one.device, began=moment(scenario, one.first), ended=moment(scenario, one.last)
        )
        for number, one in enumerate(SEGMENTS[scenario], 1)
    )


def flags_at(scenario: str, device: str) -> list[dict[str, str]]:
    """Return the flags that the legs of an extension carry in the end."""
    replay = replayed(scenario, recordings(scenario)).replay
    return [replay.flags.get(leg.number, {}) for leg in replay.legs if leg.device_id == device]


@pytest.mark.parametrize("scenario", SEGMENTS)
def test_a_sample_gives_the_segments_of_the_index(scenario: str) -> None:
    found, meant = list(replayed(scenario).segments), SEGMENTS[scenario]

    for one in meant:
        same = [segment for segment in found if is_same(scenario, segment, one)]
        assert same, f"{one} is not among {found}"
        found.remove(same[0])
    assert found == []


@pytest.mark.parametrize("scenario", SEGMENTS)
def test_every_segment_of_a_sample_that_is_recorded_is_flagged_once(scenario: str) -> None:
    replay = replayed(scenario, recordings(scenario)).replay

    expected = "joined_late" if scenario == "09-snapshot" else "flagged"
    assert {leg.outcome.value for leg in replay.legs} <= {expected}
    assert replay.written_twice == []


@pytest.mark.parametrize(
    ("scenario", "threads"),
    [
        ("01-acd-queue-call", ["01"]),
        ("02-single-step-transfer", ["02"]),
        ("03-two-step-transfer", ["04"]),
        ("04-conference-dropoff", ["07"]),
        ("06-forward-no-answer", ["0B"]),
        ("08a-outbound-answered", ["0D"]),
        ("09-snapshot", ["0F", "10"]),
        ("11-call-information", ["11"]),
    ],
)
def test_the_legs_of_a_sample_belong_to_its_interactions(scenario: str, threads: list[str]) -> None:
    found = {leg.facts.interaction_id for leg in replayed(scenario).replay.legs}

    assert sorted(one[-2:] for one in found) == threads
    assert {len(one) for one in found} == {32}


def test_a_queue_call_carries_queue_agent_and_caller() -> None:
    (leg,) = replayed("01-acd-queue-call").replay.legs
    (flags,) = flags_at("01-acd-queue-call", "2001")

    assert (leg.facts.calling_number, leg.facts.called_number) == ("+442079460123", "+442079460500")
    assert (flags["QueueName"], flags["AgentId"], flags["CTICallRef"]) == ("Sales", "9101", "4A01")


def test_a_single_step_transfer_hands_the_customer_on_under_the_new_call_reference() -> None:
    first, second = replayed("02-single-step-transfer").replay.legs

    assert (first.call_id, second.call_id) == ("4B01", "4B02")
    assert first.facts.interaction_id == second.facts.interaction_id
    assert first.facts.calling_number == second.facts.calling_number == "+442079460123"


def test_a_two_step_transfer_joins_two_calls_into_a_third() -> None:
    reported = replayed("03-two-step-transfer")
    talk, consult = sorted(
        (leg for leg in reported.replay.legs if leg.device_id == "2001"), key=lambda one: one.call_id
    )
    (other,) = (leg for leg in reported.replay.legs if leg.device_id == "2002")

    assert (talk.call_id, consult.call_id, other.call_id) == ("4C01", "4C02", "4C03")
    assert other.facts.calling_number == "+442079460123"
    assert len(flags_at("03-two-step-transfer", "2002")) == 1


def test_a_conference_keeps_the_older_leg_and_ends_the_consultation() -> None:
    reported = replayed("04-conference-dropoff").replay
    calls = sorted((leg.device_id, leg.call_id) for leg in reported.legs)

    assert calls == [("2001", "4D02"), ("2001", "4D03"), ("2002", "4D03")]


def test_a_phone_that_rang_in_vain_has_no_leg() -> None:
    (leg,) = replayed("06-forward-no-answer").replay.legs

    assert (leg.device_id, leg.facts.calling_number) == ("2003", "+442079460123")


def test_a_trunk_without_supervision_gives_an_unconfirmed_leg() -> None:
    (leg,) = replayed("08c-outbound-no-answer-supervision").replay.legs
    (answered,) = replayed("08a-outbound-answered").replay.legs

    assert leg.is_unconfirmed
    assert not answered.is_unconfirmed


def test_calls_of_a_snapshot_were_joined_late_and_are_never_flagged() -> None:
    replay = replayed("09-snapshot", recordings("09-snapshot")).replay

    assert [(leg.call_id, leg.outcome.value) for leg in replay.legs] == [
        ("5201", "joined_late"),
        ("5202", "joined_late"),
    ]
    assert replay.flags == {}
    assert replay.legs[0].facts.queue_name == "Sales"


def test_an_agents_session_follows_the_log_on() -> None:
    replay = replayed("10-agent-session").replay

    assert replay.work.sessions == {}
    assert replay.legs == []


def test_data_of_a_call_that_comes_late_is_flagged() -> None:
    (flags,) = flags_at("11-call-information", "2001")

    assert flags["CallerName"] == "J Example"
    for text in ("correlatorData=CRM-8812", "Case=99", "accountInfo=4711"):
        assert text in flags["CTI QueryData"]


def test_a_queue_without_a_name_is_known_by_its_number() -> None:
    reported = {event.data.queue_name for event in heard("01-acd-queue-call", "") if isinstance(event, CallEvent)}

    assert reported - {None} == {"5000"}
