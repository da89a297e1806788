"""Worlds said as the messages of a CSTA server: the product's session reads the bytes, and its flags are right."""

import asyncio
from time import monotonic

import pytest
from msgspec.structs import replace

from cti.events import Established, LinkEvent, LinkLost, LinkRestored, SnapshotBegan, SnapshotEnded
from devtools.worlds.judge.generate import KINDS
from devtools.worlds.judge.runner import ALL, run
from devtools.worlds.judge.scenario import Event, Qms, Recording, Scenario, Site
from devtools.worlds.players.csta import CstaCorePlayer, read_scenario
from devtools.worlds.players.simulated_loop import NothingLeft, SimulatedLoop
from devtools.worlds.wires.csta_events import CstaEvents
from devtools.worlds.wires.csta_worlds import OVERTAKING, QUEUE_DEVICES, SAYABLE, csta_world
from devtools.worlds.wires.habits import Habits

HERE = {"callId": "100", "deviceId": "2001"}


def scenario(*events: Event) -> Scenario:
    site = Site(devices=("2001",), queues=tuple(QUEUE_DEVICES.values()))
    return Scenario("csta", events, site, (), Qms(recordings=(Recording("R1", "2001", 0, 20),)))


def test_no_flag_is_wrong_or_written_twice_when_worlds_are_said_as_csta_messages() -> None:
    report = run(CstaCorePlayer(), seed=50_000, count=24, cut=False)
    assert report.flagged > 80
    assert (report.wrong, report.double, report.unexplained, report.untrue) == (0, 0, 0, 0)


def test_the_same_messages_in_other_batches_come_to_the_same_flags() -> None:
    report = run(CstaCorePlayer(), seed=51_000, count=6)
    assert report.flagged > 10
    assert report.partition_differences == 0


def test_what_a_call_says_reaches_its_recording() -> None:
    said = {"interactionId": "I1", "callerName": "Zoe Šimák", "callerNameSource": "isdn", "queueName": "Vertrieb Süd"}
    observed = CstaCorePlayer().play(
        scenario(
            Event(-60, "LoggedOn", {"agentId": "09101", "agentName": "Lea Li", "deviceId": "2001"}, -59.99, "e0"),
            Event(-4, "Queued", {"callId": "100"} | said, -3.99, "e1"),
            Event(0, "Established", HERE, 0.01, "e2"),
            Event(20, "ConnectionCleared", HERE, 20.01, "e3"),
        ),
        None,
    )
    assert {x.flag: x.value for x in observed.writes} == {
        "AgentId": "09101",
        "AgentName": "Lea Li",
        "CallerName": "Zoe Šimák",
        "CTICallRef": "100",
        "InteractionGuid": "I1",
        "QueueName": "Vertrieb Süd",
    }
    assert [(x.start, x.end) for x in observed.legs] == [(0, 20)]


def test_after_a_lost_link_the_server_is_asked_what_is_in_progress() -> None:
    lost = (
        Event(0, "Established", HERE, 0.01, "e1"),
        Event(5, "link.Lost", {}, 5.01, "gap-0"),
        Event(9, "link.Restored", {}, 9.01, "gap-1"),
        Event(9, "snapshot.Began", {}, 9.01, "gap-2"),
        Event(9, "Established", HERE, 9.01, "gap-3"),
        Event(9, "snapshot.Ended", {}, 9.01, "gap-4"),
        Event(20, "ConnectionCleared", HERE, 20.01, "e2"),
    )
    kinds = [type(x) for x in read_scenario(scenario(*lost)).events]
    wanted = (LinkLost, LinkRestored, SnapshotBegan, Established, SnapshotEnded)
    assert [x for x in kinds if x in wanted] == [SnapshotBegan, SnapshotEnded, Established, *wanted]
    (leg,) = CstaCorePlayer().play(scenario(*lost), None).legs
    assert (leg.recording, leg.outcome) == ("R1", "flagged")


def test_a_monitor_that_the_server_ends_is_asked_for_again_and_its_device_for_what_is_in_progress() -> None:
    lost = (
        Event(0, "Established", HERE, 0.01, "e1"),
        Event(5, "link.Lost", {"devices": ["2001"]}, 5.01, "gap-0"),
        Event(9, "link.Restored", {"devices": ["2001"]}, 9.01, "gap-1"),
        Event(9, "snapshot.Began", {"devices": ["2001"]}, 9.01, "gap-2"),
        Event(9, "Established", HERE, 9.01, "gap-3"),
        Event(9, "snapshot.Ended", {"devices": ["2001"]}, 9.01, "gap-4"),
        Event(20, "ConnectionCleared", HERE, 20.01, "e2"),
    )
    said = [(type(x), x.data.devices) for x in read_scenario(scenario(*lost)).events if isinstance(x, LinkEvent)]
    assert said[-4:] == [(x, ("2001",)) for x in (LinkLost, SnapshotBegan, SnapshotEnded, LinkRestored)]
    (leg,) = CstaCorePlayer().play(scenario(*lost), None).legs
    assert (leg.recording, leg.outcome, leg.end) == ("R1", "flagged", 20)


def test_two_conversations_soon_after_each_other_are_doubtful_where_no_event_says_when_it_happened() -> None:
    """QMS has a recording of the first alone: a link that stalls may have reported both late."""
    soon = (
        Event(0, "Established", HERE, 0.01, "e1"),
        Event(3, "ConnectionCleared", HERE, 3.01, "e2"),
        Event(3.5, "Established", HERE | {"callId": "101"}, 3.51, "e3"),
        Event(8, "ConnectionCleared", HERE | {"callId": "101"}, 8.01, "e4"),
    )
    qms = Qms(recordings=(Recording("R1", "2001", 0, 3),))
    assert [x.flags for x in CstaCorePlayer().play(replace(scenario(*soon), qms=qms), None).legs] == [{}, {}]


def test_worlds_are_made_so_that_csta_can_say_them() -> None:
    worlds = [csta_world(seed, ALL) for seed in range(200)]
    assert {kind for world in worlds for kind in world.kinds} == {*KINDS, *SAYABLE}
    assert any(world.gap for world in worlds)
    assert any(world.stall for world in worlds)
    for world in worlds:
        assert not world.whole_seconds
        assert not (world.gap and world.stall)
        heard = sorted((x.event.heard, x.event.id) for x in world.said if not x.lost)
        assert len({name for _, name in heard}) == len(heard)
        assert all(x.event.data["deviceId"] for x in world.said if x.event.type == "LoggedOff")


def test_monitors_overtake_each_other_by_less_than_a_tenth_of_a_second_and_none_itself() -> None:
    """In worlds 900349 and 901833 another monitor's report came later, and a log-off after what followed it."""
    for seed in (*range(900_000, 900_060), 900_349, 901_833):
        said = [x.event for x in csta_world(seed, ALL).said if not x.lost]
        first = {x.id: x.heard for x in said}
        repeats = [x for x in said if x.id.endswith("-b") and x.id[:-2] in first]
        assert all(abs(x.heard - first[x.id[:-2]]) <= OVERTAKING + 0.001 for x in repeats)
        for device in {x.data.get("deviceId") for x in said} - {None}:
            own = [x for x in said if x.data.get("deviceId") == device and not x.id.endswith("-b")]
            heard, at = sorted(own, key=lambda x: (x.heard, x.at)), sorted(own, key=lambda x: (x.at, x.heard))
            offs = [x for x in own if x.type == "LoggedOff"]
            assert [[y.id for y in heard if y.heard < x.heard] for x in offs] == [
                [y.id for y in at if y.at < x.at] for x in offs
            ]


def test_an_hour_passes_at_once_where_nothing_is_left_to_do() -> None:
    loop, began = SimulatedLoop(100.0), monotonic()
    loop.run_until_complete(asyncio.sleep(3600))
    assert (loop.time(), monotonic() - began < 60) == (3700, True)
    with pytest.raises(NothingLeft):
        loop.run_until_complete(loop.create_future())
    loop.close()


def test_some_servers_call_it_a_new_call_where_a_consulted_phone_rings_and_answers() -> None:
    events = CstaEvents(Habits(new_call=True), ("2001", "2002"), QUEUE_DEVICES)
    dialled = {"callId": "101", "deviceId": "2001", "cause": "consultation"}
    (first,) = events.messages(Event(0, "Originated", dialled, 0, "e1"), 1)
    (second,) = events.messages(Event(2, "Established", {"callId": "101", "deviceId": "2002"}, 2, "e2"), 1)
    assert b"<cause>consultation</cause>" in first
    assert b"<cause>newCall</cause>" in second


def test_a_call_overflows_from_the_device_of_a_queue_to_that_of_another() -> None:
    events = CstaEvents(Habits(), ("2001",), QUEUE_DEVICES)
    data = {"callId": "101", "deviceId": "Sales", "newDestination": "Support", "cause": "overflow"}
    (message,) = events.messages(Event(0, "Diverted", data, 0, "e1"), 1)
    assert message.index(QUEUE_DEVICES["Sales"].encode()) < message.index(QUEUE_DEVICES["Support"].encode())
    assert b"Support" not in message
