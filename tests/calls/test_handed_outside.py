"""A call that was handed on to an outside party: nothing of it is handed to what comes under its id later.

Times are seconds after noon. 2001 has Uma from 5 to 20 and hands her on outside; the end of outside parties need not be
reported.
"""

from typing import Any

import pytest

from agents.core.matching import MatchKind
from tests.calls.switchboard import Everybody, Switchboard, with_site

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn", "interactionId": "I1"}
NUMBER: dict[str, Any] = {"callingNumber": "+4930111"}
SALES: dict[str, Any] = {"queueName": "Sales"}
DEVICES = frozenset({"2001", "2002", "2003"})
Told = tuple[str, float, str, dict[str, Any]]


def _transferred(to: str, **more: Any) -> Told:
    data = {"primaryOldCallId": "C1", "transferringDeviceId": "2001", "transferredToDeviceId": to, **more}
    return ("Transferred", 20, "2001", {"resultingCallId": "C1", **data})


def _consulted(far: str, **more: Any) -> list[Told]:
    return [
        ("Held", 10, "2001", {}),
        ("Originated", 11, "2001", {"callId": "C2", "cause": "consultation"}),
        ("Established", 15, far, {"callId": "C2", "outside": True}),
        _transferred(far, secondaryOldCallId="C2", **more),
    ]


def _consulted_unlisted(far: str, **more: Any) -> list[Told]:
    """Return how 2001 consults a device that nothing says to be outside: it is not monitored."""
    return [(kind, at, device, {**data, "outside": False} if device == far else data) for kind, at, device, data in
            _consulted(far, **more)]  # fmt: skip


def _joined(to: str, *, queued: bool = False, **more: Any) -> list[Told]:
    """Return how 2001, with Uma on hold, answers a second caller and joins the two."""
    return [
        ("Held", 9, "2001", {}),
        *([("Queued", 9.5, "5000", {"callId": "C2"})] if queued else []),
        ("Established", 10, "2001", {"callId": "C2"}),
        _transferred(to, secondaryOldCallId="C2", **more),
    ]


def _joined_unnamed(far: dict[str, Any], *, dials: bool = False, **more: Any) -> list[Told]:
    """Return how 2001, with Uma on hold, talks in a second call, and joins both to no destination that is named."""
    return [
        ("Held", 9, "2001", {}),
        *([("Originated", 9.5, "2001", {"callId": "C2", **far})] if dials else []),
        ("Established", 11, "2001", {"callId": "C2", **far}),
        _transferred("", secondaryOldCallId="C2", **more),
    ]


def _consulted_and_back(far: str) -> list[Told]:
    """Return how 2001 consults outside, states its own number there, makes a conference of it and leaves."""
    moved = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C1"}
    return [
        ("Held", 10, "2001", {}),
        ("Originated", 11, "2001", {"callId": "C2", "callingNumber": "2001"}),
        ("Established", 15, "2001", {"callId": "C2"}),
        ("Conferenced", 17, "2001", {**moved, "conferencingDeviceId": "2001", "addedPartyId": far}),
        _transferred("+4999"),
    ]


WAYS: dict[str, list[Told]] = {
    "blind": [_transferred("+4999")],
    "blind to a long number": [_transferred("00491711234567")],
    "blind, and answered": [_transferred("+4999"), ("Established", 25, "+4999", {"outside": True})],
    "blind, and its trunk is reported": [
        _transferred("+4999"),
        ("Delivered", 22, "T2:1", {"outside": True, **SALES, "callerName": "Uma", "callerNameSource": "isdn"}),
        ("Established", 25, "T2:1", {"outside": True}),
    ],
    "blind, and a trunk that is not known is reported": [
        _transferred("+4999"),
        ("Established", 25, "T7", {"outside": True, **SALES, "callerName": "Uma", "callerNameSource": "isdn"}),
    ],
    "blind, and the number is reported as a device": [
        _transferred("+4999"),
        ("Established", 25, "+4999", {**SALES, "callerName": "Uma", "callerNameSource": "isdn"}),
    ],
    "attended": _consulted("+4999"),
    "attended over a trunk": _consulted("T2:1"),
    "attended over a trunk, to no place that is named": _consulted("T2:1", transferredToDeviceId=""),
    "attended, it goes on under the consultation's id": _consulted("+4999", resultingCallId="C2"),
    "attended, it goes on under an id of its own": _consulted("+4999", resultingCallId="C3"),
    "joined with another caller": _joined("T9"),
    "joined with another caller from a queue, whose number is named": _joined("+4930333", queued=True),
    "joined with another caller, under the id of that call": _joined("T9", queued=True, resultingCallId="C2"),
    "joined with another caller, whose answer is heard after that": [
        ("Delivered", 8, "2001", {"callId": "C2"}),
        ("Held", 9, "2001", {}),
        _transferred("T9", secondaryOldCallId="C2"),
    ],
    "joined with another caller, to no place that is named": _joined_unnamed({"callingNumber": "+4930222"}),
    "joined with another caller, to no place that is named, under an id of its own": _joined_unnamed(
        {"callingNumber": "+4930222"}, resultingCallId="C3"
    ),
    "joined with a number that it dialled, to no place that is named": _joined_unnamed(
        {"calledNumber": "+4930222"}, dials=True
    ),
    "out of a conference with an outside party": _consulted_and_back("T2:1"),
    "diverted": [("Diverted", 20, "2001", {"newDestination": "+4999"}), ("ConnectionCleared", 20, "2001", {})],
}


#: Of a source that lists its devices.
UNLISTED: dict[str, list[Told]] = {
    "over a trunk": _consulted_unlisted("T9"),
    "over a trunk, to no place that is named": _consulted_unlisted("T9", transferredToDeviceId=""),
    "a number, to no place that is named": _consulted_unlisted("+4999", transferredToDeviceId=""),
    "a phone that is not monitored": _consulted_unlisted("2005"),
    "a phone that is not monitored, under the consultation's id": _consulted_unlisted("2005", resultingCallId="C2"),
    "a phone that is not monitored, under an id of its own": _consulted_unlisted("2005", resultingCallId="C3"),
}


def _uma(board: Switchboard, way: list[Told], has_trunk: bool) -> str:
    board.call("Queued", 1, "C1", "5000", **SALES, **UMA, **NUMBER)
    if has_trunk:
        board.call("Established", 4, "C1", "T1:1", outside=True)
    board.call("Established", 5, "C1", "2001")
    going_on = "C1"
    for kind, seconds, device, data in way:
        board.call(kind, seconds, data.get("callId", "C1"), device, **{k: v for k, v in data.items() if k != "callId"})
        going_on = data.get("resultingCallId", going_on)
    return going_on


def _site(has_devices: bool) -> Everybody:
    if has_devices:
        return with_site(devices=DEVICES, queues=frozenset({"5000"}))
    roster = with_site(queues=frozenset({"5000"}), ignored=frozenset({"T1:1", "T2:1"}))
    outside = ("+4999", "00491711234567", "+4930333", "+4930222", "+4930111", "T9")
    roster.kinds = dict.fromkeys(outside, MatchKind.UNMATCHED)
    return roster


def _known(board: Switchboard) -> tuple[str, str, bool]:
    facts = [leg for leg in board.legs if leg.device_id == "2002"][-1].facts
    return facts.queue_name, facts.caller_name, facts.interaction_id == "I1"


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("has_trunk", [False, True])
@pytest.mark.parametrize("has_devices", [True, False])
@pytest.mark.parametrize("again", [26.0, 60.0, 290.0])
@pytest.mark.parametrize("is_queued", [False, True])
def test_a_call_that_was_handed_outside_gives_nothing_to_what_comes_under_its_id(
    way: list[Told], has_trunk: bool, has_devices: bool, again: float, is_queued: bool
) -> None:
    board = Switchboard(_site(has_devices))
    going_on = _uma(board, way, has_trunk)
    if is_queued:
        board.call("Queued", again, going_on, "5000", queueName="Support")
    board.call("Delivered", again + 2, going_on, "2002").call("Established", again + 5, going_on, "2002").waits(400)

    assert _known(board) == ("Support" if is_queued else "", "", False)


def _led_away_as_it_rings(also_rings: str = "") -> Switchboard:
    board = Switchboard(_site(has_devices=True))
    board.call("Queued", 1, "C1", "5000", **SALES, **UMA, **NUMBER)
    for device in filter(None, ("2001", also_rings)):
        board.call("Delivered", 3, "C1", device)
    return board.call("Diverted", 6, "C1", "2001", newDestination="+4999")


@pytest.mark.parametrize("named", [{}, {"callerName": "Bea", "callerNameSource": "isdn"}])
@pytest.mark.parametrize("again", [7.0, 60.0, 290.0])
def test_a_queue_call_that_a_ringing_phone_leads_outside_gives_nothing_to_what_comes_under_its_id(
    named: dict[str, str], again: float
) -> None:
    board = _led_away_as_it_rings().call("Established", again, "C1", "2002", **named).waits(400)

    assert _known(board) == ("", named.get("callerName", ""), False)


@pytest.mark.parametrize("stated", [{"interactionId": "I1"}, NUMBER])
def test_a_queue_call_that_a_ringing_phone_led_outside_comes_back_by_its_interaction_or_number(
    stated: dict[str, str],
) -> None:
    board = _led_away_as_it_rings().call("Established", 60, "C1", "2002", **stated)

    assert _known(board) == ("Sales", "Uma", True)


def test_a_queue_call_that_one_of_two_ringing_phones_leads_outside_is_answered_at_the_other() -> None:
    board = _led_away_as_it_rings(also_rings="2002").call("Established", 8, "C1", "2002")

    assert _known(board) == ("Sales", "Uma", True)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("stated", [{"interactionId": "I1"}, NUMBER])
def test_what_states_the_interaction_or_number_comes_back_from_outside(way: list[Told], stated: dict[str, str]) -> None:
    board = Switchboard(_site(has_devices=True))
    going_on = _uma(board, way, has_trunk=False)
    board.call("Delivered", 60, going_on, "2002", **stated).call("Established", 63, going_on, "2002")

    assert _known(board) == ("Sales", "Uma", True)


@pytest.mark.parametrize("to", ["2003", "5001", "P1", "*701", "701"])
def test_a_call_that_is_handed_to_a_phone_a_queue_or_a_park_slot_is_awaited(to: str) -> None:
    board = Switchboard(_site(has_devices=True))
    _uma(board, [_transferred(to)], has_trunk=True)
    board.call("Established", 60, "C1", "2002")

    assert _known(board) == ("Sales", "Uma", True)


@pytest.mark.parametrize("trunk", ["T1:1", "+4930111"])
def test_a_trunk_that_is_reported_as_any_device_is_awaited_by_nobody_either(trunk: str) -> None:
    board = Switchboard(_site(has_devices=False))
    board.call("Queued", 1, "C1", "5000", **SALES, **UMA, **NUMBER)
    board.call("Established", 4, "C1", trunk).call("Established", 5, "C1", "2001")
    board.call(*_transferred("+4999")[:2], "C1", "2001", **_transferred("+4999")[3])
    board.call("Queued", 60, "C1", "5000", queueName="Support").call("Established", 65, "C1", "2002").waits(400)

    assert _known(board) == ("Support", "", False)


@pytest.mark.parametrize("dialled", [True, False])
def test_a_caller_who_is_joined_with_a_colleague_is_awaited_there(dialled: bool) -> None:
    board = Switchboard(_site(has_devices=True))
    told = _joined("2003") if not dialled else [("Originated", 9, "2001", {"callId": "C2"}), *_joined("*70")]
    _uma(board, told, has_trunk=True)
    board.call("Established", 60, "C1", "2002")

    assert _known(board) == ("Sales", "Uma", True)


@pytest.mark.parametrize(
    "told",
    [
        _joined_unnamed({}),
        _joined_unnamed({"callingNumber": "2003"}),
        _joined_unnamed({"calledNumber": "2003"}, dials=True),
        _joined_unnamed({"callingNumber": "2001", "calledNumber": "5000"}, dials=True),
        [one for one in _joined_unnamed({"callingNumber": "+4930222"}) if one[0] != "Established"],
        [("Queued", 9.2, "5000", {"callId": "C2"}), *_joined_unnamed({"calledNumber": "+4930222"}, dials=True)][:3]
        + _joined_unnamed({})[-1:],
    ],
)
def test_a_caller_who_is_joined_with_a_call_that_states_no_number_outside_is_awaited(told: list[Told]) -> None:
    board = Switchboard(_site(has_devices=True))
    _uma(board, told, has_trunk=True)
    board.call("Established", 60, "C1", "2002")

    assert _known(board) == ("Sales", "Uma", True)


@pytest.mark.parametrize("to", ["T1:1", "5001"])
def test_a_caller_who_is_joined_with_another_at_an_ignored_device_or_a_queue_known_by_its_name_is_awaited_there(
    to: str,
) -> None:
    site = _site(has_devices=False)
    site.kinds |= {"T1:1": MatchKind.UNMATCHED, "5001": MatchKind.UNMATCHED}
    board = Switchboard(site).call("Queued", 0, "C9", "5001", queueName="Support")
    _uma(board, _joined(to), has_trunk=False)
    board.call("Established", 60, "C1", "2002")

    assert _known(board) == ("Sales", "Uma", True)


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"callerName": "Joe", "callerNameSource": "isdn"},
        {"callerName": "Joe", "callerNameSource": "external_phonebook"},
    ],
)
def test_a_number_of_which_another_name_is_known_does_not_show_that_a_call_came_back(named: dict[str, str]) -> None:
    board = Switchboard(_site(has_devices=True))
    _uma(board, [_transferred("+4999")], has_trunk=False)
    board.call("Queued", 60, "C1", "5000", **NUMBER, **named).call("Established", 63, "C1", "2002").waits(400)

    assert _known(board)[1:] == (("Joe", False) if named else ("Uma", True))


@pytest.mark.parametrize("way", UNLISTED.values(), ids=UNLISTED)
@pytest.mark.parametrize("has_trunk", [False, True])
@pytest.mark.parametrize("stated", [{}, {"callingNumber": "+4922", "callerName": "Vic", "callerNameSource": "isdn"}])
def test_who_answered_at_no_phone_and_no_queue_of_ours_is_outside(
    way: list[Told], has_trunk: bool, stated: dict[str, str]
) -> None:
    board = Switchboard(_site(has_devices=True))
    going_on = _uma(board, way, has_trunk)
    board.call("Delivered", 26, going_on, "2002").call("Established", 28, going_on, "2002", **stated)

    assert _known(board) == ("", stated.get("callerName", ""), False)


def test_a_group_that_is_not_listed_and_rings_at_the_transfer_may_lead_the_call_to_a_phone() -> None:
    way = [one if one[0] != "Established" else ("Delivered", *one[1:]) for one in _consulted_unlisted("7500")]
    board = Switchboard(_site(has_devices=True))
    going_on = _uma(board, way, has_trunk=False)
    board.call("Delivered", 22, going_on, "2002").call("Established", 24, going_on, "2002")

    assert _known(board) == ("Sales", "Uma", True)


def test_a_ringing_phone_that_leads_a_call_back_to_its_queue_of_a_long_number_leads_it_nowhere_outside() -> None:
    board = Switchboard(with_site(devices=DEVICES)).call("Queued", 1, "C1", "4930123", **UMA)
    board.call("Delivered", 3, "C1", "2001").call("Diverted", 6, "C1", "2001", newDestination="4930123").call(
        "Delivered", 8, "C1", "2002"
    )
    board.call("Established", 10, "C1", "2002")

    assert board.legs[-1].facts.caller_name == "Uma"
