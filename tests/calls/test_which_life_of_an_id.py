"""To which life of an id an event belongs, where two are known: each condition, and each limit at its edges.

C1 named one call from 0 on, and another one from 20 on. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.incarnations import attribute, begin_call, call_at
from calls.core.state import CallState
from calls.core.unit_of_work import LiveState, UnitOfWork
from cti.events import CallEvent
from tests.calls.call_states import I1, I2, NO_TIMES, B, call, event, left, party, work
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

I3: dict[str, Any] = {"interactionId": "I3"}


def second(*parties: Any, born: float = 20, **more: Any) -> CallState:
    """Return the id's second call, of which something was heard as it began."""
    return replace(call(*parties, **more), incarnation=2, born_at=moment(born), touched_gateway_at=moment(born))


def holding(*calls: CallState, lost: float | None = None, **site: Any) -> UnitOfWork:
    one = work(source={"lost_gateway_at": None if lost is None else moment(lost)}, **site)
    state = replace(one.source, next_incarnation=7)
    return UnitOfWork(LiveState(source=state, calls={two.incarnation: two for two in calls}), one.context)


OVER = call(left(), entered_at=0, interaction="I2")
TALKS = second(party("2002", since=20), interaction="I1")
REPLACED = call(number="+49301", waits_since=0, entered_at=0, superseded_at=20)
THIRD = replace(second(born=40), incarnation=3)
DOUBTFUL = call(waits_since=0, entered_at=0, doubtful_since=10)


@pytest.mark.parametrize(
    ("calls", "said", "owner", "more"),
    [
        # An end that states another call's interaction than that of the call in which its device is.
        ([OVER, TALKS], event("ConnectionCleared", 30, "2002", **I1), 2, {}),
        ([OVER, TALKS], event("ConnectionCleared", 30, "2002", **I2), 1, {}),
        ([OVER, TALKS], event("ConnectionCleared", 30, "2002", **I3), 7, {}),
        ([OVER, TALKS], event("ConnectionCleared", 30, "2002", **I2), 1, NO_TIMES),
        ([OVER, TALKS], event("ConnectionCleared", 30, "2002", **I3), 2, NO_TIMES),
        ([OVER, TALKS], event("Held", 30, "2002", **I2), 1, {}),
        ([OVER, TALKS], event("Retrieved", 30, "2002", **I3), 7, {}),
        ([call(left(), entered_at=0), TALKS], event("ConnectionCleared", 30, "2002", **I2), 7, {}),
        # A device is in the first call, though the second one has begun.
        (
            [call(party(), interaction="I1"), second(party("2003"), interaction="I2")],
            event("Held", 25, "2001", **I1),
            1,
            {},
        ),
        ([call(party(), superseded_at=20), second()], event("Held", 20, "2001"), 1, {}),
        ([call(party(), superseded_at=20), second(party("2001"))], event("Held", 20.001, "2001"), 2, {}),
        # Nothing was heard of the second call since the link was lost.
        ([OVER, TALKS], event("CallInformation", 30, **I3), 7, {"lost": 25}),
        ([OVER, TALKS], event("CallInformation", 30, **I3), 2, {}),
        ([OVER, TALKS], event("CallInformation", 30, **I2), 1, {"lost": 25}),
        ([OVER, TALKS], event("CallInformation", 30, wrapup={"result": "sold"}, **I3), 2, {"lost": 25}),
        # From between both: the second one's beginning, or of a call that was cleared or given up before it.
        ([replace(OVER, next_cleared_at=moment(15)), second()], event("Delivered", 15, "2003"), 7, {}),
        ([replace(OVER, next_cleared_at=moment(15)), second()], event("Delivered", 15.001, "2003"), 2, {}),
        ([replace(OVER, next_cleared_at=moment(20)), second()], event("Delivered", 15, "2003"), 2, {}),
        (
            [call(interaction="I1", doubtful_since=10, superseded_at=20), second()],
            event("Delivered", 10, "2003", **I2),
            7,
            {},
        ),
        (
            [call(interaction="I1", doubtful_since=10, superseded_at=20), second()],
            event("Delivered", 10.001, "2003", **I2),
            2,
            {},
        ),
        # From while the first one waited: another caller is the second one's only where its id was used again.
        ([REPLACED, second()], event("Delivered", 15, "2003", **B), 2, {}),
        ([REPLACED, second()], event("Delivered", 15, "2003", callingNumber="+49301"), 1, {}),
        ([call(left(), number="+49301", entered_at=0), second()], event("Delivered", 5, "2003", **B), 1, {}),
        ([OVER, second(left("2002", 25, since=20)), THIRD], event("Delivered", 30, "2003"), 3, {}),
        # An extension leaves that was never in the first call, which may be over.
        ([DOUBTFUL, second()], event("ConnectionCleared", 12, "2003"), 2, {}),
        ([DOUBTFUL], event("ConnectionCleared", 12, "2003"), 7, {}),
        ([DOUBTFUL, second()], event("ConnectionCleared", 10, "2003"), 1, {}),
    ],
)
def test_an_event_belongs_to_the_life_that_its_time_and_its_interaction_name(
    calls: list[CallState], said: CallEvent, owner: int, more: dict[str, Any]
) -> None:
    assert attribute(holding(*calls, **more), said, "C1").incarnation == owner


def test_a_call_of_which_only_the_clearing_was_heard_ends_no_earlier_one() -> None:
    alive, cleared = call(party("2001", since=0)), call(left("2002", 8), incarnation=2, born_at=5, next_cleared_at=15)
    held = holding(alive, cleared, replace(second(), incarnation=3))

    assert attribute(held, event("Delivered", 15, "2003"), "C1").incarnation == 7
    assert held.calls[1].superseded_at is None


def test_an_end_of_a_call_that_was_never_heard_of_ends_no_other() -> None:
    one = holding(OVER, TALKS)
    begun = attribute(one, event("ConnectionCleared", 30, "2002", **I3), "C1")

    assert (begun.incarnation, one.calls[2].superseded_at) == (7, None)
    assert begun.due == moment(30 + 12 * 3600), "it is forgotten when nothing was heard of it for twelve hours"


def test_a_call_from_before_the_doubt_may_itself_be_over_since_then() -> None:
    one = holding(call(interaction="I1", doubtful_since=10, superseded_at=20), second())

    assert attribute(one, event("Delivered", 10, "2003", **I2), "C1").doubtful_since == moment(10)


@pytest.mark.parametrize(
    ("calls", "at", "cleared"),
    [
        ([call(next_cleared_at=15)], 12, 15),
        ([call(next_cleared_at=15)], 15, 15),
        ([call(next_cleared_at=15)], 15.001, None),
        ([call()], 12, None),
        ([replace(call(next_cleared_at=15), born_at=moment(12))], 12, 15),
        ([replace(call(next_cleared_at=15), born_at=moment(13))], 12, None),
        # The clearing is that of a call that began in between.
        ([call(next_cleared_at=15), second(born=14)], 12, None),
        ([call(next_cleared_at=15), second(born=15)], 12, None),
        ([call(next_cleared_at=15), second(born=12)], 12, 15),
        ([call(next_cleared_at=15), second(born=15.001)], 12, 15),
    ],
)
def test_a_call_that_was_cleared_before_it_was_heard_of_is_over_as_it_begins(
    calls: list[CallState], at: float, cleared: float | None
) -> None:
    begun = begin_call(holding(*calls), event("Queued", at, "5000"), "C1", replaces=False)

    assert begun.cleared_at == (None if cleared is None else moment(cleared))
    assert begun.waits_since == (moment(at) if cleared is None else None)


@pytest.mark.parametrize(("born", "superseded"), [(0, True), (4.999, True), (5, False), (6, False)])
def test_a_call_that_begins_ends_those_that_began_before_under_its_id(born: float, superseded: bool) -> None:
    one = holding(replace(call(party()), born_at=moment(born)))
    begin_call(one, event("Established", 5, "2002", heard=6), "C1")

    assert one.calls[1].superseded_at == (moment(5) if superseded else None)
    assert one.calls[1].due == (moment(7) if superseded else None)


def test_a_call_that_is_found_beside_others_ends_none_of_them() -> None:
    one = holding(call(party()))
    begun = begin_call(one, event("Established", 5, "2002"), "C1", replaces=False)

    assert (one.calls[1].superseded_at, begun.incarnation) == (None, 7)


@pytest.mark.parametrize(
    ("calls", "device", "at", "number"),
    [
        ([OVER, second()], "2009", 25, 2),
        ([OVER, second()], "2009", 20, 2),
        ([OVER, second()], "2009", 19.999, 1),
        ([OVER, second()], "2009", -5, 1),
        ([call(party()), second()], "2001", 25, 1),
        ([call(party(), superseded_at=20), second()], "2001", 19.999, 1),
        ([call(party(), superseded_at=20), second()], "2001", 20, 2),
        ([], "2001", 20, None),
    ],
)
def test_an_id_named_one_call_at_a_moment(calls: list[CallState], device: str, at: float, number: int | None) -> None:
    found = call_at(holding(*calls), "C1", device, moment(at))

    assert (found.incarnation if found is not None else None) == number


@pytest.mark.parametrize(("at", "number"), [(20, 1), (21, 1), (21.000001, 2)])
def test_without_times_of_the_source_the_device_is_in_the_call_before_for_a_second_more(at: float, number: int) -> None:
    found = call_at(holding(call(party(), superseded_at=20), second(), **NO_TIMES), "C1", "2001", moment(at))

    assert found is not None
    assert found.incarnation == number
