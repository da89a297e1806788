"""``Delivered`` at a queue's device, by which CSTA reports that a call enters a group, says what ``Queued`` says.

Times are seconds after noon. 5000 and 5001 are queues.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

SALES = {"queueName": "Sales", "callerName": "Uma", "callingNumber": "+4930111"}
SUPPORT = {"queueName": "Support", "callerName": "Wim", "callingNumber": "+4930222"}
KINDS = [("Queued",), ("Delivered",), ("Delivered", "Queued"), ("Queued", "Delivered")]


def queued(kinds: tuple[str, ...], at: float, device: str, **members: Any) -> list[AnyEvent]:
    """Return the events by which a call comes into a queue, 10 ms apart."""
    times = [at + place / 100 for place in range(len(kinds))]
    return [event(kind, when, callId="C1", deviceId=device, **members) for kind, when in zip(kinds, times, strict=True)]


def site(**settings: Any) -> Switchboard:
    return Switchboard(with_site(queues=frozenset({"5000", "5001"}), **settings))


def of_call(kind: str, at: float, device: str, **members: Any) -> AnyEvent:
    return event(kind, at, callId="C1", deviceId=device, **members)


def known(board: Switchboard) -> list[tuple[str, str, str]]:
    return [(leg.device_id, leg.facts.queue_name, leg.facts.caller_name) for leg in board.legs]


@pytest.mark.parametrize("kinds", KINDS, ids="+".join)
@pytest.mark.parametrize("has_source_times", [False, True])
def test_a_call_that_comes_into_its_queue_is_one_call_and_so_when_it_comes_there_again(
    kinds: tuple[str, ...], has_source_times: bool
) -> None:
    board = site(has_source_times=has_source_times).hears(*queued(kinds, 1, "5000", **SALES))
    board.hears(of_call("Delivered", 5, "2001"), of_call("Diverted", 15, "2001", newDestination="5000"))
    board.hears(*queued(kinds, 15.1, "5000", queueName="Sales"))
    board.hears(of_call("Delivered", 20, "2002"), of_call("Established", 24, "2002"))
    board.hears(of_call("ConnectionCleared", 40, "2002")).waits(50)

    assert known(board) == [("2002", "Sales", "Uma")]


@pytest.mark.parametrize("kinds", KINDS, ids="+".join)
@pytest.mark.parametrize("has_source_times", [False, True])
def test_the_queue_to_which_a_phone_leads_its_call_is_not_its_own(
    kinds: tuple[str, ...], has_source_times: bool
) -> None:
    board = site(has_source_times=has_source_times).hears(*queued(kinds, 1, "5000", **SALES))
    board.hears(of_call("Established", 5, "2001"), *queued(kinds, 20, "5001", queueName="Support"))
    board.hears(of_call("ConnectionCleared", 20.2, "2001"), of_call("Established", 24, "2002"))
    board.hears(of_call("ConnectionCleared", 40, "2002")).waits(50)

    assert known(board)[0] == ("2001", "Sales", "Uma")
    assert known(board)[1][1] == "Support"


@pytest.mark.parametrize("kinds", KINDS, ids="+".join)
def test_of_one_request_of_whole_seconds_the_queue_after_the_transfer_is_not_that_of_who_handed_on(
    kinds: tuple[str, ...],
) -> None:
    handed = {"primaryOldCallId": "C1", "resultingCallId": "C1", "transferringDeviceId": "2001"}
    told = [event("Transferred", 16, **handed, transferredToDeviceId="5001")]
    told += [of_call(kind, 16, "5001", queueName="Support") for kind in kinds]
    board = site().hears(*queued(kinds[:1], 5, "5000", **SALES), of_call("Established", 8, "2001"))
    board.hears(*(replace(one, gatewaytime=moment(16.06)) for one in told))
    board.hears(of_call("Established", 19, "2002"), of_call("ConnectionCleared", 30, "2002")).waits(40)

    assert [(device, queue) for device, queue, _ in known(board)] == [("2001", "Sales"), ("2002", "Support")]


@pytest.mark.parametrize("kinds", KINDS, ids="+".join)
def test_the_next_call_of_the_id_that_is_heard_in_its_queue_before_the_end_teaches_the_former_nothing(
    kinds: tuple[str, ...],
) -> None:
    """2001 left at 16.2; without times of the source the next caller is heard first."""
    board = site(has_source_times=False).hears(*queued(kinds, 5, "5000", **SALES), of_call("Established", 8.2, "2001"))
    board.hears(*queued(kinds[:1], 16.47, "5001", **SUPPORT), of_call("ConnectionCleared", 16.57, "2001"))
    board.hears(*queued(kinds[1:], 16.7, "5001", **SUPPORT), of_call("Established", 19.3, "2002", **SUPPORT))
    board.hears(of_call("ConnectionCleared", 27.3, "2002")).waits(40)

    assert known(board) == [("2001", "Sales", "Uma"), ("2002", "Support", "Wim")]


def test_a_listed_phone_is_no_queue_though_a_queue_was_stated_with_its_number() -> None:
    board = Switchboard(with_site(devices=frozenset({"2001", "2002"})))
    board.hears(
        of_call("Queued", 0, "2002", **SALES), of_call("Delivered", 4, "2002"), of_call("Established", 5, "2002")
    )

    assert known(board) == [("2002", "Sales", "Uma")]
