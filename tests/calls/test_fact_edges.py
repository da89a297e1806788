"""What a call's events say about it, condition by condition: what is news, what is kept, and who is another caller."""

from typing import Any

import pytest

from calls.core.call_facts import (
    INHERITED,
    QUERY,
    as_of,
    divided,
    is_called_from,
    is_contradicted,
    is_dialled_by,
    is_named_otherwise,
    is_number_of,
    known_at,
    learn,
    learn_values,
    merged,
    moved_facts,
    names_another,
    reported_facts,
    stated_since,
    states_its_number,
)
from calls.core.origins import Origin, OriginRule
from calls.core.state import CallState, TimedValue
from tests.calls.call_states import call, event, history, party
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

CLEARED = {"cause": "queueCleared"}


def said(at: float, by: str = "e") -> Origin:
    return Origin("Established", by, moment(at))


def knowing(**facts: tuple[TimedValue, ...]) -> CallState:
    return call(facts=facts)


def told(one: CallState, name: str = "queue_name") -> list[tuple[float, str]]:
    noon = moment(0)
    return [((value.at - noon).total_seconds(), value.value) for value in one.facts.get(name, ())]


def queued(*values: tuple[float, str]) -> CallState:
    """Return a call that learnt the names of queues in this order; empty: it left one."""
    one = call()
    for at, value in values:
        one = learn(one, {"queue_name": value}, said(at))
    return one


# --- what an event states ---


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        ({"queueName": "Sales"}, {"queue_name": "Sales"}),
        ({"queueName": ""}, {}),
        (CLEARED, {"queue_name": ""}),
        ({**CLEARED, "queueName": "Sales"}, {"queue_name": "Sales"}),
        ({"callerName": "Ann"}, {"caller_name": "Ann", "caller_name_source": "unknown"}),
        ({"callerName": "Ann", "callerNameSource": "isdn"}, {"caller_name": "Ann", "caller_name_source": "isdn"}),
        ({"callerName": "Ann", "callerNameSource": "personal"}, {}),
        ({"callerNameSource": "isdn"}, {}),
        ({"queryData": {"a": "1", "b": ""}}, {"query:a": "1"}),
        ({"direction": "inbound", "calledNumber": "30"}, {"direction": "inbound", "called_number": "30"}),
        ({"callingNumber": "30", "interactionId": "I1"}, {"calling_number": "30", "interaction_id": "I1"}),
    ],
)
def test_an_event_states_its_values_that_are_not_empty_and_no_personal_name(
    data: dict[str, Any], facts: dict[str, str]
) -> None:
    assert reported_facts(event("Established", 1, "2001", **data).data) == facts


# --- what is news ---


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([(1, "A"), (2, "A")], [(1, "A")]),
        ([(2, "A"), (1, "A")], [(1, "A"), (2, "A")]),
        ([(2, "A"), (2, "A")], [(2, "A")]),
        ([(1, "A"), (2, "B")], [(1, "A"), (2, "B")]),
        ([(2, "B"), (1, "A")], [(1, "A"), (2, "B")]),
        ([(1, "A"), (2, "")], [(1, "A"), (2, "")]),
        ([(1, "A"), (1, "B")], [(1, "A"), (1, "B")]),
        ([(2, "A"), (1, "B"), (2, "C")], [(1, "B"), (2, "A"), (2, "C")]),
    ],
)
def test_a_value_is_news_where_it_is_another_one_or_older_than_all(
    values: list[tuple[float, str]], kept: list[tuple[float, str]]
) -> None:
    assert told(queued(*values)) == kept


@pytest.mark.parametrize(
    ("before", "at", "is_ignored"),
    [
        ([(1, "A"), (2, "B")], 2, True),
        ([(1, "A"), (2, "B")], 2.5, False),
        ([(2, "B")], 2, False),
        ([(1, ""), (2, "B")], 2, False),
        ([(2, "A"), (2, "B")], 2, False),
        ([(1, "A"), (2, "")], 3, True),
        ([(1, "A")], 2, False),
    ],
)
def test_that_a_queue_was_left_in_the_moment_in_which_another_one_was_entered_is_no_news(
    before: list[tuple[float, str]], at: float, is_ignored: bool
) -> None:
    """Only where it was in another one before, and is in one now."""
    one = knowing(queue_name=history(*before))
    learnt = learn(one, {"queue_name": ""}, said(at))

    assert (learnt is one) is is_ignored


def test_a_call_that_learns_nothing_new_is_the_same() -> None:
    one = queued((2, "A"))

    assert learn(one, {"queue_name": "A"}, said(2)) is one
    assert learn_values(one, {"queue_name": TimedValue(moment(2), "A")}) is one
    assert learn(one, {}, said(2)) is one
    assert learn_values(call(), {"queue_name": TimedValue(moment(2), "")}).facts
    assert learn_values(one, {"queue_name": TimedValue(moment(2), "B")}).facts["queue_name"][1:] == history((2, "B"))


def test_only_a_queue_is_noted_as_stated_again_and_the_latest_time_of_that() -> None:
    one = queued((1, "A"), (3, "A"), (2, "A"))

    again = TimedValue(moment(3), "A", said(3))
    assert one.facts["queue_name"] == (TimedValue(moment(1), "A", said(1), again=again),)
    other = knowing(interaction_id=history((1, "I1")))
    assert learn(other, {"interaction_id": "I1"}, said(2)) is other


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([(0, "A"), (1, "B"), (3, "C")], [(0, "A"), (1, "B"), (3, "C")]),
        ([(0, "A"), (0.5, "B"), (3, "C")], [(0.5, "B"), (3, "C")]),
        ([(0, "A"), (0.5, "B"), (1.5, "C"), (3, "D")], [(0.5, "B"), (1.5, "C"), (3, "D")]),
        ([(1, "A"), (1, "B"), (3, "C")], [(1, "A"), (1, "B"), (3, "C")]),
        ([(0.9, "A"), (2.9, "B"), (1.9, "C")], [(0.9, "A"), (1.9, "C"), (2.9, "B")]),
    ],
)
def test_of_older_values_those_of_the_last_two_seconds_are_kept_and_one_before(
    values: list[tuple[float, str]], kept: list[tuple[float, str]]
) -> None:
    """Also one that is heard later than what followed it."""
    assert told(queued(*values)) == kept


def test_a_value_keeps_where_it_is_from_and_when_it_was_heard() -> None:
    one = learn(call(), {"queue_name": "A"}, said(1), moment(3))

    assert one.facts["queue_name"] == (TimedValue(moment(1), "A", said(1), moment(3)),)


# --- what legs know ---


@pytest.mark.parametrize(
    ("values", "at", "known"),
    [
        ([(1, "A"), (3, "B")], None, "B"),
        ([(1, "A"), (3, "B")], 3, "B"),
        ([(1, "A"), (3, "B")], 2, "A"),
        ([(1, "A"), (2, "B"), (3, "C")], 2, "B"),
        ([(1, "A"), (3, "B")], 0.5, None),
        ([(1, "A"), (3, "")], 4, None),
        ([(1, ""), (3, "B")], 2, None),
    ],
)
def test_of_a_value_is_known_what_it_was_at_a_moment(
    values: list[tuple[float, str]], at: float | None, known: str | None
) -> None:
    found = known_at(history(*values), None if at is None else moment(at))

    assert (found.value if found else None) == known


def test_query_data_are_known_by_their_own_names_and_a_names_source_has_no_origin() -> None:
    one = learn(call(), {QUERY + "a": "1", "caller_name": "Ann", "caller_name_source": "isdn"}, said(1))
    data = as_of(one)

    assert data.query_data == {"a": "1"}
    assert data.caller_name == "Ann"
    assert data.caller_name_source == "isdn"
    assert data.origins == {QUERY + "a": said(1), "caller_name": said(1)}


@pytest.mark.parametrize(
    ("facts", "interaction", "by"),
    [
        ({INHERITED: "I9"}, "I9", "inherited"),
        ({}, "own", None),
        ({INHERITED: "I9", "interaction_id": "I1"}, "I1", "interaction_id"),
    ],
)
def test_a_call_has_its_own_interaction_or_the_inherited_one_or_what_was_made_for_it(
    facts: dict[str, str], interaction: str, by: str | None
) -> None:
    one = call(own_interaction="own")
    for name, value in facts.items():
        one = learn(one, {name: value}, said(1, name))
    data = as_of(one)

    assert data.interaction_id == interaction
    assert data.origins == ({} if by is None else {"interaction_id": said(1, by)})


# --- transfers ---


def test_a_call_hands_on_what_it_knew_at_the_transfer_as_of_just_after_it() -> None:
    facts = {"queue_name": history((1, "A"), (9, "B")), "direction": history((9, "inbound"))}
    one = call(facts={**facts, "called_number": (TimedValue(moment(1), "30", said(1)),)})

    handed = Origin("Established", "e", moment(1), OriginRule.HANDED_ON)
    assert moved_facts(one, moment(5)) == {
        "queue_name": (TimedValue(moment(5.000001), "A"),),
        "called_number": (TimedValue(moment(5.000001), "30", handed),),
    }


def test_of_joined_calls_the_customers_values_win_and_the_others_earlier_ones_stay() -> None:
    main = knowing(queue_name=history((3, "A")), direction=history((3, "inbound")))
    other = knowing(queue_name=history((2, "X"), (3, "Y"), (4, "Z")), called_number=history((4, "30")))

    assert merged(main, other) == {
        "queue_name": history((2, "X"), (3, "A")),
        "direction": history((3, "inbound")),
        "called_number": history((4, "30")),
    }


def test_what_a_resulting_call_stated_itself_comes_after_what_it_was_handed() -> None:
    own = {"queue_name": history((4, "B"), (7, "C"))}
    facts = {"queue_name": history((2, "A"), (4, "B"), (7, "C")), "direction": history((2, "inbound"))}

    assert stated_since(facts, own, moment(5)) == {
        "queue_name": history((2, "A"), (5.000001, "B"), (7, "C")),
        "direction": history((2, "inbound")),
    }
    assert stated_since({}, own, moment(5)) == {"queue_name": history((5.000001, "B"), (7, "C"))}


def test_what_was_stated_at_the_moment_of_a_division_is_of_the_first_part() -> None:
    one = knowing(queue_name=history((1, "A"), (2, "B"), (3, "C")), direction=history((3, "inbound")))

    assert divided(one, moment(2)) == (
        {"queue_name": history((1, "A"), (2, "B"))},
        {"queue_name": history((3, "C")), "direction": history((3, "inbound"))},
    )


# --- another caller ---


@pytest.mark.parametrize(
    ("known", "stated", "is_other"),
    [
        (["+4930111"], "+4930112", True),
        (["+4930111"], "004930111", False),
        (["+4930111"], "030111", False),
        (["030111"], "+49 30 111", False),
        (["+4930111", "+4930112"], "+4930111", False),
        (["+4930111"], "", False),
        ([], "+4930111", False),
        ([""], "+4930111", True),
        (["000"], "000", False),
        (["000"], "111", True),
    ],
)
def test_a_call_is_contradicted_by_a_calling_number_that_it_never_had(
    known: list[str], stated: str, is_other: bool
) -> None:
    """A country's or a town's prefix may be missing in one of both."""
    one = knowing(calling_number=history(*((1, value) for value in known))) if known else call()

    assert is_contradicted(one, event("Established", 2, "2001", callingNumber=stated).data) is is_other
    assert is_called_from(one, stated or "x") is (bool(known) and bool(stated) and not is_other)


@pytest.mark.parametrize(("device", "is_number"), [("111", True), ("222", True), ("333", False)])
def test_a_devices_number_is_one_that_the_call_came_from_or_was_dialled_in_it(device: str, is_number: bool) -> None:
    one = knowing(calling_number=history((1, ""), (2, "111")), called_number=history((1, "222")))

    assert is_number_of(one, device) is is_number


NAMED = {"caller_name": history((1, "Ann")), "caller_name_source": history((1, "isdn"))}
BOTH = {**NAMED, "caller_name": history((1, "Ann"), (2, "Bea"))}


@pytest.mark.parametrize(
    ("facts", "data", "is_otherwise", "is_another"),
    [
        (NAMED, {"callerName": "Bea", "callerNameSource": "isdn"}, True, True),
        (NAMED, {"callerName": "Bea", "callerNameSource": "external_phonebook"}, True, False),
        (NAMED, {"callerName": "Bea"}, True, False),
        (NAMED, {"callerName": "Ann", "callerNameSource": "isdn"}, False, False),
        (NAMED, {"callerName": "Bea", "callerNameSource": "personal"}, False, False),
        (NAMED, {"callerNameSource": "isdn"}, False, False),
        ({}, {"callerName": "Bea", "callerNameSource": "isdn"}, False, False),
        ({**NAMED, "caller_name_source": history((1, "unknown"))}, {"callerName": "Bea"}, True, True),
        (BOTH, {"callerName": "Ann", "callerNameSource": "isdn"}, False, False),
    ],
)
def test_another_caller_is_named_by_a_name_of_the_same_directory_that_the_call_never_had(
    facts: dict[str, Any], data: dict[str, Any], is_otherwise: bool, is_another: bool
) -> None:
    one, stated = knowing(**facts), event("Established", 3, "2001", **data).data

    assert is_named_otherwise(one, stated) is is_otherwise
    assert names_another(one, stated) is is_another


@pytest.mark.parametrize(("device", "is_dialled"), [("2001", True), ("2002", False), ("2003", True), ("2004", False)])
def test_a_device_dialled_a_call_where_it_was_heard_to_or_is_its_calling_number(device: str, is_dialled: bool) -> None:
    one = call(party("2001", has_dialled=True), party("2002"), party("2003"), number="2003")

    assert is_dialled_by(one, device) is is_dialled


@pytest.mark.parametrize(
    ("stated", "until", "is_its"),
    [
        ("+49301", None, True),
        ("+49302", None, True),
        ("+49303", None, False),
        ("", None, False),
        ("+49302", 4, False),
        ("+49302", 5, True),
        ("+49301", 4, True),
    ],
)
def test_an_event_states_the_number_that_a_call_has_or_had_until_a_moment(
    stated: str, until: float | None, is_its: bool
) -> None:
    one = knowing(calling_number=history((1, "+49301"), (5, "+49302"), (6, "")))
    said_so = event("Established", 9, "2001", callingNumber=stated)

    assert states_its_number(one, said_so, None if until is None else moment(until)) is is_its
