"""A call that an extension dials just after a transfer, which is heard before that: no consultation about the customer.

Times are seconds after noon: 2001 talks in the interaction I3, consults under C5, transfers, and dials under C9.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core


def _heard(kind: str, at: float, receipt: float, **data: Any) -> AnyEvent:
    return replace(event(kind, at, **data), gatewaytime=moment(receipt))


def _dialled(*, whole: bool, joined: str, consults: bool = True, ends: Sequence[str] = ()) -> Switchboard:
    """Let 2001 hand the call on, joining it with C5, C9 or none, just after it is heard to dial C9.

    ``ends``: the calls in which its end is heard between.
    """
    board = Switchboard(with_site(has_source_times=whole))
    board.call("Established", 49, "C1", "2001", interactionId="I3").call("Held", 63, "C1", "2001")
    if consults:
        board.call("Originated", 64, "C5", "2001").call("Delivered", 64, "C5", "2002")
    at = (66, 66) if whole else (66.3, 66.35)
    board.hears(_heard("Originated", at[0], 66.3, callId="C9", deviceId="2001"))
    for index, call in enumerate(ends):
        receipt = 66.32 + index / 100
        board.hears(_heard("ConnectionCleared", 66 if whole else receipt, receipt, callId=call, deviceId="2001"))
    ids = {"primaryOldCallId": "C1", "resultingCallId": "C1", **({"secondaryOldCallId": joined} if joined else {})}
    named = {"transferringDeviceId": "2001", "transferredToDeviceId": "2002"}
    board.hears(_heard("Transferred", at[1], 66.35, **ids, **named))
    return board.call("Established", 68, "C9", "2003")


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("joined", "consults"), [("C5", True), ("", False)])
def test_a_call_that_is_dialled_in_the_moment_of_a_transfer_is_no_consultation(
    whole: bool, joined: str, consults: bool
) -> None:
    board = _dialled(whole=whole, joined=joined, consults=consults)

    assert all(leg.facts.interaction_id != "I3" for leg in board.legs if leg.call_id == "C9")
    assert {leg.device_id for leg in board.legs if leg.call_id == "C9"} >= {"2003"}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("ends", [["C1"], ["C1", "C5"], ["C5", "C1"]], ids="-".join)
def test_nor_is_it_one_where_the_ends_of_its_phone_are_heard_between(ends: list[str], whole: bool) -> None:
    board = _dialled(whole=whole, joined="C5", ends=ends)

    assert all(leg.facts.interaction_id != "I3" for leg in board.legs if leg.call_id == "C9")
    assert {leg.device_id for leg in board.legs if leg.call_id == "C9"} >= {"2003"}


@pytest.mark.parametrize("whole", [True, False])
def test_a_consultation_that_is_joined_in_the_moment_of_its_dialling_is_one(whole: bool) -> None:
    board = _dialled(whole=whole, joined="C9", consults=False)

    assert [leg.facts.interaction_id for leg in board.legs if leg.device_id == "2001"] == ["I3"]


@pytest.mark.parametrize("whole", [True, False])
def test_a_consultation_that_was_dialled_before_is_one_though_no_transfer_names_it(whole: bool) -> None:
    board = Switchboard(with_site(has_source_times=whole))
    board.call("Established", 49, "C1", "2001", interactionId="I3").call("Held", 63, "C1", "2001")
    board.call("Originated", 64, "C5", "2001").call("Established", 66, "C5", "2002")
    named = {"transferringDeviceId": "2001", "transferredToDeviceId": "2003"}
    board.call("Transferred", 70, "C1", primaryOldCallId="C1", resultingCallId="C1", **named)

    assert {leg.facts.interaction_id for leg in board.legs if leg.call_id == "C5"} == {"I3"}


@pytest.mark.parametrize("kind", ["Originated", "ServiceInitiated"])
@pytest.mark.parametrize("resulting", ["C5", "C7"])
@pytest.mark.parametrize("stated", [{}, {"callingNumber": "2001"}], ids=["nothing", "number"])
def test_what_is_dialled_in_the_whole_second_of_the_transfer_under_the_id_given_up_is_a_call(
    kind: str, resulting: str, stated: dict[str, Any]
) -> None:
    """By its time it is not the dialling of C1, in which 2001 has talked since an earlier second."""
    board = Switchboard(with_site(has_source_times=True))
    board.call("Established", 49, "C1", "2001", interactionId="I3", callerName="Uma").call("Held", 63, "C1", "2001")
    board.call("Originated", 63, "C5", "2001").call("Established", 64, "C5", "2002")
    ids = {"primaryOldCallId": "C1", "secondaryOldCallId": "C5", "resultingCallId": resulting}
    named = {"transferringDeviceId": "2001", "transferredToDeviceId": "2002"}
    dialled = _heard(kind, 66, 66.7, callId="C1", deviceId="2001", **stated)
    board.hears(_heard("Transferred", 66, 66.4, **ids, **named), dialled)
    if kind == "ServiceInitiated":
        board.hears(_heard("Originated", 66, 66.8, callId="C1", deviceId="2001", **stated))
    board.call("Established", 68, "C1", "T24", outside=True)
    leg = next(leg for leg in board.legs if leg.connected_source_at == moment(68))

    assert (leg.device_id, leg.call_id, leg.facts.caller_name) == ("2001", "C1", "")
    assert leg.facts.interaction_id != "I3"
    board.call("ConnectionCleared", 70, "C1", "2001")
    assert [leg.device_id for leg in board.legs if leg.disconnected_source_at is None] == ["2002"]


@pytest.mark.parametrize("resulting", ["C5", "C7"])
@pytest.mark.parametrize("kind", ["Originated", "ServiceInitiated"])
@pytest.mark.parametrize("after", [0.05, 0.6, 0.99])
def test_what_is_dialled_without_times_under_the_id_given_up_by_a_call_of_over_a_second_is_a_call(
    after: float, kind: str, resulting: str
) -> None:
    """The dialling of C1 itself is heard within a second of its beginning: 2001 has talked in it for longer."""
    board = Switchboard(with_site(has_source_times=False)).call("Established", 49, "C1", "2001", interactionId="I3")
    named = {"transferringDeviceId": "2001", "transferredToDeviceId": "2002", "cause": "singleStepTransfer"}
    board.call("Transferred", 51, "C1", primaryOldCallId="C1", resultingCallId=resulting, **named)
    board.call(kind, 51 + after, "C1", "2001")
    if kind == "ServiceInitiated":
        board.call("Originated", 52.5, "C1", "2001")
    board.call("Established", 54, "C1", "2003")
    board.call("Established", 55, resulting, "2002")

    legs = {leg.device_id: leg for leg in board.legs if leg.connected_source_at == moment(54)}
    assert {leg.call_id for leg in legs.values()} == {"C1"}
    assert set(legs) == {"2001", "2003"}
    assert all(leg.facts.interaction_id != "I3" for leg in legs.values())


def test_the_dialling_of_a_call_of_less_than_a_second_is_its_own_though_heard_after_the_transfer() -> None:
    board = Switchboard(with_site(has_source_times=False)).call("Established", 49, "C1", "2001", interactionId="I3")
    named = {"transferringDeviceId": "2001", "transferredToDeviceId": "2002", "cause": "singleStepTransfer"}
    board.call("Transferred", 49.6, "C1", primaryOldCallId="C1", resultingCallId="C7", **named)
    board.call("Originated", 49.9, "C1", "2001").call("Established", 55, "C7", "2002").waits(30)

    assert [(leg.device_id, leg.call_id) for leg in board.legs if leg.disconnected_source_at is None] == [
        ("2002", "C7")
    ]
