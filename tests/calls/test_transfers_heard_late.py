"""A transfer, a conference or a clearing that is heard out of order: the same legs and data come of it in any order.

Times are seconds after noon, of the source itself. Uma's call C1 has queue Sales and interaction I1.
"""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import NOON, Everybody, Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn", "queueName": "Sales", "interactionId": "I1"}
SITE: dict[str, Any] = {"queues": frozenset({"Q8"})}
Known = tuple[str, float, float | None, str, str, bool]


def said(kind: str, at: float, call: str, device: str | None = None, **data: Any) -> AnyEvent:
    return event(kind, at, callId=call, **({"deviceId": device} if device else {}), **data)


def handed_on(at: float, to: str, result: str) -> AnyEvent:
    data = {"transferringDeviceId": "2001", "primaryOldCallId": "C1", "resultingCallId": result}
    return event("Transferred", at, callId="C1", transferredToDeviceId=to, **data)


def joined(kind: str, at: float, result: str) -> AnyEvent:
    """2001 joins Uma's call with its consultation C2, and leaves or stays."""
    host = {"Transferred": "transferringDeviceId", "Conferenced": "conferencingDeviceId"}[kind]
    data = {host: "2001", "primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": result}
    return event(kind, at, callId="C1", **data)


TALKING = [said("Queued", 0, "C1", **UMA), said("Established", 5, "C1", "2001")]
CONSULTING = [
    *TALKING,
    said("Held", 10, "C1", "2001"),
    said("Originated", 11, "C2", "2001"),
    said("Established", 12, "C2", "2002"),
]


def known_of(board: Switchboard) -> list[Known]:
    """Return each leg's extension, times, queue, caller, and whether its interaction is Uma's."""
    found: list[Known] = []
    for leg in sorted(board.legs, key=lambda one: (one.device_id, one.connected_source_at)):
        since, until = leg.connected_source_at - NOON, leg.disconnected_source_at
        ended = (until - NOON).total_seconds() if until is not None else None
        facts = (leg.facts.queue_name, leg.facts.caller_name, leg.facts.interaction_id == "I1")
        found.append((leg.device_id, since.total_seconds(), ended, *facts))
    return found


def in_order(before: Sequence[AnyEvent], burst: Sequence[AnyEvent], site: Everybody | None = None) -> Switchboard:
    """Hear events, then others within a second, and the end at 40."""
    board = Switchboard(site or with_site(**SITE)).hears(*before)
    heard = max(one.time for one in burst)
    delays = [moment(0.05 * (place + 1)) - NOON for place in range(len(burst))]
    return board.hears(*(replace(one, gatewaytime=heard + late) for one, late in zip(burst, delays, strict=True)))


def in_any_order(before: Sequence[AnyEvent], burst: Sequence[AnyEvent], *after: AnyEvent) -> list[list[Known]]:
    """Return what comes of the events, for each order of a burst that gives something else."""
    results: list[list[Known]] = []
    for order in permutations(burst):
        known = known_of(in_order(before, order).hears(*after).waits(60))
        results += [known] if known not in results else []
    return results


FIRST: Known = ("2001", 5, 20, "Sales", "Uma", True)


@pytest.mark.parametrize("result", ["C1", "C3"])
@pytest.mark.parametrize("left", [[], [said("ConnectionCleared", 20, "C1", "2001")]])
def test_who_answers_a_call_that_was_handed_on_has_its_data_in_any_order(result: str, left: list[AnyEvent]) -> None:
    burst = [handed_on(20, "2002", result), *left, said("Delivered", 20.1, result, "2002")]
    burst.append(said("Established", 20.3, result, "2002"))

    results = in_any_order(TALKING, burst, said("ConnectionCleared", 40, result, "2002"))

    assert results == [[FIRST, ("2002", 20.3, 40, "Sales", "Uma", True)]]


@pytest.mark.parametrize(
    ("stated", "is_same"),
    [
        ({"interactionId": "I1"}, True),
        ({"interactionId": "I2"}, False),
        ({"callingNumber": "+4930111"}, True),
        ({"callingNumber": "+4930222"}, False),
    ],
)
def test_who_answers_another_caller_has_nothing_of_a_call_that_was_handed_on(
    stated: dict[str, str], is_same: bool
) -> None:
    board = Switchboard().hears(said("Queued", 0, "C1", callingNumber="+4930111", **UMA), TALKING[1])
    board.hears(said("ConnectionCleared", 20, "C1", "2001"), said("Established", 20.3, "C1", "2002", **stated))
    board.hears(replace(handed_on(20, "2002", "C1"), gatewaytime=moment(20.6))).waits(60)

    assert known_of(board)[1][3:] == (("Sales", "Uma", True) if is_same else ("", "", False))


@pytest.mark.parametrize(("to", "first"), [("2002", "2003"), ("2003", "2002"), ("Q8", "2002")])
def test_who_was_there_before_the_destination_has_nothing_of_a_call_that_was_handed_on(to: str, first: str) -> None:
    """The id was used again: it cannot be the call that was handed on where others came before its destination."""
    board = Switchboard(with_site(**SITE)).hears(*TALKING, said("ConnectionCleared", 20, "C1", "2001"))
    board.call("Established", 20.3, "C1", first).call("Established", 20.4, "C1", "2004")
    board.hears(replace(handed_on(20, to, "C1"), gatewaytime=moment(20.6))).waits(60)

    assert [one[3:] for one in known_of(board)[1:]] == [("", "", False), ("", "", False)]


def test_flags_that_are_written_stay_where_a_transfer_is_heard_later() -> None:
    board = Switchboard().hears(*TALKING, said("ConnectionCleared", 20, "C1", "2001"))
    board.call("Established", 20.3, "C1", "2002").found(20.4, 2, "R2", started=20.3, asked=20.4)
    board.call("ConnectionCleared", 20.8, "C1", "2002").waits(23)
    board.hears(replace(handed_on(20, "2002", "C1"), gatewaytime=moment(23.5))).waits(60)

    assert known_of(board)[1] == ("2002", 20.3, 20.8, "", "", False)


@pytest.mark.parametrize("result", ["C1", "C3"])
@pytest.mark.parametrize("left", [[], [said("ConnectionCleared", 20, "C1", "2001")]])
def test_a_call_that_was_handed_on_to_a_queue_is_in_that_in_any_order(result: str, left: list[AnyEvent]) -> None:
    burst = [handed_on(20, "Q8", result), *left, said("Queued", 20.1, result, "Q8", queueName="Support")]
    after = [said("Established", 30, result, "2002"), said("ConnectionCleared", 40, result, "2002")]

    assert in_any_order(TALKING, burst, *after) == [[FIRST, ("2002", 30, 40, "Support", "Uma", True)]]


@pytest.mark.parametrize("result", ["C1", "C3"])
@pytest.mark.parametrize("target", ["2002", "2003"])
def test_a_call_that_was_cleared_while_it_rang_hands_nothing_to_the_next_in_any_order(result: str, target: str) -> None:
    burst = [handed_on(20, "2002", result), said("ConnectionCleared", 20, "C1", "2001")]
    burst += [said("Delivered", 20.05, result, "2002"), said("CallCleared", 20.1, result)]
    burst.append(said("Established", 20.3, result, target))

    results = in_any_order(TALKING, burst, said("ConnectionCleared", 40, result, target))

    assert results == [[FIRST, (target, 20.3, 40, "", "", False)]]


@pytest.mark.parametrize("result", ["C1", "C2", "C3"])
@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
def test_a_clearing_that_is_heard_before_what_joined_two_calls_ends_both(kind: str, result: str) -> None:
    burst = [joined(kind, 20, result), said("CallCleared", 20.2, result), said("Established", 20.5, result, "2003")]

    results = in_any_order(CONSULTING, burst, said("ConnectionCleared", 40, result, "2003"))

    host = ("2001", 5, 20 if kind == "Transferred" else 20.2, "Sales", "Uma", True)
    others = [("2002", 12, 20.2, "Sales", "Uma", True), ("2003", 20.5, 40, "", "", False)]
    assert results == [[host, ("2001", 12, 20, "", "", True), *others]]


@pytest.mark.parametrize("cleared_at", [20, 20.02])
@pytest.mark.parametrize("result", ["C1", "C2", "C3"])
@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
def test_an_id_that_is_cleared_as_its_call_is_joined_to_another_ends_nobody_in_any_order(
    kind: str, result: str, cleared_at: float
) -> None:
    burst = [joined(kind, 20, result)]
    burst += [said("CallCleared", cleared_at, name) for name in ("C1", "C2") if name != result]
    after = [said("ConnectionCleared", 39, result, "2001")] if kind == "Conferenced" else []

    results = in_any_order(CONSULTING, burst, *after, said("ConnectionCleared", 40, result, "2002"))

    host = ("2001", 5, 20 if kind == "Transferred" else 39, "Sales", "Uma", True)
    assert results == [[host, ("2001", 12, 20, "", "", True), ("2002", 12, 40, "Sales", "Uma", True)]]


def test_an_id_that_is_cleared_while_its_call_is_handed_on_as_it_rings_ends_nobody() -> None:
    before = [*CONSULTING[:4], said("Delivered", 12, "C2", "2002"), said("Established", 13, "C2", "T1:1", outside=True)]
    burst = [joined("Transferred", 20, "C1"), said("CallCleared", 20, "C2"), said("Established", 20.5, "C1", "2002")]

    for known in in_any_order(before, burst, said("ConnectionCleared", 40, "C1", "2002")):
        assert known[0] == FIRST
        assert known[-1] == ("2002", 20.5, 40, "Sales", "Uma", True)


def test_without_times_an_id_that_is_cleared_as_its_call_is_joined_to_another_ends_nobody() -> None:
    board = Switchboard(with_site(has_source_times=False)).hears(*CONSULTING, said("CallCleared", 20.1, "C2"))
    board.hears(joined("Transferred", 20.4, "C1")).call("ConnectionCleared", 40, "C1", "2002").waits(60)

    assert known_of(board)[-1] == ("2002", 12, 40, "Sales", "Uma", True)


def test_flags_that_are_written_are_not_taken_back_where_an_id_was_cleared_as_its_call_was_joined_to_another() -> None:
    board = Switchboard().hears(*CONSULTING).found(12.1, 2, "R2", started=12, asked=12.1)
    board.hears(said("CallCleared", 20, "C2")).waits(23)
    board.hears(replace(joined("Transferred", 20, "C1"), gatewaytime=moment(23.5))).waits(60)

    assert ("2002", 12, 20, "", "", True) in known_of(board)
    assert len([one for one in board.writes if one[1] == "base"]) == 1


@pytest.mark.parametrize("result", ["C1", "C3"])
def test_ends_under_the_ids_from_before_a_conference_are_of_that_in_any_order(result: str) -> None:
    burst = [joined("Conferenced", 20, result), said("ConnectionCleared", 20.2, "C1", "2001")]
    burst += [said("ConnectionCleared", 20.3, "C2", "2002"), said("Established", 20.6, result, "2003")]

    results = in_any_order(CONSULTING, burst, said("ConnectionCleared", 40, result, "2003"))

    host, consulting = ("2001", 5, 20.2, "Sales", "Uma", True), ("2001", 12, 20, "", "", True)
    others = [("2002", 12, 20.3, "Sales", "Uma", True), ("2003", 20.6, 40, "", "", False)]
    assert results == [[host, consulting, *others]]


@pytest.mark.parametrize("has_source_times", [True, False])
@pytest.mark.parametrize("result", ["C1", "C3"])
def test_ends_under_the_ids_from_before_a_conference_end_it_however_long_it_lasts(
    result: str, has_source_times: bool
) -> None:
    board = Switchboard(with_site(has_source_times=has_source_times)).hears(
        *CONSULTING, joined("Conferenced", 20, result)
    )
    board.call("ConnectionCleared", 400, "C1", "2001").call("ConnectionCleared", 401, "C2", "2002")
    board.call("Established", 460, result, "2003").call("ConnectionCleared", 470, result, "2003").waits(600)

    host, *_, other, later = known_of(board)
    assert (host[2], other[2], later) == (400, 401, ("2003", 460, 470, "", "", False))
    assert not board.state.calls


def test_an_end_of_a_call_that_has_a_former_id_by_now_ends_that_alone() -> None:
    """The beginning of a short call is heard after its end: 2001 had left the conference, of which that was missed."""
    board = Switchboard().hears(*CONSULTING, joined("Conferenced", 20, "C3"))
    began = replace(said("Established", 99.5, "C1", "2001"), gatewaytime=moment(100.4))
    board.hears(said("ConnectionCleared", 100, "C1", "2001"), began).waits(102)

    assert known_of(board)[0] == ("2001", 5, None, "Sales", "Uma", True)
    assert ("2001", 99.5, 100, "", "", False) in known_of(board)


@pytest.mark.parametrize("has_source_times", [True, False])
def test_a_host_who_is_known_in_the_consultation_only_goes_on_in_the_conference(has_source_times: bool) -> None:
    board = Switchboard(with_site(has_source_times=has_source_times))
    board.call("Established", 5, "C1", "T1:1", outside=True, **UMA).call("Established", 12, "C2", "2001")
    board.call("Established", 12, "C2", "2002").hears(joined("Conferenced", 20, "C1"))
    board.call("ConnectionCleared", 40, "C1", "2001").call("ConnectionCleared", 41, "C1", "2002").waits(60)

    assert known_of(board) == [("2001", 12, 40, "Sales", "Uma", True), ("2002", 12, 41, "Sales", "Uma", True)]


@pytest.mark.parametrize("main_is_known", [False, True])
def test_a_host_may_be_in_a_call_that_was_missed(main_is_known: bool) -> None:
    board = Switchboard()
    if main_is_known:
        board.call("Established", 5, "C1", "T1:1", outside=True, **UMA)
        board.hears(event("Lost", 6, family="link", devices=["2001"]))
        board.hears(event("Restored", 9, family="link", devices=["2001"]))
    board.call("Established", 12, "C2", "2001").call("Established", 12, "C2", "2002")
    board.hears(joined("Conferenced", 20, "C1")).waits(30)

    assert known_of(board)[0] == ("2001", 12, 20, "", "", False)


@pytest.mark.parametrize("has_source_times", [True, False])
@pytest.mark.parametrize("waits", [True, False])
def test_a_clearing_of_another_interaction_ends_no_call_in_progress(waits: bool, has_source_times: bool) -> None:
    board = Switchboard(with_site(has_source_times=has_source_times)).call("Queued", 0, "C1", **UMA)
    cleared = said("CallCleared", 3 if waits else 10, "C1", interactionId="I0")
    board.hears(*([cleared] if waits else [])).call("Established", 5, "C1", "2001")
    board.hears(*([] if waits else [cleared])).call("ConnectionCleared", 30, "C1", "2001").waits(60)

    assert known_of(board) == [("2001", 5, 30, "Sales", "Uma", True)]


@pytest.mark.parametrize("stated", [20, 20.4])
def test_a_clearing_that_states_its_interaction_ends_the_call_of_that_in_any_order(stated: float) -> None:
    burst = [said("ConnectionCleared", 20, "C1", "2001"), said("CallCleared", stated, "C1", interactionId="I1")]
    burst.append(said("Established", 20.3, "C1", "2002", interactionId="I2"))

    results = in_any_order(TALKING, burst, said("ConnectionCleared", 40, "C1", "2002"))

    assert results == [[FIRST, ("2002", 20.3, 40, "", "", False)]]


def test_a_clearing_of_a_call_that_is_heard_of_later_ends_that() -> None:
    board = Switchboard().hears(*TALKING, said("CallCleared", 20.6, "C1", interactionId="I2"))
    began = replace(said("Established", 20.2, "C1", "2002", interactionId="I2"), gatewaytime=moment(20.8))
    board.hears(began).waits(30)

    assert known_of(board)[1] == ("2002", 20.2, 20.6, "", "", False)


@pytest.mark.parametrize("device", ["2001", "2002"])
def test_a_phone_that_is_heard_to_have_rung_before_a_call_was_cleared_keeps_no_call(device: str) -> None:
    burst = [said("Delivered", 20, "C1", "2001"), said("CallCleared", 20.1, "C1")]
    burst += [said("Delivered", 20.3, "C1", device), said("Established", 20.5, "C1", device)]

    assert in_any_order([said("Queued", 0, "C1", **UMA)], burst) == [[(device, 20.5, None, "", "", False)]]


@pytest.mark.parametrize("kind", ["ConnectionCleared", "CallCleared"])
def test_a_call_whose_end_is_heard_before_its_transfer_is_forgotten_a_minute_later(kind: str) -> None:
    ended = said(kind, 20.2, "C3", "2002" if kind == "ConnectionCleared" else None)
    board = Switchboard().hears(*CONSULTING, ended, replace(joined("Transferred", 20, "C3"), gatewaytime=moment(20.5)))

    assert not board.waits(90).state.calls


def test_without_times_the_one_who_hands_a_call_on_has_nothing_of_the_queue_that_it_is_handed_on_to() -> None:
    board = Switchboard(with_site(has_source_times=False, **SITE)).hears(*TALKING)
    board.call("Queued", 20.1, "C1", "Q8", queueName="Support").hears(handed_on(20.4, "Q8", "C1"))
    board.call("Established", 30, "C1", "2002").call("ConnectionCleared", 40, "C1", "2002").waits(60)

    assert known_of(board) == [
        ("2001", 5, 20.4, "Sales", "Uma", True),
        ("2002", 30, 40, "Support", "Uma", True),
    ]


@pytest.mark.parametrize(
    ("answered", "call_id", "until"), [(19, "C3", 20), (20, "C3", 20), (20.001, "C2", None), (21, "C2", None)]
)
def test_who_had_answered_by_a_clearing_that_is_heard_before_the_transfer_is_over_with_it(
    answered: float, call_id: str, until: float | None
) -> None:
    """Also in the very moment of it, as a source says that has whole seconds."""
    board = Switchboard().call("Established", 5, "C1", "2001").call("Held", 15, "C1", "2001")
    board.call("Originated", 16, "C2", "2001").call("Established", answered, "C2", "2002")
    board.call("CallCleared", 20, "C3").hears(joined("Transferred", 20, "C3"))

    (leg,) = [leg for leg in board.legs if leg.device_id == "2002"]
    ended = None if until is None else moment(until)
    assert (leg.call_id, leg.disconnected_source_at) == (call_id, ended)
