"""Worlds over TCP: a PBX that a running gateway connects to, here a client of this test's own."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from devtools.servers import free_port
from devtools.worlds.judge.http import Gateway
from devtools.worlds.judge.player import Leg
from devtools.worlds.judge.scenario import Event, Scenario, Site
from devtools.worlds.players.http_run import chosen_worlds
from devtools.worlds.players.live import Taps
from devtools.worlds.players.live_wires import AMI, CSTA, LiveWire
from devtools.worlds.players.wire_live import LiveLine, WirePlayer, begun
from devtools.worlds.wires.ami_calls import AmiCalls
from devtools.worlds.wires.csta_parts import frame
from devtools.worlds.wires.csta_worlds import QUEUE_DEVICES

PHONE = "2001"
SAID = (
    Event(0.0, "Queued", {"callId": "1772452801.1", "queueName": "Sales"}, 0.01, "e1"),
    Event(0.1, "Established", {"callId": "1772452801.1", "deviceId": PHONE}, 0.11, "e2"),
)


def monitors() -> bytes:
    devices = [PHONE, *QUEUE_DEVICES.values()]
    asked = "<MonitorStart><monitorObject><deviceObject>{}</deviceObject></monitorObject></MonitorStart>"
    return b"".join(frame(n, asked.format(device).encode()) for n, device in enumerate(devices, 1))


@pytest.mark.parametrize(
    ("wire", "asks", "answered", "hears"),
    [
        (CSTA, monitors, b"<MonitorStartResponse", b"<EstablishedEvent"),
        (AMI, lambda: b"Action: Agents\r\nActionID: 1\r\n\r\n", b"AgentsComplete", b"Event: BridgeEnter"),
    ],
    ids=["csta", "ami"],
)
def test_a_pbx_waits_for_its_client_and_says_events_as_they_fall_due(
    wire: LiveWire, asks: Callable[[], bytes], answered: bytes, hears: bytes
) -> None:
    port = free_port()
    line = LiveLine(wire.pbx(Scenario("live", (), Site(devices=(PHONE,)))), port)
    line.start()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(asks())
            assert answered in heard_until(client, answered)
            line.await_listener()
            player = WirePlayer(Gateway("http://127.0.0.1:1", ""), Taps(""), 0.0, line)
            player.post_all(SAID, None, datetime.now(UTC) - timedelta(seconds=1), "run")
            assert hears in heard_until(client, hears)
    finally:
        line.stop()
    assert player.accepted.keys() == {"e1", "e2"}


def heard_until(client: socket.socket, wanted: bytes) -> bytes:
    data = b""
    while wanted not in data and (more := client.recv(65536)):
        data += more
    return data


@pytest.mark.parametrize("wire", [CSTA, AMI], ids=["csta", "ami"])
def test_worlds_that_share_a_link_neither_stall_nor_lose_it(wire: LiveWire) -> None:
    worlds = list(chosen_worlds(0, ("queue", "blind", "stall", "gap", "duplicates"), 60, 60.0, wire.make))
    assert worlds
    assert all(world.gap is None and world.stall is None for world in worlds)


def test_channels_of_calls_side_by_side_have_ids_of_their_own() -> None:
    calls = AmiCalls(0.0)
    said = b""
    for world in ("001", "002"):
        call = {"callId": f"{world}1772452801.50", "queueName": "Sales"}
        said += calls.say(Event(1.0, "Queued", call, 1.01, world))
        said += calls.say(Event(1.5, "Delivered", call | {"deviceId": f"{world}2001"}, 1.51, world))
    born = [part.split(b"Uniqueid: ")[1].split(b"\r")[0] for part in said.split(b"\r\n\r\n") if b"Newchannel" in part]
    assert len(set(born)) == len(born) == 4


@pytest.mark.parametrize(
    ("heard_from", "begins"),
    [(0.16, 0.1), (0.08, 0.08)],
    ids=["heard late", "before it was said"],
)
def test_a_leg_of_a_source_without_times_begins_when_the_world_says(heard_from: float, begins: float) -> None:
    leg = Leg(PHONE, heard_from, 5.0, "1772452801.1", None, "not_recorded", "", {})
    assert begun(leg, SAID).start == begins
