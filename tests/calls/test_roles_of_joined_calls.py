"""Which of two joined calls is the consultation: the one that their device dialled while it had the other.

A switch names the held call first, or the active one: the order of the two does not say which is the customer's. Times
are seconds after noon. 2001 has Uma in C1 from 5 on, consults 2002 in C2 from 21 on, and joins both at 30.
"""

from typing import Any

import pytest

from tests.calls.switchboard import Switchboard, event, with_site

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn"}
Told = tuple[str, float, str, str, dict[str, Any]]
CONSULTED: dict[str, list[Told]] = {
    "dialled with its cause": [("Originated", 21.2, "C2", "2001", {"cause": "consultation"})],
    "off-hook and dialled": [("ServiceInitiated", 21.2, "C2", "2001", {}), ("Originated", 21.5, "C2", "2001", {})],
    "off-hook alone": [("ServiceInitiated", 21.2, "C2", "2001", {})],
    "with an interaction": [("Originated", 21.2, "C2", "2001", {"interactionId": "I1"})],
    "known by its caller alone": [],
}
SITE = with_site(queues=frozenset({"5000"}), has_source_times=True)
ALTERNATED: list[Told] = [("Held", 26, "C2", "2001", {}), ("Retrieved", 26.1, "C1", "2001", {})]


def _customer(board: Switchboard, is_dialled: bool) -> Switchboard:
    if is_dialled:
        board.call("Originated", 1, "C1", "2001", callingNumber="2001", interactionId="I1")
        return board.call("Established", 5, "C1", "+4911", outside=True, calledNumber="+4911", queueName="Sales")
    board.call("Queued", 1, "C1", "5000", queueName="Sales", interactionId="I1", **UMA)
    return board.call("Established", 5, "C1", "2001")


def _joined(kind: str, first: str, second: str, resulting: str) -> Any:
    names = {"Transferred": ("transferringDeviceId", "transferredToDeviceId")}
    host, added = names.get(kind, ("conferencingDeviceId", "addedPartyId"))
    data: dict[str, Any] = {"primaryOldCallId": first, "secondaryOldCallId": second, "resultingCallId": resulting}
    return event(kind, 30, **data, **{host: "2001", added: "2002"})


@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
@pytest.mark.parametrize("consulted", CONSULTED.values(), ids=CONSULTED)
@pytest.mark.parametrize("alternated", [[], ALTERNATED])
@pytest.mark.parametrize("is_dialled", [False, True])
def test_the_customers_call_is_known_whichever_is_named_first(
    kind: str, resulting: str, consulted: list[Told], alternated: list[Told], is_dialled: bool
) -> None:
    known = []
    for first, second in (("C1", "C2"), ("C2", "C1")):
        board = _customer(Switchboard(SITE), is_dialled).call("Held", 21, "C1", "2001")
        told: list[Told] = [*consulted, ("Established", 23, "C2", "2002", {"callingNumber": "2001"}), *alternated]
        for what, seconds, call, device, data in told:
            board.call(what, seconds, call, device, **data)
        board.hears(_joined(kind, first, second, resulting))
        known.append([(leg.device_id, leg.call_id, leg.connected_source_at, leg.phase, leg.facts.queue_name,
                       leg.facts.caller_name, leg.facts.interaction_id, leg.pending_transfer is None)
                      for leg in board.legs])  # fmt: skip

    assert known[0] == known[1]
    assert any(one[:2] == ("2002", resulting) and one[4] == "Sales" for one in known[1])


@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
def test_a_call_that_came_in_while_a_dialled_one_was_held_is_no_consultation(kind: str) -> None:
    board = Switchboard(SITE)
    board.call("Originated", 1, "C1", "2001", callingNumber="2001", interactionId="I1")
    board.call("Established", 5, "C1", "2002", callingNumber="2001").call("Held", 8, "C1", "2001")
    board.call("Queued", 8.5, "C2", "5000", queueName="Sales", interactionId="I2", **UMA)
    board.call("Established", 9, "C2", "2001").hears(_joined(kind, "C1", "C2", "C3"))

    assert [leg.facts.interaction_id for leg in board.legs if leg.device_id == "2002"] == ["I1"]
