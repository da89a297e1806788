"""A consultation at whose beginning no hold is reported, and whose transfer each monitor reports for itself.

Lea talks to 2001 in 101, with a name of the phone's own directory. 2001 calls 2003 in 100, as its number says, and
hands Lea on, or joins both. Times are seconds after noon.
"""

from itertools import product
from typing import Any

import pytest

from tests.calls.switchboard import Switchboard, with_site

pytestmark = pytest.mark.core

LEA: dict[str, Any] = {"callerName": "Lea", "callerNameSource": "personal", "callingNumber": "+493000002"}
DESK: dict[str, Any] = {"callerName": "Desk 2001", "callerNameSource": "global_phonebook", "callingNumber": "2001"}
KINDS = {
    "Transferred": ("transferringDeviceId", "transferredToDeviceId"),
    "Conferenced": ("conferencingDeviceId", "addedPartyId"),
}


def _consulted(*, has_times: bool) -> Switchboard:
    board = Switchboard(with_site(has_source_times=has_times))
    board.call("Queued", 39.2, "101", interactionId="I2", queueName="Sales", **LEA)
    board.call("Established", 41.2, "101", "2001", queueName="Sales", **LEA)
    board.call("Established", 46.25, "100", "2003", **DESK)
    return board.call("Established", 46.25, "100", "2001", **DESK)


@pytest.mark.parametrize(("kind", "result", "has_times"), list(product(KINDS, ["100", "101", "102"], [True, False])))
@pytest.mark.parametrize("olds", [["101", "100"], ["100", "101"], ["101"]])
def test_who_was_consulted_goes_on_with_the_customers_data(
    olds: list[str], kind: str, result: str, has_times: bool
) -> None:
    board, (by, to) = _consulted(has_times=has_times), KINDS[kind]
    for old in olds:
        row = {"old": {"callId": "100", "deviceId": "2003"}, "new": {"callId": result, "deviceId": "2003"}}
        connections = [row] if old == "100" else []
        named = {by: "2001", to: "2003", "primaryOldCallId": old, "resultingCallId": result}
        board.call(kind, 51.25, result, **named, connections=connections)
    board.call("ConnectionCleared", 58.25, result, "2003").waits(100)

    facts = [leg for leg in board.legs if leg.device_id == "2003"][-1].facts
    assert (facts.caller_name, facts.queue_name, facts.interaction_id) == ("", "Sales", "I2")
    assert facts.calling_number == LEA["callingNumber"]


@pytest.mark.parametrize("to", ["2004", ""])
def test_a_call_handed_on_to_another_phone_is_not_joined_with_the_one_that_its_phone_dialled(to: str) -> None:
    board = _consulted(has_times=True)
    named = {"transferringDeviceId": "2001", "primaryOldCallId": "101", "resultingCallId": "101"}
    board.call("Transferred", 51.25, "101", **named, **({"transferredToDeviceId": to} if to else {}))
    board.call("Established", 53.25, "101", "2004").waits(60)

    consulted, handed = ([leg for leg in board.legs if leg.device_id == one][-1].facts for one in ("2003", "2004"))
    assert (consulted.caller_name, consulted.interaction_id == "I2") == ("Desk 2001", False)
    assert (handed.queue_name, handed.interaction_id) == ("Sales", "I2")
