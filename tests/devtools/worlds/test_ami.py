"""Worlds said as an Asterisk says them: the product's session reads the bytes, and its flags are right."""

from devtools.worlds.judge.player import Leg
from devtools.worlds.judge.runner import ALL, run
from devtools.worlds.judge.scenario import Event, Qms, Recording, Scenario, Site
from devtools.worlds.players.ami import AmiCorePlayer
from devtools.worlds.wires.ami_worlds import AMI_KINDS, ami_world

CALL = {"callId": "1772452801.1"}


def played(*events: Event, recordings: tuple[Recording, ...]) -> tuple[Leg, ...]:
    site = Site(devices=("2001", "02001"))
    scenario = Scenario("ami", events, site, (), Qms(recordings=recordings))
    return AmiCorePlayer().play(scenario, None).legs


def said(at: float, kind: str, **data: object) -> Event:
    return Event(at, kind, data, at + 0.01, f"{kind}-{at}")


QUEUED = (
    said(-60, "LoggedOn", agentId="02001", agentName="Wim O'Neil", deviceId="02001"),
    said(-4, "Queued", callerName="Zoe Šimák", callingNumber="+493000001", queueName="Vertrieb Süd", **CALL),
    said(0, "Established", deviceId="02001", **CALL),
)


def test_no_flag_is_wrong_or_written_twice_when_worlds_are_said_as_asterisk_does() -> None:
    report = run(AmiCorePlayer(), seed=50_000, count=24, cut=False)
    assert report.flagged > 80
    assert (report.wrong, report.double, report.unexplained, report.untrue) == (0, 0, 0, 0)


def test_the_same_events_of_asterisk_in_other_batches_come_to_the_same_flags() -> None:
    report = run(AmiCorePlayer(), seed=51_000, count=6)
    assert report.flagged > 10
    assert report.partition_differences == 0


def test_what_asterisk_says_of_a_queue_call_reaches_its_recording() -> None:
    end = said(20, "ConnectionCleared", deviceId="02001", **CALL)
    (leg,) = played(*QUEUED, end, recordings=(Recording("R1", "02001", 0, 20),))
    assert leg.flags == {
        "AgentId": "02001",
        "AgentName": "Wim O'Neil",
        "CallerName": "Zoe Šimák",
        "CTICallRef": "1772452801.1",
        "InteractionGuid": "1772452801.1",
        "QueueName": "Vertrieb Süd",
    }


def test_a_caller_who_is_handed_on_is_in_the_same_call() -> None:
    ends = {"primaryOldCallId": CALL["callId"], "resultingCallId": CALL["callId"]}
    legs = played(
        *QUEUED,
        said(8, "Transferred", transferringDeviceId="02001", transferredToDeviceId="2001", **ends),
        said(10, "Established", deviceId="2001", **CALL),
        said(20, "ConnectionCleared", deviceId="2001", **CALL),
        recordings=(Recording("R1", "02001", 0, 8), Recording("R2", "2001", 10, 20)),
    )
    assert [(x.extension, x.recording, x.flags["QueueName"], x.call) for x in legs] == [
        ("02001", "R1", "Vertrieb Süd", "1772452801.1"),
        ("2001", "R2", "Vertrieb Süd", "1772452801.1"),
    ]


def gap(start: float, end: float, missed: tuple[Event, ...] = (), **restored: object) -> tuple[Event, ...]:
    kept = [{"at": x.at, "type": x.type, "data": x.data} for x in missed]
    rows: list[tuple[float, str, dict[str, object]]] = [
        (start, "link.Lost", {}),
        (end, "link.Restored", {"missed": kept} | restored),
        (end, "snapshot.Began", {}),
        (end, "snapshot.Ended", {"agentsTold": True}),
    ]
    return tuple(Event(at, kind, data, at + 0.01, f"gap-{kind}") for at, kind, data in rows)


def test_after_a_lost_link_asterisk_lists_what_goes_on_and_who_is_there() -> None:
    came = said(6, "LoggedOn", agentId="2001", agentName="Lea Li", deviceId="2001")
    legs = played(
        *QUEUED,
        *gap(5, 9, missed=(came,)),
        said(12, "Established", deviceId="2001", callId="1772452812.51"),
        said(20, "ConnectionCleared", deviceId="02001", **CALL),
        said(21, "ConnectionCleared", deviceId="2001", callId="1772452812.51"),
        recordings=(Recording("R1", "02001", 0, 20), Recording("R2", "2001", 12, 21)),
    )
    assert [(x.recording, x.outcome, x.flags["AgentName"]) for x in legs] == [
        ("R1", "flagged", "Wim O'Neil"),
        ("R2", "flagged", "Lea Li"),
    ]


def test_a_channel_whose_name_comes_back_after_a_restart_is_in_another_call() -> None:
    legs = played(
        *QUEUED,
        *gap(5, 9, restart=6.0),
        said(10, "Queued", callId="1772452810.1", queueName="Sales"),
        said(12, "Established", deviceId="02001", callId="1772452810.1"),
        said(20, "ConnectionCleared", deviceId="02001", callId="1772452810.1"),
        recordings=(Recording("R1", "02001", 0, 6), Recording("R2", "02001", 12, 20)),
    )
    found = [(x.recording, x.call, x.flags["QueueName"], x.flags.get("CallerName")) for x in legs]
    assert found == [
        ("R1", "1772452801.1", "Vertrieb Süd", "Zoe Šimák"),
        ("R2", "1772452810.1", "Sales", None),
    ]


def test_worlds_are_made_so_that_asterisk_can_say_them() -> None:
    worlds = [ami_world(seed, ALL) for seed in range(150)]
    assert {kind for world in worlds for kind in world.kinds} == set(AMI_KINDS)
    restored = [x.event for world in worlds for x in world.said if x.event.type == "link.Restored"]
    assert any(x.data["missed"] for x in restored)
    assert any("restart" in x.data for x in restored)
    for world in worlds:
        assert len({x.id for x in world.lives}) == len(world.lives)
        assert not any("interactionId" in x.event.data for x in world.said)
        assert not (world.gap and world.stall)
