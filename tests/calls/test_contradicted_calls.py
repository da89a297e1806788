"""An event that contradicts the call which its id still seems to name: the PBX has used the id again.

The call is C1, which began at 0. 2001 to 2005 are extensions, 2009 is not. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_evidence import (
    is_of_another,
    queue_of,
)
from calls.core.state import CallState, PartyState
from cti.events import CallEvent, Queued
from tests.calls.call_states import I1, I2, NO_TIMES, TALKS, WAITS, A, B, call, event, left, party, work
from tests.calls.leg_states import leg
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core


CLOSED_LEG = leg(5)
MAIN = call(party(), number="+49301", entered_at=0, main=7)


@pytest.mark.parametrize(
    ("one", "said", "site", "another"),
    [
        # Interactions decide where both are stated.
        (TALKS, event("Delivered", 5, "2002", **I2, **A), {}, True),
        (TALKS, event("Delivered", 5, "2002", **I1, **B), {}, False),
        (replace(TALKS, doubtful_since=moment(1)), event("Delivered", 5, "2002", **I1), {}, False),
        (replace(TALKS, doubtful_since=moment(1)), event("Delivered", 5, "2002"), {}, True),
        # A device that talks is connected again with another number; after a transfer an extension's proves nothing.
        (TALKS, event("Established", 5, "2001", **B), {}, True),
        (TALKS, event("Established", 5, "2001", **A), {}, False),
        (TALKS, event("Delivered", 5, "2001", **B), {}, True),
        (TALKS, event("Queued", 5, "2001", **B), {}, False),
        (TALKS, event("Established", 5, "2002", **B), {}, False),
        (MAIN, event("Established", 5, "2001", callingNumber="2003"), {}, False),
        (MAIN, event("Established", 5, "2001", **B), {}, True),
        (replace(MAIN, main=None), event("Established", 5, "2001", callingNumber="2003"), {}, True),
        # A call that only waits or rings: another number, but not as it began, nor where a transfer names an extension.
        (WAITS, event("Delivered", 5, "2001", **B), {}, True),
        (WAITS, event("Delivered", 0, "2001", **B), {}, False),
        (WAITS, event("Delivered", 5, "2001", **A), {}, False),
        (replace(WAITS, main=7), event("Delivered", 5, "2001", callingNumber="2003"), {}, False),
        (replace(WAITS, main=7), event("Delivered", 5, "2001", **B), {}, True),
        # Extensions talked and have left; only outside parties are known in it.
        (
            call(left(), party("2009", outside=True), number="+49301", entered_at=0),
            event("Delivered", 15, "2002", **B),
            {},
            True,
        ),
        (
            call(left(had_leg=False), party("2009", outside=True), number="+49301", entered_at=0),
            event("Delivered", 15, "2002", **B),
            {},
            False,
        ),
        (
            call(left(), party("2002"), party("2009", outside=True), number="+49301", entered_at=0),
            event("Delivered", 15, "2003", **B),
            {},
            False,
        ),
        (
            call(left(), party("2003", outside=True), number="+49301", entered_at=0),
            event("Delivered", 15, "2002", **B),
            {},
            True,
        ),
        # Queued though somebody came in: on a link without times of its own, just as the others left.
        (call(left(at=20.8), party("2002", since=5, had_leg=True)), event("Queued", 21, "5000"), NO_TIMES, True),
        # Silence.
        (WAITS, event("Delivered", 900, "2001"), {}, False),
        (WAITS, event("Delivered", 900.001, "2001"), {}, True),
        (WAITS, event("Delivered", 5, "2001", heard=900.001), {}, True),
        (TALKS, event("Delivered", 901, "2002"), {}, False),
        # It rings where it dials.
        (call(party(state=PartyState.ORIGINATED, since=0)), event("Delivered", 0.001, "2001"), {}, True),
        (call(party(state=PartyState.ORIGINATED, since=0)), event("Delivered", 0, "2001"), {}, False),
        (call(party(state=PartyState.ORIGINATED, since=None)), event("Delivered", 5, "2001"), {}, False),
        (call(party(state=PartyState.INITIATED, since=0)), event("Delivered", 5, "2001"), {}, False),
        (call(party(state=PartyState.ORIGINATED, since=0)), event("Delivered", 5, "2001"), NO_TIMES, False),
        # It dials: where it was connected before, where it rings, where it waits.
        (call(party(leg=1)), event("Originated", 5.001, "2001"), {}, True),
        (call(party(leg=1)), event("Originated", 5, "2001"), {}, False),
        (call(party(since=0)), event("Originated", 1, "2001"), {}, False),
        (call(party(since=0)), event("Originated", 1.001, "2001"), {}, True),
        (call(party(state=PartyState.ALERTING, since=0)), event("Originated", 0.001, "2001"), {}, True),
        (call(party(state=PartyState.ALERTING, since=0)), event("ServiceInitiated", 0.5, "2001"), {}, False),
        (call(party(state=PartyState.ALERTING, since=0)), event("Originated", 1, "2001"), NO_TIMES, False),
        (call(party(state=PartyState.INITIATED, since=0)), event("Originated", 60, "2001"), {}, False),
        (call(party(since=None)), event("Originated", 1, "2001"), {}, False),
        (call(party(since=None)), event("Originated", 1.001, "2001"), {}, True),
        (call(party("2002")), event("Originated", 1, "2001"), {}, False),
        (call(party("2002")), event("Originated", 1.001, "2001"), {}, True),
        (WAITS, event("Originated", 0.001, "2001"), {}, True),
        (WAITS, event("Originated", 0, "2001"), {}, False),
        (WAITS, event("Originated", 1, "2001"), NO_TIMES, False),
        (WAITS, event("Originated", 1.001, "2001"), NO_TIMES, True),
        # Queued again where it waits.
        (replace(WAITS, facts={}), event("Queued", 1, "5000"), {}, False),
        (replace(WAITS, facts={}), event("Queued", 1.001, "5000"), {}, True),
        (replace(WAITS, facts={}, entered_at=moment(4)), event("Queued", 5, "5000"), {}, False),
        (replace(WAITS, facts={}, entered_at=None), event("Queued", 5, "5000"), {}, True),
        (replace(WAITS, facts={}), event("Queued", 5, "5001"), {}, False),
        (WAITS, event("Queued", 5, "5000"), {}, True),
        (WAITS, event("Queued", 5, "5000", **A), {}, False),
        (replace(WAITS, facts={}), event("Queued", 5, "5000", **A), {}, True),
        (replace(WAITS, waits_at=""), event("Queued", 5, "5000"), {}, False),
    ],
)
def test_an_event_contradicts_the_call_that_its_id_still_seems_to_name(
    one: CallState, said: CallEvent, site: dict[str, Any], another: bool
) -> None:
    assert is_of_another(work(legs=(CLOSED_LEG,), **site), one, said) is another


def test_of_whole_seconds_a_device_that_dials_in_the_second_of_the_queue_was_heard_after_it() -> None:
    whole = work(source={"has_fractions": False})

    assert is_of_another(whole, WAITS, event("Originated", 0, "2001"))


def test_a_leg_that_is_not_confirmed_says_nothing_of_when_its_device_dials() -> None:
    unsure = work(legs=(replace(CLOSED_LEG, is_unconfirmed=True),))

    assert not is_of_another(unsure, call(party(leg=1, since=5)), event("Originated", 5.5, "2001"))


@pytest.mark.parametrize(
    ("device", "data", "queue"),
    [("5000", {"queueName": "Sales"}, "5000"), (None, {"queueName": "Sales"}, "Sales"), (None, {}, "?")],
)
def test_a_call_waits_at_the_queues_device_else_at_its_name(
    device: str | None, data: dict[str, Any], queue: str
) -> None:
    said = event("Queued", 0, device, **data)
    assert isinstance(said, Queued)

    assert queue_of(said) == queue
