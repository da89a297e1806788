"""Of which leg a wrap-up is where calls of its id were moved, or where a gap may hide that they were.

Seconds after noon; wrap-ups are awaited for 120 s.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment
from tests.calls.test_wrap_up_edges import SITE, with_gap, wrapped_up

pytestmark = pytest.mark.core


def talked(board: Switchboard, begin: float, end: float, call_id: str, device: str, **data: Any) -> Switchboard:
    return board.call("Established", begin, call_id, device, **data).call("ConnectionCleared", end, call_id, device)


def transferred(at: float, old: str, new: str, host: str, to: str) -> AnyEvent:
    names = {"primaryOldCallId": old, "resultingCallId": new}
    return event("Transferred", at, transferringDeviceId=host, transferredToDeviceId=to, **names)


def conferenced(at: float, new: str) -> AnyEvent:
    names = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": new}
    return event("Conferenced", at, conferencingDeviceId="2001", addedPartyId="2002", **names)


def conference(new: str = "C2") -> Switchboard:
    """2001 talks with a customer in C1 and takes 2002 into it, who leaves last."""
    board = Switchboard(SITE).call("Established", 5, "C1", "2001").call("Held", 8, "C1", "2001")
    board.call("Originated", 9, "C2", "2001", cause="consultation").call("Established", 10, "C2", "2002")
    board.hears(conferenced(15, new)).call("ConnectionCleared", 20, new, "2001")
    return board.call("ConnectionCleared", 25, new, "2002")


# Each id names several calls, of which some were moved


@pytest.mark.parametrize(("named", "results"), [("2003", ["", "", "", "sold"]), ("2004", ["", "", "", ""])])
def test_a_wrap_up_is_of_the_call_that_its_extension_was_in_though_one_before_became_a_conference(
    named: str, results: list[str]
) -> None:
    board = talked(conference(), 30, 40, "C1", "2003")

    assert wrapped_up(board, 50, deviceId=named) == results


def test_a_wrap_up_is_of_the_call_that_its_extension_was_in_though_the_next_one_was_transferred() -> None:
    board = talked(Switchboard(SITE), 5, 20, "C1", "2001").call("Established", 25, "C1", "2002")
    board.hears(transferred(30, "C1", "C3", "2002", "2003"))

    assert wrapped_up(board, 50, deviceId="2001") == ["sold", ""]


def test_a_wrap_up_under_the_former_id_is_of_the_leg_that_handed_the_call_on() -> None:
    board = Switchboard(SITE).call("Queued", 1, "C1", queueName="Sales")
    board.call("Diverted", 3, "C1", "Sales", cause="queueCleared").call("Established", 5, "C1", "2001")
    board.hears(transferred(10, "C1", "C3", "2001", "2002"))
    talked(board, 12, 20, "C3", "2002")

    assert wrapped_up(board, 50, deviceId="2001") == ["sold", ""]


def test_a_wrap_up_under_a_former_id_is_of_the_leg_that_the_call_went_on_with() -> None:
    board = Switchboard(SITE).call("Established", 5, "C1", "2001")
    board.hears(transferred(10, "C1", "C3", "2001", "2002"))
    talked(board, 12, 20, "C3", "2002")

    assert wrapped_up(board, 50, deviceId="2002") == ["", "sold"]


def test_a_wrap_up_of_an_extension_that_was_in_two_calls_of_its_id_is_of_none_though_one_went_on_elsewhere() -> None:
    board = talked(conference(), 30, 40, "C1", "2001")

    assert wrapped_up(board, 50, deviceId="2001") == ["", "", "", ""]


# Its extension's answer in the id's present call is heard late


LEFT = event("ConnectionCleared", 38.1, callId="C1", deviceId="2003")
RANG = event("Delivered", 37, callId="C1", deviceId="2003")


@pytest.mark.parametrize("before", [[LEFT], [], [RANG], [RANG, LEFT]], ids=["left", "awaited", "rings", "rang"])
def test_a_wrap_up_is_not_of_the_call_before_where_its_extension_may_have_answered_the_present_one(
    before: list[AnyEvent],
) -> None:
    board = talked(Switchboard(SITE), 5, 20, "C1", "2003").call("Established", 30, "C2", "2001")
    board.hears(transferred(36, "C2", "C1", "2001", "2003"), *before)

    assert wrapped_up(board, 38.4, deviceId="2003") == ["", ""]


@pytest.mark.parametrize(("end", "result"), [(20.04, "sold"), (21, "sold"), (21.001, "")])
def test_an_end_that_repeats_that_of_the_call_before_is_of_no_later_call(end: float, result: str) -> None:
    board = Switchboard(SITE).call("Established", 5, "C1", "2001").call("CallCleared", 20, "C1")
    board.call("ConnectionCleared", end, "C1", "2001")

    assert wrapped_up(board, 30, deviceId="2001") == [result]


@pytest.mark.parametrize(("at", "result"), [(39.1, ""), (39.101, "sold")])
def test_a_phone_that_rang_has_not_answered_if_that_is_not_heard_a_second_later(at: float, result: str) -> None:
    board = talked(Switchboard(SITE), 5, 20, "C1", "2003").call("Queued", 30, "C1", "Sales").hears(RANG, LEFT)

    assert wrapped_up(board, at, deviceId="2003") == [result]


def test_a_phone_to_which_a_call_was_handed_on_that_another_one_answered_is_not_awaited_any_more() -> None:
    board = talked(Switchboard(SITE), 5, 20, "C1", "2003").call("Established", 30, "C2", "2001")
    board.hears(transferred(36, "C2", "C1", "2001", "2003")).call("Established", 38, "C1", "2004")

    assert wrapped_up(board, 50, deviceId="2003") == ["sold", "", ""]


# A gap may hide a conference


def consulting(*, answered: bool = True) -> Switchboard:
    """2001 holds C1 and consults 2002 in C2, all of one interaction, as the link is lost."""
    board = Switchboard(SITE).call("Established", 85, "C1", "2001", interactionId="I1").call("Held", 90, "C1", "2001")
    board.call("Originated", 91, "C2", "2001", interactionId="I1", cause="consultation")
    return board.call("Established", 93, "C2", "2002", interactionId="I1") if answered else board


@pytest.mark.parametrize("left", [112, 140, None])
@pytest.mark.parametrize("stated", [{}, {"interactionId": "I1"}])
@pytest.mark.parametrize("found", ["C2", ""])
def test_a_wrap_up_is_not_of_a_consultation_that_may_have_become_a_conference_in_a_gap(
    found: str, stated: dict[str, str], left: float | None
) -> None:
    board = with_gap(consulting(), 100, 110, found)
    if found and left is not None:
        board.call("ConnectionCleared", left, "C2", "2001")

    assert wrapped_up(board, 150, "C2", deviceId="2001", **stated) == ["", "", ""]


@pytest.mark.parametrize("gap", [(60, 70), (130, 140)])
def test_a_consultation_that_no_gap_fell_into_may_be_wrapped_up(gap: tuple[float, float]) -> None:
    board = with_gap(Switchboard(SITE), *gap) if gap[0] < 85 else Switchboard(SITE)
    for one in ("C1", "C2"):
        board.call("Established", 85, one, "2001", interactionId="I1").call("Held", 86, "C1", "2001")
    board.call("ConnectionCleared", 120, "C2", "2001").call("Retrieved", 121, "C1", "2001")
    board = board if gap[0] < 85 else with_gap(board, *gap, "C1")

    assert wrapped_up(board, 150, "C2", deviceId="2001", interactionId="I1") == ["", "sold"]


@pytest.mark.parametrize(("at_loss", "result"), [(True, ""), (False, "sold")])
def test_who_talked_as_the_link_was_lost_may_wrap_that_up_under_the_id_of_a_later_call(
    at_loss: bool, result: str
) -> None:
    board = with_gap(consulting(answered=False) if at_loss else Switchboard(SITE), 100, 110)
    talked(board, 115, 130, "C3", "2001")

    assert wrapped_up(board, 140, "C3", deviceId="2001")[-1] == result


def test_who_talks_still_after_a_gap_without_a_snapshot_may_wrap_that_up_under_the_id_of_a_later_call() -> None:
    board = consulting(answered=False)
    board.hears(event("Lost", 100, family="link"), event("Restored", 110, family="link"))
    talked(board, 115, 130, "C3", "2001")

    assert wrapped_up(board, 140, "C3", deviceId="2001")[-1] == ""


def test_a_wrap_up_of_an_extension_that_is_not_known_to_have_talked_in_the_ids_call_names_nobody_in_it() -> None:
    """2003 was in the id's call of before: only its end is heard, and the answer after the wrap-up, 0.9 s late."""
    ann = {"callerName": "Ann", "callerNameSource": "external_phonebook"}
    wrapup = {"wrapup": {"result": "sold", "template": "standard"}}
    heard: list[tuple[str, float, float, str, dict[str, Any]]] = [
        ("Queued", 22.1, 22.1, "", {"queueName": "Support", "callingNumber": "+4930111", **ann}),
        ("ConnectionCleared", 25.4, 25.4, "T6", {}),
        ("Queued", 25.6, 25.6, "", {"queueName": "Doctors", "callingNumber": "+4930222", "callerName": "Max"}),
        ("ConnectionCleared", 25.41, 25.76, "2003", {}),
        ("CallInformation", 25.7, 25.97, "2003", {**wrapup, **ann}),
        ("Established", 25.1, 25.99, "2003", {"callingNumber": "+4930111", "queueName": "Support", **ann}),
        ("Established", 29.6, 29.6, "2001", {"callingNumber": "+4930222", "queueName": "Sales"}),
    ]
    events = [
        replace(event(kind, at, callId="C1", deviceId=at_, **data), gatewaytime=moment(told))
        for kind, at, told, at_, data in heard
    ]
    board = Switchboard(SITE).hears(*events)

    assert [leg.facts.caller_name for leg in board.legs if leg.device_id == "2001"] == ["Max"]


def test_a_phone_that_rang_in_vain_in_the_ids_call_of_before_is_wrapped_up_in_the_next() -> None:
    board = Switchboard(SITE).call("Delivered", 3, "C1", "2002").call("Delivered", 3, "C1", "2001")
    talked(board, 5, 20, "C1", "2001").call("Delivered", 40, "C1", "2002")
    talked(board, 43, 60, "C1", "2002")

    assert wrapped_up(board, 65, deviceId="2002") == ["", "sold"]
