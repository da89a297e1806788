"""What is heard under the resulting id, of before the transfer, is of the consultation, which names who consulted."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

UMA = {"callerName": "Uma", "callerNameSource": "isdn", "callingNumber": "+49301"}
NUMBER = {"callingNumber": "2001"}
NAME = {"callerName": "Desk 2001", "callerNameSource": "isdn"}


def _handed_on(stated: dict[str, Any], kind: str, first: str, *, has_source_times: bool, has_past: bool) -> Switchboard:
    """2001 has Uma in C1 and consults 2002 in C2; that they are joined under C2 at 16.5 is heard before the answers.

    ``has_past``: the id C2 named another call before.
    """
    board = Switchboard(with_site(has_source_times=has_source_times, devices=frozenset({"2001", "2002", "2003"})))
    if has_past:
        board.call("Established", 2, "C2", "2003", callingNumber="+49307").call("ConnectionCleared", 4, "C2", "2003")
    board.call("Established", 9, "C1", "2001", interactionId="I1", **UMA)
    sides = {"Conferenced": ("conferencingDeviceId", "addedPartyId")}
    host, to = sides.get(kind, ("transferringDeviceId", "transferredToDeviceId"))
    ids = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C2"}
    moved = event(kind, 16.5, interactionId="I1", **ids, **{host: "2001", to: "2002"})
    order = ["2001", "2002"] if first == "2001" else ["2002", "2001"]
    answers = [event("Established", 16, callId="C2", deviceId=one, interactionId="I1", **stated) for one in order]
    for one, at in zip([moved, *answers], [16.51, 16.6, 16.75], strict=True):
        board.hears(replace(one, gatewaytime=moment(at), time=one.time if has_source_times else moment(at)))
    return board.call("ConnectionCleared", 28.5, "C2", "2002")


@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
@pytest.mark.parametrize("first", ["2001", "2002"])
@pytest.mark.parametrize("stated", [NUMBER, NAME, NUMBER | NAME], ids=["number", "name", "both"])
@pytest.mark.parametrize("has_past", [False, True])
def test_the_agent_who_consulted_is_no_caller_of_the_customers_call(
    kind: str, first: str, stated: dict[str, Any], has_past: bool
) -> None:
    board = _handed_on(stated, kind, first, has_source_times=True, has_past=has_past)

    after = [leg for leg in board.legs if leg.device_id == "2002" and leg.disconnected_source_at == moment(28.5)]
    assert [(leg.facts.caller_name, leg.facts.calling_number) for leg in after] == [("Uma", "+49301")]
    is_open = [leg.device_id for leg in board.legs if leg.disconnected_source_at is None]
    assert is_open == (["2001"] if kind == "Conferenced" else [])


@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
@pytest.mark.parametrize("first", ["2001", "2002"])
@pytest.mark.parametrize("stated", [NUMBER, NUMBER | NAME], ids=["number", "both"])
def test_nor_is_he_where_no_time_says_that_his_number_was_stated_before(
    kind: str, first: str, stated: dict[str, Any]
) -> None:
    board = _handed_on(stated, kind, first, has_source_times=False, has_past=False)

    facts = next(leg.facts for leg in board.legs if leg.device_id == "2002")
    assert (facts.caller_name, facts.calling_number) == ("Uma", "+49301")


@pytest.mark.parametrize(
    ("device_id", "stated"),
    [
        ("2003", {"callingNumber": "+49307"}),
        ("2002", NUMBER | {"interactionId": "I2"}),
        ("2004", NAME),  # Neither of the two phones.
    ],
)
def test_what_is_not_of_the_consultation_is_of_an_earlier_call_of_its_id(
    device_id: str, stated: dict[str, Any]
) -> None:
    board = _handed_on(NUMBER, "Transferred", "2002", has_source_times=True, has_past=False)
    board.call("Established", 15.9, "C2", device_id, **stated)

    assert len(board.state.calls) == 3
