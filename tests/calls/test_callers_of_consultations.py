"""Who called in a consultation is the agent who consulted, and no name or number of the customer.

Times are seconds after noon. 2001 has a customer in C1, consults 2002 in C2 from 21 on, hands the customer on at 30.
"""

from typing import Any

import pytest

from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, event

pytestmark = pytest.mark.core

ANNA: dict[str, Any] = {"callerName": "Anna", "callerNameSource": "global_phonebook", "callingNumber": "2001"}
UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn"}
NUMBER: dict[str, Any] = {"callingNumber": "+4930111"}


def _customer(board: Switchboard, is_dialled: bool = False, **known: Any) -> Switchboard:
    if is_dialled:
        board.call("Originated", 1, "C1", "2001", **{"callingNumber": "2001", **known})
        board.call("Established", 5, "C1", "T1:1", outside=True)
    else:
        board.call("Queued", 1, "C1", "5000", queueName="Sales", **known).call("Established", 5, "C1", "2001")
    return board.call("Held", 20, "C1", "2001")


def _joined(kind: str, resulting: str) -> list[Any]:
    names = {"Transferred": ("transferringDeviceId", "transferredToDeviceId")}
    host, added = names.get(kind, ("conferencingDeviceId", "addedPartyId"))
    data: dict[str, Any] = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": resulting}
    new = [{"old": {"callId": "C2", "deviceId": "2002"}, "new": {"callId": resulting, "deviceId": "2002"}}]
    return [event(kind, 30, **data, **{host: "2001", added: "2002"}, connections=new)]


def _consulted(board: Switchboard, stated_by: str, stated: dict[str, Any], is_ringing: bool = False) -> Switchboard:
    board.call("Originated", 21, "C2", "2001", **(stated if stated_by == "Originated" else {}), cause="consultation")
    board.call("Delivered", 22, "C2", "2002", **(stated if stated_by == "Delivered" else {}))
    if not is_ringing:
        board.call("Established", 23, "C2", "2002", **(stated if stated_by == "Established" else {}))
    return board


def _open(board: Switchboard) -> list[LegState]:
    return [leg for leg in board.legs if leg.disconnected_source_at is None]


@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
@pytest.mark.parametrize("stated_by", ["Originated", "Delivered", "Established", "late"])
@pytest.mark.parametrize("is_dialled", [False, True])
def test_what_a_consultation_states_of_its_caller_does_not_become_the_customers(
    kind: str, resulting: str, stated_by: str, is_dialled: bool
) -> None:
    stated = {**ANNA, "calledNumber": "2002", "direction": "internal"}
    board = _consulted(_customer(Switchboard(), is_dialled), stated_by, stated).hears(*_joined(kind, resulting))
    if stated_by == "late":
        board.call("CallInformation", 29.5, "C2", **stated)

    for facts in [leg.facts for leg in _open(board)]:
        assert facts.interaction_id == board.legs[0].facts.interaction_id
        assert (facts.caller_name, facts.called_number, facts.direction) == ("", "", "")
        assert facts.calling_number == ("2001" if is_dialled else "")


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_the_destination_that_rings_at_the_transfer_has_the_customers_number_alone(resulting: str) -> None:
    board = _consulted(_customer(Switchboard(), **NUMBER), "Originated", ANNA, is_ringing=True)
    board.hears(*_joined("Transferred", resulting)).call("Established", 33, resulting, "2002")

    facts = _open(board)[-1].facts
    assert (facts.caller_name, facts.calling_number, facts.queue_name) == ("", "+4930111", "Sales")


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_a_consultation_keeps_what_it_states_of_its_caller_until_the_transfer(resulting: str) -> None:
    board = _consulted(_customer(Switchboard()), "Originated", ANNA).hears(*_joined("Transferred", resulting))

    closed = [leg.facts for leg in board.legs if leg.call_id == "C2" and leg.disconnected_source_at is not None]
    assert [facts.caller_name for facts in closed] == ["Anna"]


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
@pytest.mark.parametrize(
    ("of_customer", "of_consultation", "is_dialled", "name"),
    [
        (NUMBER, {**UMA, "callingNumber": "030111"}, False, "Uma"),  # The PBX presents the customer on hold.
        (NUMBER, {**UMA, "callingNumber": "+4940999"}, False, ""),
        (NUMBER, UMA, False, ""),
        ({}, {**UMA, **NUMBER}, False, ""),
        ({"callingNumber": "+4930777"}, {**ANNA, "callingNumber": "+4930777"}, True, ""),  # Its trunk's own number.
        ({"callingNumber": "2003"}, {**ANNA, "callingNumber": "2001"}, False, ""),
    ],
)
def test_the_consultation_names_the_customer_only_where_it_has_the_customers_number(
    of_customer: dict[str, Any], of_consultation: dict[str, Any], is_dialled: bool, name: str, resulting: str
) -> None:
    board = _consulted(_customer(Switchboard(), is_dialled, **of_customer), "Originated", of_consultation)
    board.hears(*_joined("Transferred", resulting))

    assert _open(board)[-1].facts.caller_name == name


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_a_name_that_the_resulting_call_states_itself_is_kept(resulting: str) -> None:
    board = _consulted(_customer(Switchboard()), "Originated", ANNA).hears(*_joined("Transferred", resulting))
    board.call("CallInformation", 31, resulting, **UMA)

    assert _open(board)[-1].facts.caller_name == "Uma"


@pytest.mark.parametrize("second", ["Transferred", "Conferenced"])
@pytest.mark.parametrize(("first", "last"), [("C1", "C1"), ("C2", "C4"), ("C3", "C4"), ("C2", "C5")])
def test_neither_of_two_who_consulted_is_the_customer(second: str, first: str, last: str) -> None:
    board = _consulted(_customer(Switchboard()), "Originated", ANNA).hears(*_joined("Transferred", first))
    board.call("Held", 35, first, "2002")
    board.call("Originated", 36, "C4", "2002", callerName="Ben", callingNumber="2002", cause="consultation")
    board.call("Established", 38, "C4", "2003", callerName="Ben")
    data = {"primaryOldCallId": first, "secondaryOldCallId": "C4", "resultingCallId": last}
    hosts = {"Transferred": ("transferringDeviceId", "transferredToDeviceId")}
    host, added = hosts.get(second, ("conferencingDeviceId", "addedPartyId"))
    new = [{"old": {"callId": "C4", "deviceId": "2003"}, "new": {"callId": last, "deviceId": "2003"}}]
    board.hears(event(second, 40, **data, **{host: "2002", added: "2003"}, connections=new))

    known = [leg.facts for leg in _open(board)]
    assert {(facts.caller_name, facts.calling_number) for facts in known} == {("", "")}


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_the_customers_name_that_is_heard_after_the_transfer_is_kept(resulting: str) -> None:
    board = _consulted(_customer(Switchboard()), "Originated", ANNA).hears(*_joined("Transferred", resulting))
    board.call("CallInformation", 29, "C1", **UMA, **NUMBER)

    assert (_open(board)[-1].facts.caller_name, _open(board)[-1].facts.calling_number) == ("Uma", "+4930111")


def _handed_on(board: Switchboard, way: str, resulting: str) -> Switchboard:
    """Let 2001 hand its call on to 2002, which rings in it, by itself or after a consultation."""
    if way == "attended":
        return _consulted(board, "Originated", ANNA, is_ringing=True).hears(*_joined("Transferred", resulting))
    blind: dict[str, Any] = {"primaryOldCallId": "C1", "resultingCallId": resulting, "transferringDeviceId": "2001"}
    return board.hears(event("Transferred", 30, **blind, transferredToDeviceId="2002"))


@pytest.mark.parametrize("stated_by", ["Delivered", "Established", "CallInformation"])
@pytest.mark.parametrize(
    ("way", "resulting"), [("attended", "C1"), ("attended", "C3"), ("blind", "C1"), ("blind", "C3")]
)
@pytest.mark.parametrize("known", [UMA, {**UMA, **NUMBER}])
def test_who_handed_a_call_on_does_not_become_its_caller_where_the_switch_still_states_that(
    known: dict[str, Any], way: str, resulting: str, stated_by: str
) -> None:
    board = _handed_on(_customer(Switchboard(), **known), way, resulting)
    for at, kind in ((31, "Delivered"), (33, "Established"), (34, "CallInformation")):
        board.call(kind, at, resulting, "2002", **(ANNA if kind == stated_by else {}))

    facts = _open(board)[-1].facts
    assert (facts.caller_name, facts.calling_number) == ("Uma", known.get("callingNumber", ""))


@pytest.mark.parametrize(("way", "resulting"), [("attended", "C3"), ("blind", "C1")])
def test_an_extension_that_called_is_still_the_caller_after_its_call_was_handed_on(way: str, resulting: str) -> None:
    ben = {"callingNumber": "2003", "callerName": "Ben", "callerNameSource": "global_phonebook"}
    board = _handed_on(_customer(Switchboard(), callingNumber="2003"), way, resulting)
    board.call("Established", 33, resulting, "2002", **ben)

    assert (_open(board)[-1].facts.caller_name, _open(board)[-1].facts.calling_number) == ("Ben", "2003")


@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
@pytest.mark.parametrize("stated_by", ["Delivered", "Established", "CallInformation"])
def test_the_name_of_who_consulted_is_known_by_itself_where_no_number_is_stated(
    kind: str, resulting: str, stated_by: str
) -> None:
    alice = {"callerName": "Anna", "callerNameSource": "global_phonebook"}
    board = _consulted(_customer(Switchboard(), **UMA), "Delivered", alice, is_ringing=True)
    board.hears(*_joined(kind, resulting))
    for at, event_kind in ((31, "Delivered"), (33, "Established"), (34, "CallInformation")):
        board.call(event_kind, at, resulting, "2002", **(alice if event_kind == stated_by else {}))

    assert _open(board)[-1].facts.caller_name == "Uma"
