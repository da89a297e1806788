"""What shows that an event is not of the call that its id last named: each condition, and each limit at its edges.

The call is C1, which began at 0. 2001 to 2005 are extensions, 2009 is not. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_evidence import (
    begins,
    is_after,
    is_anybody_in,
    is_doubtful_for,
    is_of_after_doubt,
    is_of_before,
    is_of_later_life,
    is_unheard_since_loss,
    states_another_interaction,
)
from calls.core.incarnations import call_of_device, later_parties
from calls.core.state import CallState, Party, PartyState, TimedValue
from cti.events import CallEvent
from tests.calls.call_states import I1, I2, NO_TIMES, OVER, TALKS, WAITS, A, B, call, event, left, party, work
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("one", "said", "is_later"),
    [
        (OVER, event("CallInformation", 10.001), True),
        (OVER, event("CallInformation", 10), False),
        (OVER, event("ConnectionCleared", 10, "2002"), False),
        (OVER, event("Delivered", 10, "2002"), True),
        (OVER, event("Delivered", 10, "2001"), True),
        (OVER, event("Delivered", 9.999, "2002"), False),
        (OVER, event("Delivered", 5, "2002", **I2), True),
        (OVER, event("Delivered", 0, "2002", **I2), True),
        (OVER, event("Delivered", -0.001, "2002", **I2), False),
        (OVER, event("CallInformation", 5, **I2), False),
        # Of a device that left without a leg, the beginning is reported after its end.
        (call(left(had_leg=False)), event("Established", 10, "2001"), False),
        (call(left(had_leg=False), number="+49301"), event("Established", 10, "2001", **B), True),
        (call(left(had_leg=False), number="+49301"), event("Established", 10, "2001", **A), False),
        # A call that was moved: whoever comes in at that moment may be of it.
        (call(left(), moved_to=2, moved_at=10), event("Delivered", 10, "2002"), False),
    ],
)
def test_an_event_comes_after_the_end_of_a_call(one: CallState, said: CallEvent, is_later: bool) -> None:
    assert is_after(work(), one, moment(10), said) is is_later


@pytest.mark.parametrize(
    ("one", "device", "is_later"),
    [
        (call(left(had_leg=False)), "2001", True),
        (call(left(had_leg=False, since=10)), "2001", False),
        (call(left(had_leg=False, since=None)), "2001", False),
        (call(left(), moved_to=2, moved_at=10), "2002", True),
    ],
)
def test_of_whole_seconds_the_order_of_arrival_decides_within_one(one: CallState, device: str, is_later: bool) -> None:
    whole = work(source={"has_fractions": False})

    assert is_after(whole, one, moment(10), event("Established", 10, device)) is is_later


@pytest.mark.parametrize(
    ("kind", "device", "is_next"),
    [("Originated", "2002", True), ("ServiceInitiated", "2002", True), ("Originated", "2001", False)],
)
def test_of_whole_seconds_a_call_that_another_device_had_dialled_is_over(kind: str, device: str, is_next: bool) -> None:
    """2001 dialled; of 2002 the end alone was heard, or of 2001 both. A call is dialled by one device."""
    one = call(left(had_leg=False, since=10, has_dialled=True), left("2002", had_leg=False, since=10))
    whole = work(source={"has_fractions": False})

    assert is_after(whole, one, moment(10), event(kind, 10, device)) is is_next
    assert not is_after(whole, one, moment(10), event("Established", 10, "2002"))


@pytest.mark.parametrize(
    ("one", "said", "another"),
    [
        (TALKS, event("Held", 5, "2001", **I2), True),
        (TALKS, event("Held", 5, "2001", **I1), False),
        (TALKS, event("Held", 5, "2001"), False),
        (call(), event("Held", 5, "2001", **I2), False),
    ],
)
def test_another_interaction_is_one_that_the_call_never_had(one: CallState, said: CallEvent, another: bool) -> None:
    assert states_another_interaction(one, said) is another


def test_an_interaction_of_before_is_the_calls_too() -> None:
    history = (TimedValue(moment(0), "I1"), TimedValue(moment(1), "I2"))

    assert not states_another_interaction(call(facts={"interaction_id": history}), event("Held", 5, "2001", **I1))
    assert not states_another_interaction(call(facts={"interaction_id": history}), event("Held", 5, "2001", **I2))


@pytest.mark.parametrize(("touched", "lost", "unheard"), [(4, 5, True), (5, 5, False), (4, None, False)])
def test_nothing_was_heard_of_a_call_since_the_loss(touched: float, lost: float | None, unheard: bool) -> None:
    one = call(touched_gateway_at=touched)

    assert is_unheard_since_loss(work(source={"lost_gateway_at": lost}), one) is unheard


@pytest.mark.parametrize(
    ("one", "said", "source", "is_later"),
    [
        (TALKS, event("ConnectionCleared", 5, "2002", **I2), {}, True),
        (TALKS, event("ConnectionCleared", 0, "2002", **I2), {}, True),
        (TALKS, event("ConnectionCleared", -0.001, "2002", **I2), {}, False),
        (TALKS, event("ConnectionCleared", 5, "2002", **I1), {}, False),
        (TALKS, event("ConnectionCleared", 5, "2001", **I2), {}, False),
        (TALKS, event("ConnectionCleared", 5, "2009", **I2), {}, False),
        (TALKS, event("ConnectionCleared", 5, "2002", outside=True, **I2), {}, False),
        (TALKS, event("Delivered", 5, "2002", **I2), {}, False),
        (TALKS, event("Held", 5, "2002", **I2), {}, True),
        (TALKS, event("Delivered", 5, "2002", **I2), {"lost_gateway_at": 1}, True),
        (OVER, event("ConnectionCleared", 5, "2002", **I2), {"lost_gateway_at": 1}, False),
    ],
)
def test_another_interaction_of_an_extension_that_is_not_in_the_call_is_of_a_later_life(
    one: CallState, said: CallEvent, source: dict[str, Any], is_later: bool
) -> None:
    assert is_of_later_life(work(source=source), one, said) is is_later


MOVED = call(left(), moved_to=2, moved_at=10)
FAILED = call(left(had_leg=False), failed_gateway_at=9, entered_at=0)
ENDS_ONLY = call(left())


@pytest.mark.parametrize(
    ("one", "said", "begun"),
    [
        (OVER, event("Delivered", 12, "2002"), True),
        (OVER, event("Held", 12, "2002"), True),
        (OVER, event("Retrieved", 12, "2009"), True),
        (OVER, event("ConnectionCleared", 12, "2002"), True),
        (OVER, event("ConnectionCleared", 12, "2009"), False),
        (OVER, event("ConnectionCleared", 12, "2002", outside=True), False),
        (OVER, event("CallInformation", 12), False),
        (OVER, event("Diverted", 12, "2002"), False),
        # Other monitors report a transfer up to a second late.
        (MOVED, event("ConnectionCleared", 11, "2002"), False),
        (MOVED, event("ConnectionCleared", 11.001, "2002"), True),
        (MOVED, event("Held", 11, "2002"), False),
        (MOVED, event("Delivered", 11, "2002"), True),
        # Of a call of which ends alone are known, another end within a second is one more.
        (ENDS_ONLY, event("ConnectionCleared", 11, "2002"), False),
        (ENDS_ONLY, event("ConnectionCleared", 11.001, "2002"), True),
        (ENDS_ONLY, event("ConnectionCleared", 11, "2001"), True),
        (ENDS_ONLY, event("Held", 11, "2002"), True),
        # A device leaves the call that failed at it.
        (FAILED, event("ConnectionCleared", 12, "2001"), False),
        (FAILED, event("ConnectionCleared", 12, "2002"), True),
        (replace(FAILED, failed_gateway_at=None), event("ConnectionCleared", 12, "2001"), True),
        (call(left(), failed_gateway_at=9, entered_at=0), event("ConnectionCleared", 12, "2001"), True),
    ],
)
def test_after_the_end_a_new_call_begins_with_who_comes_in_or_with_an_end_that_is_nobodys(
    one: CallState, said: CallEvent, begun: bool
) -> None:
    assert begins(work(), said, one) is begun


@pytest.mark.parametrize(
    ("one", "said", "site", "before"),
    [
        (TALKS, event("Delivered", -5, "2002"), {}, False),
        (TALKS, event("Delivered", -5, "2002", **B), {}, True),
        (TALKS, event("Delivered", -5, "2002", **I2), {}, True),
        (TALKS, event("Established", -5, "2001"), {}, False),
        (OVER, event("Established", -5, "2001"), {}, True),
        (OVER, event("Established", -5, "2002"), {}, False),
        (OVER, event("Delivered", -5, "2001"), {}, False),
        (OVER, event("Established", -5, "2001"), NO_TIMES, False),
        (call(left(had_leg=False)), event("Established", -5, "2001"), {}, False),
        # A device dials first; then the call is queued.
        (call(party(state=PartyState.ORIGINATED, since=0)), event("Queued", -0.001, "5000"), {}, True),
        (call(party(state=PartyState.INITIATED, since=0)), event("Queued", -5, "5000"), {}, True),
        (call(party(since=0, has_dialled=True)), event("Queued", -5, "5000"), {}, True),
        (call(party(state=PartyState.ORIGINATED, since=0)), event("Queued", 0, "5000"), {}, False),
        (call(party(state=PartyState.ORIGINATED, since=0)), event("Queued", -5, "5000"), NO_TIMES, False),
        (call(party(state=PartyState.ORIGINATED, since=0)), event("Delivered", -5, "2002"), {}, False),
        (call(party(since=0)), event("Queued", -5, "5000"), {}, False),
        (call(party(state=PartyState.ORIGINATED, since=None)), event("Queued", -5, "5000"), {}, False),
        # What brings nobody in.
        (TALKS, event("ConnectionCleared", -5, "2002"), {}, True),
        (TALKS, event("CallInformation", -5), {}, False),
    ],
)
def test_what_comes_from_before_the_earliest_known_call_is_its_own_beginning_with_three_exceptions(
    one: CallState, said: CallEvent, site: dict[str, Any], before: bool
) -> None:
    assert is_of_before(work(**site), one, said) is before


DOUBTFUL = call(number="+49301", waits_since=0, doubtful_since=10, entered_at=0)


@pytest.mark.parametrize(
    ("one", "said", "doubtful"),
    [
        (DOUBTFUL, event("Delivered", 10.001, "2001"), True),
        (DOUBTFUL, event("Delivered", 10, "2001"), False),
        (DOUBTFUL, event("Delivered", 10, "2001", **A), False),
        (DOUBTFUL, event("Delivered", 10, "2001", **B), True),
        (DOUBTFUL, event("Delivered", 9.999, "2001", **B), False),
        (WAITS, event("Delivered", 20, "2001"), False),
        (DOUBTFUL, event("Delivered", 20, "2001", **I1), True),  # That call never stated any.
        (call(interaction="I1", doubtful_since=10), event("Delivered", 20, "2001", **I1), False),
        (call(interaction="I1", doubtful_since=10), event("Delivered", 20, "2001"), True),
    ],
)
def test_a_call_that_may_be_over_is_so_for_what_comes_later_and_states_no_interaction_of_it(
    one: CallState, said: CallEvent, doubtful: bool
) -> None:
    assert is_doubtful_for(one, said) is doubtful


@pytest.mark.parametrize(
    ("one", "said", "after"),
    [
        (DOUBTFUL, event("ConnectionCleared", 11, "2001"), True),
        (DOUBTFUL, event("ConnectionCleared", 10, "2001"), False),
        (DOUBTFUL, event("Held", 11, "2001"), False),
        (DOUBTFUL, event("ConnectionCleared", 11, "2009"), False),
        (DOUBTFUL, event("ConnectionCleared", 11, "2001", outside=True), False),
        (call(left(), doubtful_since=10), event("ConnectionCleared", 11, "2001"), False),
        (WAITS, event("ConnectionCleared", 11, "2001"), False),
    ],
)
def test_an_extension_that_was_never_in_a_call_which_may_be_over_left_another(
    one: CallState, said: CallEvent, after: bool
) -> None:
    assert is_of_after_doubt(work(), one, said) is after


@pytest.mark.parametrize(
    ("one", "anybody"),
    [
        (call(), False),
        (call(left()), False),
        (call(party(state=PartyState.ALERTING)), False),
        (call(party(state=PartyState.ALERTING), party("2002", PartyState.HOLD)), True),
        (call(party(state=PartyState.ORIGINATED)), True),
    ],
)
def test_who_talks_or_dials_is_in_a_call(one: CallState, anybody: bool) -> None:
    assert is_anybody_in(one) is anybody


# Which call of an id a device is in


@pytest.mark.parametrize(
    ("one", "at", "is_in"),
    [
        (call(party(since=5)), 5, True),
        (call(party(since=5)), 4.999, False),
        (call(party()), 0, True),
        (call(left()), 5, False),
        (call(party("2002")), 5, False),
    ],
)
def test_a_device_is_in_the_latest_call_that_it_was_in_then(one: CallState, at: float, is_in: bool) -> None:
    later = call(party("2003"), incarnation=2)

    assert (call_of_device([one, later], "2001", moment(at)) is one) is is_in
    assert call_of_device([one, replace(one, incarnation=2)], "2001", moment(60)) != one


@pytest.mark.parametrize(
    ("one", "is_later"),
    [
        (party(since=10), False),
        (party(since=10.001), True),
        (party(since=None), False),
        # Of a party of which only the end is known, the time is that end: it was there before.
        (left(since=10.000001, at=10.000001, had_leg=False), False),
        (left(since=10.000002, at=10.000002, had_leg=False), True),
        (left(since=10.000001, at=10.000001), True),
        (left(since=10.000001, at=11, had_leg=False), True),
    ],
)
def test_a_party_joined_after_a_moment(one: Party, is_later: bool) -> None:
    assert (later_parties(call(one), moment(10)) != {}) is is_later
