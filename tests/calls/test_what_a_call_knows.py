"""What a call knows, and as of when: its values in whatever order they were heard, who was in it, when it ended."""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_facts import (
    as_of,
    divided,
    is_contradicted,
    learn,
    moved_facts,
    names_another,
    reported_facts,
    states_its_number,
)
from calls.core.commands import CloseGap, OpenGap
from calls.core.gaps import is_heard_after_loss, lose_devices, may_have_had_others, missed_since, regain_devices
from calls.core.origins import Origin
from calls.core.source_state import PartialGap, Snapshot, SourceState
from calls.core.state import CallState, Party, PartyState, Reconnection
from calls.core.unit_of_work import LiveState, UnitOfWork
from cti.events import CallData
from tests.calls.call_states import event
from tests.calls.switchboard import NOON, Everybody, moment, with_site

pytestmark = pytest.mark.core

CALL = CallState(incarnation=1, call_id="C1", born_at=NOON, touched_gateway_at=NOON, own_interaction="own")


def origin(at: float) -> Origin:
    return Origin("Queued", f"e{at}", moment(at))


def stated(*values: tuple[float, str], name: str = "queue_name", call: CallState = CALL) -> CallState:
    """Return a call that heard these values of one name, in this order, each with the time of its event."""
    for at, value in values:
        call = learn(call, {name: value}, origin(at))
    return call


def history(call: CallState, name: str = "queue_name") -> list[tuple[float, str]]:
    return [((one.at - NOON).total_seconds(), one.value) for one in call.facts.get(name, ())]


@pytest.mark.parametrize(
    ("stated_number", "until", "is_its"),
    [("+49301", None, True), ("+49301", 2, True), ("+49301", 1.9, False), ("", None, False), (None, None, False)],
)
def test_an_event_without_a_number_does_not_state_that_of_a_call_whose_number_is_known_no_more(
    stated_number: str | None, until: float | None, is_its: bool
) -> None:
    one = stated((2, "+49301"), (3, ""), name="calling_number")
    said = event("Delivered", 5, "2001", callingNumber=stated_number)

    assert states_its_number(one, said, None if until is None else moment(until)) is is_its


@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        ([(1, "A"), (2, "B")], [(1, "A"), (2, "B")]),
        ([(2, "B"), (1, "A")], [(1, "A"), (2, "B")]),
        ([(1, "A"), (1, "B")], [(1, "A"), (1, "B")]),
        ([(1, "A"), (2, "A")], [(1, "A")]),  # It is no news.
        ([(2, "A"), (1, "A")], [(1, "A"), (2, "A")]),  # It was known earlier than we had heard.
        ([(1, "A"), (2, "B"), (1.5, "B")], [(1, "A"), (2, "B")]),
        ([(1, "A"), (2, "B"), (3, "A")], [(1, "A"), (2, "B"), (3, "A")]),
        ([(1, "A"), (3, "C"), (2, "B")], [(1, "A"), (2, "B"), (3, "C")]),
        # Of what is older than two seconds only the last is kept.
        ([(1, "A"), (2, "B"), (4, "C")], [(1, "A"), (2, "B"), (4, "C")]),
        ([(1, "A"), (2, "B"), (4.001, "C")], [(2, "B"), (4.001, "C")]),
        ([(1, "A"), (2, "B"), (3, "C"), (4.5, "D")], [(2, "B"), (3, "C"), (4.5, "D")]),
    ],
)
def test_a_calls_values_are_kept_by_the_sources_time_and_the_last_two_seconds_of_them(
    heard: list[tuple[float, str]], kept: list[tuple[float, str]]
) -> None:
    assert history(stated(*heard)) == kept


@pytest.mark.parametrize(("moment_", "queue"), [(None, "B"), (0.999, ""), (1, "A"), (1.999, "A"), (2, "B"), (5, "B")])
def test_a_leg_knows_what_its_call_knew_at_its_end(moment_: float | None, queue: str) -> None:
    known = as_of(stated((1, "A"), (2, "B")), None if moment_ is None else moment(moment_))

    assert known.queue_name == queue
    assert known.origins.get("queue_name") == {"": None, "A": origin(1), "B": origin(2)}[queue]


def test_a_call_that_left_its_queue_unanswered_has_no_queue_and_no_origin_of_one() -> None:
    known = as_of(stated((1, "A"), (2, "")))

    assert (known.queue_name, "queue_name" in known.origins) == ("", False)


def test_a_call_has_the_stated_interaction_else_the_inherited_one_else_its_own() -> None:
    inherited = stated((1, "I-1"), name="inherited")

    assert as_of(CALL).interaction_id == "own"
    assert as_of(inherited).interaction_id == "I-1"
    assert as_of(inherited).origins == {"interaction_id": origin(1)}
    both = as_of(stated((2, "I-2"), name="interaction_id", call=inherited))
    assert (both.interaction_id, both.origins) == ("I-2", {"interaction_id": origin(2)})


def test_query_data_is_known_by_its_keys() -> None:
    call = learn(CALL, {"query:order": "7", "caller_name": "Ann", "caller_name_source": "isdn"}, origin(1))
    known = as_of(call)

    assert known.query_data == {"order": "7"}
    assert set(known.origins) == {"query:order", "caller_name"}, "where a name's directory is from is nobody's question"


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        ({}, {}),
        ({"queue_name": "Sales", "calling_number": ""}, {"queue_name": "Sales"}),
        ({"cause": "queueCleared"}, {"queue_name": ""}),
        ({"cause": "queueCleared", "queue_name": "Sales"}, {"queue_name": "Sales"}),
        ({"cause": "transfer"}, {}),
        ({"caller_name": "Ann"}, {"caller_name": "Ann", "caller_name_source": "unknown"}),
        ({"caller_name": "Ann", "caller_name_source": "isdn"}, {"caller_name": "Ann", "caller_name_source": "isdn"}),
        ({"caller_name": "Ann", "caller_name_source": "personal"}, {}),
        ({"query_data": {"a": "1", "b": ""}}, {"query:a": "1"}),
        ({"called_number": "1", "direction": "in"}, {"called_number": "1", "direction": "in"}),
    ],
)
def test_an_event_states_what_it_has_a_value_for(data: dict[str, Any], facts: dict[str, str]) -> None:
    assert reported_facts(replace(CallData(), **data)) == facts


def test_a_transfer_hands_on_what_was_known_at_its_time_as_of_just_after_it() -> None:
    handed = moved_facts(stated((1, "A"), (3, "B")), moment(2))
    (value,) = handed["queue_name"]

    assert (value.value, value.at > moment(2), value.at < moment(2.001)) == ("A", True, True)
    assert value.origin is not None
    assert moved_facts(stated((3, "B")), moment(2)) == {}
    assert moved_facts(stated((1, "A"), (2, "")), moment(2)) == {}, "what has no value is not handed on"


def test_a_call_is_divided_into_what_was_stated_until_a_moment_and_after_it() -> None:
    until, after = divided(stated((1, "A"), (2, "B"), (2.5, "C")), moment(2))

    assert [one.value for one in until["queue_name"]] == ["A", "B"]
    assert [one.value for one in after["queue_name"]] == ["C"]
    assert divided(stated((1, "A")), moment(2)) == (stated((1, "A")).facts, {})
    assert divided(stated((3, "A")), moment(2)) == ({}, stated((3, "A")).facts)


@pytest.mark.parametrize(
    ("number", "is_other"),
    [
        ("+4930111", False),
        ("0304930111", False),
        ("004930111", False),
        ("030111", False),
        ("+4930112", True),
        ("", False),
    ],
)
def test_another_calling_number_contradicts_a_call_and_another_spelling_does_not(number: str, is_other: bool) -> None:
    call = stated((1, "030111"), (2, "0304930111"), name="calling_number")

    assert is_contradicted(call, replace(CallData(), calling_number=number)) is is_other
    assert not is_contradicted(CALL, replace(CallData(), calling_number=number))


@pytest.mark.parametrize(
    ("name", "source", "is_other"),
    [
        ("Bob", "isdn", True),
        ("Ann", "isdn", False),
        ("Bob", "crm", False),  # Another directory may spell it so.
        ("Bob", "personal", False),
        ("Bob", None, False),
        ("", "isdn", False),
    ],
)
def test_another_name_from_the_same_directory_is_another_caller(name: str, source: str | None, is_other: bool) -> None:
    call = learn(CALL, {"caller_name": "Ann", "caller_name_source": "isdn"}, origin(1))
    data = replace(CallData(), caller_name=name, caller_name_source=source)

    assert names_another(call, data) is is_other
    assert not names_another(CALL, data)


def test_a_name_of_an_unknown_directory_contradicts_another_of_an_unknown_directory() -> None:
    call = learn(CALL, {"caller_name": "Ann", "caller_name_source": "unknown"}, origin(1))

    assert names_another(call, replace(CallData(), caller_name="Bob"))


# Who was in a call, and when it ended


def party(device: str = "2001", **more: Any) -> Party:
    times = {name: moment(value) if name in ("since", "cleared_at") else value for name, value in more.items()}
    return replace(Party(device_id=device, state=PartyState.CONNECTED), **times)


GONE = {"state": PartyState.NULL}


@pytest.mark.parametrize(
    ("one", "was_here"),
    [
        (party(), True),
        (party(since=10), True),
        (party(since=10.001), False),
        (party(since=5, cleared_at=10, **GONE), False),
        (party(since=5, cleared_at=10.001, **GONE), True),
        (party(since=5, **GONE), False),
        (party(cleared_at=11, **GONE), True),
        (party(since=10.5, cleared_at=11, **GONE), False),
    ],
)
def test_a_device_is_in_a_call_from_its_beginning_until_just_before_its_end(one: Party, was_here: bool) -> None:
    assert one.was_here(moment(10)) is was_here


def test_the_reports_of_after_a_moment_come_in_order_and_not_the_one_of_that_moment() -> None:
    reports = {at: Reconnection(at=moment(at), gateway_at=moment(at)) for at in (10, 11, 12, 13)}
    one = replace(party(), again=reports[11], repeats=(reports[13], reports[10], reports[12]))

    assert one.reported_after(moment(10)) == (reports[11], reports[12], reports[13])
    assert replace(one, repeats=()).reported_after(moment(10)) == (reports[11],)
    assert replace(one, again=None).reported_after(moment(10)) == (reports[12], reports[13])
    assert replace(one, again=None, repeats=()).reported_after(moment(10)) == ()


def call(*parties: Party, **more: Any) -> CallState:
    times = {name: moment(value) if name.endswith(("_at", "_since")) else value for name, value in more.items()}
    return replace(CALL, parties={one.device_id: one for one in parties}, **times)


LEFT = party(since=1, cleared_at=5, **GONE)


@pytest.mark.parametrize(
    ("one", "ended"),
    [
        (call(), 0),
        (call(party()), None),
        (call(LEFT, party("2002", state=PartyState.ALERTING)), None),
        (call(LEFT), 5),
        (call(LEFT, party("2002", since=1, cleared_at=7, **GONE)), 7),
        (call(LEFT, waits_since=6), None),
        (call(LEFT, cleared_at=6), 6),
        (call(LEFT, cleared_at=4), 5),
        (call(party(), superseded_at=8), 8),
        (call(LEFT, superseded_at=3), 3),  # Whoever left later was in the next call.
        (call(LEFT, superseded_at=3, cleared_at=4), 4),
        (call(party(), moved_to=2, moved_at=8), 8),
        (call(LEFT, moved_to=2, moved_at=3), 3),
        (call(LEFT, waits_since=2, moved_to=2, moved_at=3), 3),
        (call(LEFT, waits_since=2, superseded_at=3), 3),
        (call(LEFT, moved_to=2, moved_at=3, superseded_at=9), 9),
    ],
)
def test_a_call_ends_when_it_is_moved_superseded_or_cleared_or_when_the_last_one_left(
    one: CallState, ended: float | None
) -> None:
    assert one.is_over is (ended is not None)
    assert one.ended_at == (None if ended is None else moment(ended))


def test_a_call_that_was_made_from_others_began_with_the_oldest_of_them() -> None:
    assert (CALL.root, call(rooted_at=-5).root) == (NOON, moment(-5))


# Gaps


def work(source: SourceState | None = None, **site: Any) -> UnitOfWork:
    context = with_site(**site) if site else Everybody()
    return UnitOfWork(LiveState(source=source or SourceState(slug="pbx")), context)


def gap(at: float, *devices: str) -> PartialGap:
    return PartialGap(began_at=moment(at), devices=frozenset(devices))


def ledger(one: UnitOfWork) -> list[tuple[float, float | None]]:
    """Return the beginning and the end of each entry, in seconds."""
    entries = [entry for entry in one.commands if isinstance(entry, OpenGap | CloseGap)]
    ends = [entry.ended_at if isinstance(entry, CloseGap) else None for entry in entries]
    return [
        ((entry.began_at - NOON).total_seconds(), None if end is None else (end - NOON).total_seconds())
        for entry, end in zip(entries, ends, strict=True)
    ]


def test_devices_are_in_one_gap_only() -> None:
    one = work()
    for at, devices in ((5, ["2001"]), (6, ["2001", "2002"]), (7, ["2002"])):
        lose_devices(one, devices, moment(at), "refused")

    assert one.source.partial == (gap(5, "2001"), gap(6, "2002"))
    assert ledger(one) == [(5, None), (6, None)]
    assert (missed_since(one, "2002"), missed_since(one, "2003")) == (moment(6), None)


@pytest.mark.parametrize(("is_restored", "gaps"), [(False, ()), (True, (gap(5, "2001"),))])
def test_devices_are_in_no_gap_of_their_own_while_the_whole_link_is_down(
    is_restored: bool, gaps: tuple[PartialGap, ...]
) -> None:
    one = work(SourceState(slug="pbx", lost_at=moment(1), is_restored=is_restored))
    lose_devices(one, ["2001"], moment(5), "refused")

    assert one.source.partial == gaps


@pytest.mark.parametrize(
    ("back", "left", "entries"),
    [
        (["2001"], (gap(5, "2002"), gap(6, "2003")), []),
        (["2001", "2002"], (gap(6, "2003"),), [(5, 9)]),
        (None, (), [(5, 9), (6, 9)]),
    ],
)
def test_a_gap_ends_in_the_ledger_when_its_last_device_is_back(
    back: list[str] | None, left: tuple[PartialGap, ...], entries: list[tuple[float, float]]
) -> None:
    one = work(SourceState(slug="pbx", partial=(gap(5, "2001", "2002"), gap(6, "2003"))))
    regain_devices(one, back, moment(9))

    assert (one.source.partial, ledger(one)) == (left, entries)


@pytest.mark.parametrize(
    ("lost", "at", "heard", "is_after"),
    [
        (10, 9, 11, True),
        (10, 10, 11, True),
        (10, 10.001, 11, False),
        (10, 9, 10, False),
        (10, 9, 9.5, False),
        (None, 9, 11, False),
    ],
)
def test_what_happened_before_the_loss_and_is_heard_after_it_may_hide_something(
    lost: float | None, at: float, heard: float, is_after: bool
) -> None:
    source = SourceState(slug="pbx", has_fractions=True, lost_gateway_at=None if lost is None else moment(lost))

    assert is_heard_after_loss(work(source), moment(at), moment(heard)) is is_after


@pytest.mark.parametrize(
    ("source", "may"),
    [
        ({"lost_at": 10, "began": 13}, False),
        ({"lost_at": 10, "began": 13.001}, True),
        ({"lost_at": 10, "began": None}, False),
        ({"lost_at": None, "began": 20}, False),
        ({"lost_at": None, "began": 20, "partial": (gap(17, "2001"),)}, False),
        ({"lost_at": None, "began": 20, "partial": (gap(16.999, "2001"),)}, True),
        ({"lost_at": None, "began": 20, "partial": (gap(5, "2002"),)}, False),
    ],
)
def test_in_a_gap_of_more_than_three_seconds_a_phone_may_have_had_other_calls(
    source: dict[str, Any], may: bool
) -> None:
    lost, began = source["lost_at"], source["began"]
    snapshot = None if began is None else Snapshot(began_at=moment(began), began_gateway_at=moment(began))
    state = SourceState(
        slug="pbx",
        lost_at=None if lost is None else moment(lost),
        snapshot=snapshot,
        partial=source.get("partial", ()),
    )

    assert may_have_had_others(work(state), "2001") is may
