"""A PBX answers behind what its line holds back: so a transfer that came late differs from one on a quiet site."""

from collections.abc import Callable

import pytest

from cti.events import AnyEvent, Transferred
from devtools.worlds.judge.scenario import Event, Qms, Recording, Scenario, Site
from devtools.worlds.players import ami, csta
from devtools.worlds.players.core import CorePlayer
from devtools.worlds.players.recorder import seconds_of
from devtools.worlds.wires.csta_parts import document, frame, text
from devtools.worlds.wires.csta_worlds import QUEUE_DEVICES
from devtools.worlds.wires.line import BEHIND, OrderedLine

FIRST, SECOND = "1772452800.1", "1772452820.51"
MOVED = {"primaryOldCallId": FIRST, "secondaryOldCallId": SECOND, "resultingCallId": FIRST}


def said(at: float, kind: str, heard: float | None = None, **data: object) -> Event:
    return Event(at, kind, data, at + 0.01 if heard is None else heard, f"{kind}-{at}")


def consultation(transferred: float, heard: float) -> Scenario:
    """2001 has a customer on hold from 20 on, consults 2002, and hands over; 2002's recording ends when it does."""
    events = (
        said(
            0,
            "Queued",
            callId=FIRST,
            callerName="Zoe Šimák",
            callingNumber="+493000001",
            queueName=next(iter(QUEUE_DEVICES)),
        ),
        said(1, "Established", callId=FIRST, deviceId="2001"),
        said(20, "Held", callId=FIRST, deviceId="2001"),
        said(20.5, "Originated", callId=SECOND, deviceId="2001"),
        said(22, "Established", callId=SECOND, deviceId="2002"),
        said(transferred, "Transferred", heard, transferringDeviceId="2001", transferredToDeviceId="2002", **MOVED),
        said(120, "ConnectionCleared", callId=FIRST, deviceId="2002"),
    )
    site = Site(devices=("2001", "2002"), queues=tuple(QUEUE_DEVICES.values()))
    return Scenario("consulted", events, site, (), Qms(recordings=(Recording("R2", "2002", 22, 120),)))


QUIET = consultation(82, 82.01)
STALLED = consultation(40, 82.01)


class SilentCsta(csta.CstaPbx):
    """Answers no status request."""

    def write_in_order(self, data: bytes) -> None:
        """Send nothing."""


class RefusingCsta(csta.CstaPbx):
    """Refuses status requests."""

    def write_in_order(self, data: bytes) -> None:
        """Send a refusal."""
        refusal = document("CSTAErrorCode", self.server.events.habits.edition, text("operation", "invalidFeature"))
        super().write_in_order(frame(int(data[4:8]), refusal))


class SilentAmi(ami.AmiPbx):
    """Answers no ping."""

    def pong(self, fields: dict[str, str]) -> None:
        """Send nothing."""


class RefusingAmi(ami.AmiPbx):
    """Refuses pings."""

    def pong(self, fields: dict[str, str]) -> None:
        """Send a refusal."""
        self.write(f"Response: Error\r\nActionID: {fields['ActionID']}\r\nMessage: Permission denied\r\n\r\n".encode())


def held_since(events: list[AnyEvent]) -> float | None:
    (transfer,) = [one for one in events if isinstance(one, Transferred)]
    assert seconds_of(transfer.at) == pytest.approx(82.01, abs=0.02)
    return None if transfer.heldsince is None else seconds_of(transfer.heldsince)


READERS: list[Callable[[Scenario], list[AnyEvent]]] = [
    csta.CstaCorePlayer().events_of,
    ami.AmiCorePlayer().events_of,
]


@pytest.mark.parametrize("events_of", READERS, ids=["csta", "ami"])
def test_a_transfer_that_a_stalled_line_held_back_says_since_when_at_the_earliest(
    events_of: Callable[[Scenario], list[AnyEvent]],
) -> None:
    events = events_of(STALLED)
    since = held_since(events)
    assert since is not None
    assert 34 < since <= 40
    assert [one.at for one in events if one.heldsince is not None and seconds_of(one.at) > 83] == []


@pytest.mark.parametrize("events_of", READERS, ids=["csta", "ami"])
def test_on_a_quiet_site_no_event_is_old(events_of: Callable[[Scenario], list[AnyEvent]]) -> None:
    assert [one for one in events_of(QUIET) if one.heldsince is not None] == []


@pytest.mark.parametrize("make", [SilentCsta, RefusingCsta])
def test_a_server_that_does_not_say_its_status_is_followed_as_before(make: Callable[[Scenario], csta.CstaPbx]) -> None:
    assert held_since(csta.read_scenario(STALLED, make).events) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [SilentAmi, RefusingAmi])
def test_an_asterisk_that_answers_no_ping_is_followed_as_before(make: Callable[[Scenario], ami.AmiPbx]) -> None:
    assert held_since(ami.read_scenario(STALLED, make).events) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(("scenario", "name"), [(QUIET, "Zoe Šimák"), (STALLED, None)], ids=["quiet", "stalled"])
def test_what_two_people_consulted_for_a_minute_keeps_the_customers_data_unless_the_line_stalled(
    scenario: Scenario, name: str | None
) -> None:
    """To both the gateway hears the same at the same times; only the answers to its status requests differ."""
    player: CorePlayer = csta.CstaCorePlayer()
    flags = {one.flag: one.value for one in player.play(scenario, None).writes if one.recording == "R2"}
    assert flags.get("CallerName") == name


def test_a_line_brings_an_answer_behind_what_was_said_before_it() -> None:
    line = OrderedLine([said(10, "Held"), said(11, "Held", 20), said(12, "Held", 20.001), said(30, "Held")])
    assert [line.brings(sent) for sent in (5, 10.5, 11.5, 12, 25)] == [5, 10.5, 20 + BEHIND, 20.001 + BEHIND, 25]
