"""Lives of an id that an end heard late leaves together: where something else shows that they are two calls.

Times are seconds after noon; events come in the order in which they are written. Each test is the smallest form of what
``./gateway worlds`` found.
"""

import pytest
from msgspec.structs import replace

from calls.core.result_events import RecordingFound
from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

FAY = {"callerName": "Fay", "callerNameSource": "isdn", "queueName": "Billing"}


def _last(board: Switchboard, device: str) -> LegState:
    return [leg for leg in board.legs if leg.device_id == device][-1]


def _knows(board: Switchboard, device: str) -> tuple[str, str]:
    facts = _last(board, device).facts
    return facts.queue_name, facts.caller_name


def test_who_dials_under_an_id_is_not_in_the_call_that_was_queued_under_it_before() -> None:
    """2003 left at 23.4, which is heard after a caller who gave up without a word, and after that 2005 dialled."""
    board = Switchboard().call("Established", 22.7, "C1", "2003").call("Queued", 23.6, "C1", **FAY)
    board.call("Originated", 24.1, "C1", "2005").call("ConnectionCleared", 23.4, "C1", "2003")
    board.call("Established", 26.1, "C1", "2004").call("ConnectionCleared", 27.6, "C1", "2005")
    board.call("ConnectionCleared", 27.6, "C1", "2004").waits(60)

    assert (_knows(board, "2004"), _knows(board, "2005")) == (("", ""), ("", ""))


@pytest.mark.parametrize(("stated", "interaction"), [({}, False), ({"interactionId": "I4"}, True)])
def test_who_came_after_a_caller_had_left_the_queue_is_in_another_call(
    stated: dict[str, str], interaction: bool
) -> None:
    """The caller leaves the queue at 19, which is heard after 2005's call; the same interaction is the same call."""
    board = Switchboard().call("Queued", 16, "C1", **FAY, interactionId="I4")
    board.call("Established", 19.25, "C1", "2005", **stated).call("ConnectionCleared", 19.35, "C1", "2005")
    board.call("Diverted", 19, "C1", "Billing", cause="queueCleared").waits(60)

    assert (_last(board, "2005").facts.interaction_id == "I4") is interaction
    assert _knows(board, "2005")[1] == ("Fay" if interaction else "")


def test_who_came_just_before_a_call_was_cleared_may_be_over_with_it() -> None:
    """Without times: the far end and 2002 answer within a second of it; the id is used again a minute later."""
    board = Switchboard(with_site(has_source_times=False)).call("Originated", 11, "C1", "2001")
    board.call("Established", 13.1, "C1", "T1", outside=True).call("Established", 13.2, "C1", "2002")
    board.call("ConnectionCleared", 13.4, "C1", "2002").call("CallCleared", 13.42, "C1")
    board.call("ConnectionCleared", 13.45, "C1", "2001").call("Established", 87, "C1", "2001", callingNumber="+493008")
    board.call("ConnectionCleared", 90, "C1", "2001").waits(120)

    assert _last(board, "2001").facts.interaction_id != _last(board, "2002").facts.interaction_id


def test_a_repeat_of_a_report_of_before_a_transfer_does_not_hand_the_leg_on_again() -> None:
    """2006 answers at 9.2, which is heard after the transfer of 9.7, and once more when QMS had named its recording."""
    board = Switchboard().call("Established", 4.2, "C1", "2003").call("Established", 9.2, "C2", "2003")
    joined = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "transferringDeviceId": "2003"}
    board.hears(event("Transferred", 9.7, resultingCallId="C3", transferredToDeviceId="2006", **joined))
    answered = event("Established", 9.2, callId="C2", deviceId="2006")
    board.hears(replace(answered, gatewaytime=moment(9.77)))
    number = _last(board, "2006").number
    board.found(9.79, number, "R", started=9.2, asked=9.77)
    before = (len(board.legs), _last(board, "2006").searches)
    board.hears(replace(answered, gatewaytime=moment(10.04)))

    assert (len(board.legs), _last(board, "2006").searches) == before


def test_a_further_end_of_a_phone_ends_what_the_id_named_in_between() -> None:
    """Three calls at 2006: until 21.65, from 21.9 to 22.0, and until 22.45; the first end is heard last but one."""
    board = Switchboard().call("Established", 21.45, "C1", "2006").call("Established", 21.9, "C1", "2006")
    board.call("ConnectionCleared", 22, "C1", "2006")
    board.call("Delivered", 22.2, "C1", "2006", callerName="Lea", callerNameSource="isdn")
    board.call("ConnectionCleared", 22.45, "C1", "2006").call("ConnectionCleared", 21.65, "C1", "2006")
    board.call("Established", 22.25, "C1", "2006").call("Queued", 46.4, "C1", queueName="Billing")
    board.call("Established", 50.4, "C1", "2005").call("ConnectionCleared", 80, "C1", "2005").waits(120)

    assert _knows(board, "2005") == ("Billing", "")


@pytest.mark.parametrize("is_known", [True, False])
def test_a_recording_that_began_late_is_missed_alike_whether_its_leg_is_known_or_not(is_known: bool) -> None:
    """2001 is held in C1 and talks in C2, whose beginning and the answer for C1 are folded in one batch or in two."""
    board = Switchboard().call("Established", 10, "C1", "2001")
    board.call("Established", 14.6, "C2", "2001")
    number = board.legs[0].number
    board.hears(
        RecordingFound(
            leg=number,
            search=1,
            guid="R",
            service=1,
            attempts=1,
            started_at=moment(14.5),
            asked_at=moment(15),
            at=moment(15.2),
            holder=board.legs[1].number if is_known else None,
        )
    )

    assert (board.legs[0].guid, board.legs[0].missed) == ("", "began_late")
