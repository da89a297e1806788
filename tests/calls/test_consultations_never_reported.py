"""A call is handed on while the colleague rings, which is not reported, under an id whose last call is over.

2001 talks with Jo in C1 since 20.3 and dials 2002 in C2, of which nothing is heard but the transfer or conference at
45.5, that names it. Vic's call had the id C2 before. 2002 answers at 48.2. Times are seconds.
"""

import pytest

from calls.transcript.replay import Replay
from tests.calls.switchboard import Switchboard
from tests.relatives.case import (
    JO,
    MOVES,
    Case,
    Event,
    cleared,
    established,
    heard,
    information,
    played,
    transferred,
)

pytestmark = pytest.mark.core

TIMES = ("fractions", "whole seconds", "none")
VIC = {"queue": "Billing", "name": "Vic", "number": "+4930222"}
#: What Jo's call states.
JOS = {"interaction": {"name": "Jo", "number": "+4930111", "interaction": "I1"}, "number": {**JO, "number": "+4930111"}}
JOS["number"].pop("interaction")
NAMES = ("QueueName", "CallerName", "CTICallRef", "CTI QueryData", "CTIWrapup")


def _ended(phone: str, before: float, **vics: str) -> list[Event]:
    """Vic's call at a phone, over a while before the move."""
    data = information(12.3, "C2", phone, queryData={"customer": "V"})
    return [established(10.3, "C2", phone, **(vics or VIC)), data, cleared(45.5 - before, "C2", phone)]


def _gone_outside(phone: str, first: str) -> list[Event]:
    """Vic's call, handed on to an outside number as C2; its end is not reported."""
    data = information(12.3, first, phone, queryData={"customer": "V"})
    move = transferred(25.3, first, "", "C2", phone, "+49171333", cause="singleStepTransfer")
    return [established(10.3, first, phone, **VIC), data, move]


FORMER = {
    f"{phone} left {before} s before": _ended(phone, before)
    for phone in ("2001", "2002", "2003")
    for before in (0.1, 0.4, 0.8)
} | {
    f"{phone} handed {first} on outside": _gone_outside(phone, first)
    for phone in ("2001", "2003")
    for first in ("C2", "C9")
}
#: Phone of Vic, how long before the move it left, and the times, where these show it without Vic's number.
SHOWN = [("2003", before, times) for before in (0.1, 0.4, 0.8) for times in TIMES]
SHOWN += [(phone, before, "fractions") for phone in ("2001", "2002") for before in (0.4, 0.8)]


def _once_more(move: Event) -> Event:
    """Another monitor's report of a move."""
    return {**move, "at": move["at"] + 0.3, "id": "again"}


def _played(former: list[Event], jos: dict[str, str], move: str, ids: tuple[str, str, str], times: str) -> Replay:
    moved = MOVES[move](45.5, *ids, "2001", "2002")
    events = [*former, established(20.3, "C1", "2001", **jos), moved, _once_more(moved)]
    events += [established(48.2, ids[2], "2002"), cleared(60, ids[2], "2002")]
    events += [cleared(59.9, ids[2], "2001")] if move == "conferenced" else []
    events += [information(62, "C1", "2001", wrapup={"result": "Sale"})]
    told = [heard(one["at"] + 0.02, one) for one in sorted(events, key=lambda one: float(one["at"]))]
    if times == "whole seconds":
        told = [{**one, "at": float(int(one["at"]))} for one in told]
    if times == "none":
        told = [{**one, "at": one["heard"]} for one in told]
    until = 45.5 if move == "transferred" else 59.9
    vics = next(one for one in former if one["type"] == "Established")["deviceId"]
    ended = former[-1]["at"]
    recordings = [("R1", "2001", 20.35, until), ("R2", "2002", 48.3, 59.9), ("R3", vics, 10.35, ended)]
    site = {"has_source_times": times != "none", "wrapup_wait_seconds": 60}
    return played(Case("", told, [], recordings, site=site))


def _flags(replay: Replay) -> dict[str, dict[str, str]]:
    return {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid}


def _values(replay: Replay) -> dict[str, tuple[str, ...]]:
    return {guid: tuple(one.get(name, "") for name in NAMES) for guid, one in _flags(replay).items()}


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
@pytest.mark.parametrize("is_swapped", [False, True], ids=["", "swapped"])
@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("jos", JOS)
@pytest.mark.parametrize("former", FORMER)
def test_a_consultation_that_was_never_reported_gives_nothing_of_its_ids_last_call(
    former: str, jos: str, move: str, is_swapped: bool, new: str, times: str
) -> None:
    ids = ("C2", "C1", new) if is_swapped else ("C1", "C2", new)
    replay = _played(FORMER[former], JOS[jos], move, ids, times)
    flags, values = _flags(replay), _values(replay)

    queue = JOS[jos].get("queue", "")
    assert values["R2"] == (queue, "Jo", new, "", "")
    assert values["R1"][:2] == (queue, "Jo")
    assert values["R3"][:2] == ("Billing", "Vic")
    assert values["R3"][3:] == ("customer=V", "")
    assert flags["R1"]["InteractionGuid"] == flags["R2"]["InteractionGuid"] != flags["R3"]["InteractionGuid"]


@pytest.mark.parametrize(("phone", "before", "times"), SHOWN)
@pytest.mark.parametrize("is_swapped", [False, True], ids=["", "swapped"])
@pytest.mark.parametrize("move", MOVES)
def test_so_it_is_of_a_call_without_number_that_was_over_by_the_times_or_with_nobody_of_the_move(
    move: str, is_swapped: bool, phone: str, before: float, times: str
) -> None:
    ids = ("C2", "C1", "C1") if is_swapped else ("C1", "C2", "C1")
    replay = _played(_ended(phone, before, queue="Billing", name="Vic"), JOS["interaction"], move, ids, times)

    assert _values(replay)["R2"] == ("", "Jo", "C1", "", "")


def test_another_report_of_a_transfer_begins_no_call() -> None:
    """It names calls that are joined already, and has a time of its own."""
    members = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C1"}
    named = {**members, "transferringDeviceId": "2001", "transferredToDeviceId": "2002"}
    board = Switchboard().call("Established", 5.1, "C1", "2001").call("Originated", 9.1, "C2", "2001")
    board.call("Established", 12.1, "C2", "2002").call("Transferred", 20.1, "", **named)
    known = set(board.state.calls)
    board.call("Transferred", 20.6, "", **named)

    assert set(board.state.calls) == known


def test_a_call_that_had_moved_elsewhere_just_before_is_no_other_report_of_the_event() -> None:
    """2003 hands its call C2 on as C3 at 45.1; 2001 hands C1 on to 2002 at 45.5, in a new call C2."""
    gone = [established(10.3, "C2", "2003", **VIC), transferred(45.1, "C2", "", "C3", "2003", "2004")]
    ended = [cleared(45.2, "C9", "2003")]
    replay = _played([*gone, *ended], JOS["number"], "transferred", ("C1", "C2", "C1"), "fractions")

    assert _values(replay)["R2"] == ("Sales", "Jo", "C1", "", "")
