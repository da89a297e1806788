"""Traces of a real Asterisk give the conversations that truly took place."""

import asyncio

import pytest

from cti.events import CallInformation, Delivered, Established, Queued, SnapshotBegan, SnapshotEnded, decode, encode
from tests.cti.ami.folding import Fold, unmatched
from tests.cti.ami.traces import NAMES, Server, follow, play, trace, truth

MID_CALL = "n-connect-mid-call"


@pytest.mark.parametrize("name", [name for name in NAMES if name != MID_CALL])
def test_a_trace_gives_its_true_conversations(name: str) -> None:
    played = play(trace(name))
    fold = Fold(played.events)

    assert not fold.open
    assert unmatched(fold.done, truth(name)["conversations"]) == ([], [])
    assert not played.refused


@pytest.mark.parametrize("name", [name for name in NAMES if name != MID_CALL])
def test_a_trace_played_over_tcp_gives_the_same(name: str) -> None:
    outlet, error = asyncio.run(follow(Server(trace(name))))
    fold = Fold(outlet.events)

    assert error is not None
    assert "closed the link" in str(error)
    assert not fold.open
    assert unmatched(fold.done, truth(name)["conversations"]) == ([], [])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_reported_fits_the_vocabulary(name: str) -> None:
    for event in play(trace(name)).events:
        assert event == decode(encode(event))


@pytest.mark.parametrize("name", NAMES)
def test_each_ringing_phone_is_reported_once(name: str) -> None:
    """Within half a second of the truth; click to dial is no offer to an agent."""
    reported = [
        e for e in play(trace(name)).events if isinstance(e, Delivered) and not e.data.outside and not e.data.cause
    ]
    offers = [one for one in truth(name)["offers"] if one.get("result_kind") != "click to dial"]
    if name == MID_CALL:
        offers = offers[2:]
        reported = [event for event in reported if event.data.device_id != "2002"]

    assert len(offers) == len(reported)
    for one in offers:
        near = [
            e for e in reported if e.data.device_id == one["agent"] and abs(e.time.timestamp() - one["ring_from"]) < 0.5
        ]
        assert [one["queue"]] == [event.data.queue_name for event in near]


@pytest.mark.parametrize("name", [name for name in NAMES if name != MID_CALL])
def test_each_stay_in_a_queue_is_reported_once(name: str) -> None:
    reported = [event for event in play(trace(name)).events if isinstance(event, Queued)]
    visits = truth(name)["queue_visits"]

    assert len(visits) == len(reported)
    for event, visit in zip(reported, sorted(visits, key=lambda one: one["join"]), strict=True):
        assert event.data.queue_name == visit["queue"]
        assert abs(event.time.timestamp() - visit["join"]) < 0.6


def test_a_call_in_progress_at_connect_is_reported_as_a_snapshot() -> None:
    """One call is connected, one rings at an agent, one waits."""
    outlet, _ = asyncio.run(follow(Server(trace(MID_CALL))))
    fold = Fold(outlet.events)
    kinds = [type(event) for event in outlet.events]
    inside = outlet.events[kinds.index(SnapshotBegan) : kinds.index(SnapshotEnded)]
    first, *others = sorted(fold.done, key=lambda one: one.end or one.start)

    assert (first.device, first.cause, first.queue, first.caller) == ("2001", "snapshot", "sales", "447700900110")
    assert [(e.data.device_id, e.data.queue_name) for e in inside if isinstance(e, Delivered)] == [("2002", "sales")]
    assert sum(isinstance(event, Queued) for event in inside) == 2
    assert unmatched(others, truth(MID_CALL)["conversations"][1:]) == ([], [])
    assert abs((first.end or first.start).timestamp() - truth(MID_CALL)["conversations"][0]["to"]) < 0.5


def test_strange_names_are_reported_as_they_were_meant() -> None:
    names = [e.data.caller_name for e in play(trace("q-strange-names")).events if isinstance(e, Established)]
    cases = truth("q-strange-names")["params"]["cases"]

    assert [case.get("true_name") for case in cases] == names


def test_a_wrap_up_in_a_channel_variable_belongs_to_the_agents_leg() -> None:
    reported = [
        e.data for e in play(trace("q-strange-names")).events if isinstance(e, CallInformation) and e.data.wrapup
    ]

    assert [(data.call_id, data.device_id) for data in reported] == [("1795411519.95", "2004")]
    assert [data.wrapup.result for data in reported if data.wrapup] == ['a=b; c: d, "e" \\ ü']


def test_a_wrap_up_that_comes_after_the_call_finds_its_leg() -> None:
    reported = [
        e for e in play(trace("b-queue-caller-hangup")).events if isinstance(e, CallInformation) and e.data.wrapup
    ]

    assert [(event.data.call_id, event.data.device_id) for event in reported] == [("1795411361.5", "2001")] * 2
    assert abs(reported[-1].time.timestamp() - truth("b-queue-caller-hangup")["wrapups"][0]["t"]) < 0.5


def test_query_data_is_the_customers() -> None:
    first = next(e for e in play(trace("b-queue-caller-hangup")).events if isinstance(e, Established))

    assert first.data.query_data == {"CRM_ID": "4711", "QUERY_REF": "Q-1795411361.5"}
