"""Which queue a call has that was handed on after its phone consulted another queue.

Uma comes from Sales and talks with 2001 in C1 from 8 on, who dials C2 at 14 and hands her on to 2002.
"""

from collections.abc import Callable

import pytest

from tests.relatives.case import (
    Case,
    Event,
    cleared,
    conferenced,
    dials,
    established,
    heard,
    holds,
    information,
    played,
    queued,
    rings,
    talk,
    transferred,
)

pytestmark = pytest.mark.core

RECORDINGS = [("R1", "2001", 8.05, 20.0), ("R2", "2002", 18.05, 30.0)]


def queues(consultation: list[Event], joined: Event, resulting: str = "C3") -> dict[str, str]:
    """Return the queue of each recording."""
    events = [
        queued(5, "C1", "7000", queue="Sales"),
        established(8, "C1", "2001", queue="Sales"),
        holds(14, "C1", "2001"),
        dials(14.5, "C2", "2001"),
        *consultation,
        joined,
        cleared(30, resulting, "2002"),
    ]
    if joined["type"] == "Conferenced":
        events.append(cleared(30, resulting, "2001"))
    if joined["at"] < 18:
        events.append(established(18, resulting, "2002"))
    replay = played(Case("", sorted(events, key=lambda one: float(one["at"])), [], RECORDINGS))
    return {leg.guid: replay.flags[leg.number].get("QueueName", "") for leg in replay.legs if leg.guid}


SUPPORT = [queued(14.8, "C2", "7002", queue="Support")]
ANSWERED = [established(18, "C2", "2002", queue="Support")]


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
@pytest.mark.parametrize(
    ("consultation", "at"),
    [
        pytest.param([*SUPPORT, *ANSWERED], 20, id="after the answer"),
        pytest.param(ANSWERED, 20, id="of which the answer alone states the queue"),
        pytest.param(SUPPORT, 16, id="before the answer"),
    ],
)
def test_who_is_handed_a_call_as_the_agent_of_the_queue_that_was_consulted_has_it_from_that(
    consultation: list[Event], at: float, resulting: str
) -> None:
    joined = transferred(at, "C1", "C2", resulting, "2001", "2002")

    assert queues(consultation, joined, resulting) == {"R1": "Sales", "R2": "Support"}


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_a_consultation_without_a_queue_leaves_the_call_the_customers(resulting: str) -> None:
    joined = transferred(20, "C1", "C2", resulting, "2001", "2002")

    assert queues([established(18, "C2", "2002")], joined, resulting) == {"R1": "Sales", "R2": "Sales"}


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_a_queue_that_is_named_for_the_customers_call_during_the_consultation_is_later(resulting: str) -> None:
    named = {**queued(19, "C1", queue="Gold"), "type": "CallInformation"}
    joined = transferred(20, "C1", "C2", resulting, "2001", "2002")

    assert queues([*SUPPORT, *ANSWERED, named], joined, resulting)["R2"] == "Gold"


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_a_queue_that_is_named_after_the_transfer_is_later(resulting: str) -> None:
    named = {**queued(21, resulting, queue="Gold"), "type": "CallInformation"}
    joined = transferred(20, "C1", "C2", resulting, "2001", "2002")

    assert queues([*SUPPORT, *ANSWERED, named], joined, resulting)["R2"] == "Gold"


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_a_conference_is_in_the_queue_of_the_customers_call_in_which_its_host_goes_on(resulting: str) -> None:
    joined = conferenced(20, "C1", "C2", resulting, "2001", "2002")

    assert queues([*SUPPORT, *ANSWERED], joined, resulting) == {"R1": "Sales", "R2": "Sales"}


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_a_consultation_that_states_another_interaction_as_it_is_answered_hands_its_queue_on(resulting: str) -> None:
    """The id names a new call then, by its interaction, of which nobody was heard to dial: its number says who did."""
    known = {"number": "2001", "interaction": "I1", "queue": "Support"}
    consultation = [
        queued(14.8, "C2", "7002", queue="Support", interaction="I2", number="2001"),
        established(18, "C2", "2002", **known),
        established(18.1, "C2", "2001", **known),
    ]
    joined = transferred(20, "C1", "C2", resulting, "2001", "2002")

    assert queues(consultation, joined, resulting)["R2"] == "Support"


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
@pytest.mark.parametrize("join", [transferred, conferenced])
def test_a_queue_that_is_heard_after_the_transfer_or_conference_of_its_whole_second_is_later(
    join: Callable[..., Event], resulting: str
) -> None:
    """Who was consulted leads the caller to that queue at once, and another phone answers."""
    events = [
        queued(5, "C1", "7000", queue="Sales", name="Uma"),
        established(8, "C1", "2001"),
        holds(14, "C1", "2001"),
        dials(14, "C2", "2001"),
        established(18, "C2", "2002"),
        heard(20.5, join(20, "C1", "C2", resulting, "2001", "2002")),
        heard(20.8, queued(20, resulting, "7001", queue="Gold")),
        *[heard(21.1, cleared(21, resulting, one)) for one in ("2001", "2002")],
        *talk(24, 30, resulting, "2003"),
    ]
    replay = played(Case("", events, [], [("R3", "2003", 24.1, 30.0)]))

    assert [replay.flags[leg.number].get("QueueName") for leg in replay.legs if leg.device_id == "2003"] == ["Gold"]


GOLD = heard(20.5, queued(20, "C1", "7001", queue="Gold"))


def after_the_queue_of_one_second(*events: Event, answered: float = 8) -> dict[str, str]:
    """Return the queue of each recording where 2001 hands its call on to a queue, heard at 20.5, in a whole second."""
    before = [
        queued(5, "C1", "7000", queue="Sales", interaction="I1"),
        heard(answered + 0.1, established(answered, "C1", "2001")),
        heard(20.3, transferred(20, "C1", "", "C1", "2001", "7001", cause="singleStepTransfer")),
        GOLD,
    ]
    recordings = [("R2", "2001", 20.9, 30.0), ("R3", "2003", 24.2, 30.0), ("R4", "2002", 33.2, 39.0)]
    replay = played(Case("", [*before, *events], [], recordings))
    return {leg.guid: replay.flags[leg.number].get("QueueName", "") for leg in replay.legs if leg.guid}


NEXT = talk(33, 39, "C1", "2002", interaction="I7")


@pytest.mark.parametrize("answered", [8, 20])
def test_the_phone_that_has_its_call_again_from_the_queue_of_one_second_answers_it(answered: float) -> None:
    again = [heard(20.8, established(20, "C1", "2001")), heard(30.1, cleared(30, "C1", "2001"))]

    assert after_the_queue_of_one_second(*again, *NEXT, answered=answered) == {"R2": "Gold", "R4": ""}


def test_a_caller_who_gives_up_in_the_second_of_the_queue_leaves_it_to_nobody() -> None:
    assert after_the_queue_of_one_second(heard(20.7, cleared(20, "C1", "7001")), *NEXT) == {"R4": ""}


@pytest.mark.parametrize("named", [information(20, "C1", queue="Silver"), rings(20, "C1", "2003", queue="Silver")])
def test_a_queue_that_is_stated_after_that_of_its_second_is_later(named: Event) -> None:
    assert after_the_queue_of_one_second(heard(20.7, named), *talk(24, 30, "C1", "2003")) == {"R3": "Silver"}


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_data_that_is_heard_after_the_transfer_of_its_whole_second_is_later(resulting: str) -> None:
    events = [
        queued(5, "C1", "7000", queue="Sales"),
        established(8, "C1", "2001"),
        holds(14, "C1", "2001"),
        dials(14, "C2", "2001"),
        queued(15, "C2", "7002", queue="Support"),
        established(18, "C2", "2002"),
        heard(20.2, transferred(20, "C1", "C2", resulting, "2001", "2002")),
        heard(20.4, information(20, resulting, queue="Gold")),
        cleared(30, resulting, "2002"),
    ]
    replay = played(Case("", events, [], RECORDINGS))

    assert [replay.flags[leg.number].get("QueueName") for leg in replay.legs if leg.guid == "R2"] == ["Gold"]


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
@pytest.mark.parametrize(
    ("sales_at", "queue"),
    [pytest.param(5, "Support", id="named first"), pytest.param(14.9, "Sales", id="named last")],
)
def test_when_a_queue_was_named_counts_and_not_when_a_transfer_handed_it_on(
    sales_at: float, queue: str, resulting: str
) -> None:
    """Uma talks with 2003, who consults 2001, and 2001 the queue Support; 2003 hands her on to 2001 meanwhile."""
    events = [
        queued(5, "C4", "7000"),
        established(8, "C4", "2003"),
        holds(9, "C4", "2003"),
        dials(9.5, "C1", "2003"),
        established(12, "C1", "2001"),
        holds(14, "C1", "2001"),
        dials(14.5, "C2", "2001"),
        *SUPPORT,
        {**queued(sales_at, "C4", queue="Sales"), "type": "CallInformation"},
        transferred(16, "C4", "C1", "C5", "2003", "2001"),
        established(18, "C2", "2002"),
        transferred(20, "C5", "C2", resulting, "2001", "2002"),
        cleared(30, resulting, "2002"),
    ]
    replay = played(Case("", sorted(events, key=lambda one: float(one["at"])), [], RECORDINGS))

    assert [replay.flags[leg.number].get("QueueName") for leg in replay.legs if leg.guid == "R2"] == [queue]


@pytest.mark.parametrize("resulting", ["C2", "C5", "C3"])
@pytest.mark.parametrize("between", ["C4", "C6", "C7"])
@pytest.mark.parametrize(
    ("sales_at", "queue"),
    [pytest.param(5, "Support", id="named first"), pytest.param(14.9, "Sales", id="named last")],
)
def test_when_a_queue_was_named_counts_however_often_the_call_was_handed_on_since(
    sales_at: float, queue: str, between: str, resulting: str
) -> None:
    """Uma talks with 2004, who consults 2003, who consults 2001, who consults the queue Support; she comes to 2001."""
    events = [
        queued(5, "C6", "7000"),
        established(6, "C6", "2004"),
        holds(7, "C6", "2004"),
        dials(7.5, "C4", "2004"),
        established(9, "C4", "2003"),
        holds(10, "C4", "2003"),
        dials(10.5, "C1", "2003"),
        established(12, "C1", "2001"),
        holds(14, "C1", "2001"),
        dials(14.5, "C2", "2001"),
        *SUPPORT,
        {**queued(sales_at, "C6", queue="Sales"), "type": "CallInformation"},
        transferred(15.5, "C6", "C4", between, "2004", "2003"),
        transferred(16, between, "C1", "C5", "2003", "2001"),
        established(18, "C2", "2002"),
        transferred(20, "C5", "C2", resulting, "2001", "2002"),
        cleared(30, resulting, "2002"),
    ]
    replay = played(Case("", sorted(events, key=lambda one: float(one["at"])), [], RECORDINGS))

    assert [replay.flags[leg.number].get("QueueName") for leg in replay.legs if leg.guid == "R2"] == [queue]
