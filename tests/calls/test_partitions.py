"""The result depends on the events and their times alone, not on how the journal was cut into batches (rule 15)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import redis as redis_client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from calls.core.commands import CoreCommand
from calls.core.reducer import fold_into
from calls.core.result_events import RecordingFound, RecordingMissed, ResultEvent, TimePassed, WriteSettled
from calls.core.source_state import SourceState
from calls.core.state import LegState, WriteStatus
from calls.core.unit_of_work import LiveState, UnitOfWork
from calls.models import Leg, RecordingSearch
from calls.pipeline.consumer import Consumer
from cti.events import AnyEvent
from flags.models import FlagWrite
from tests.calls.switchboard import Everybody, event, moment, with_site
from tests.journeys.stack import GatewayStack

IDS, DEVICES = ["C1", "C2", "C3"], ["2001", "2002", "2003"]
Item = AnyEvent | ResultEvent

call_kinds = st.sampled_from(
    ["Queued", "Delivered", "Originated", "Established", "Held", "Retrieved", "Diverted", "ConnectionCleared"]
)
steps = st.sampled_from([0.0, 0.1, 0.3, 0.9, 1.0, 1.1, 2.0, 5.0, 30.0, 65.0, 130.0, 400.0])


@st.composite
def journals(draw: st.DrawFn) -> list[Item]:
    """Draw a journal with answers: call ids come back, events come up to a second late, and time passes."""
    items: list[Item] = []
    now = 0.0
    for number in range(draw(st.integers(3, 30))):
        now += draw(steps)
        items.append(_drawn(draw, now, number))
    return items


def _drawn(draw: st.DrawFn, now: float, number: int) -> Item:
    what = draw(st.integers(0, 11))
    leg, at = draw(st.integers(1, 4)), moment(now)
    if what == 0:
        return RecordingFound(leg=leg, search=1, guid=f"G{number}", service=1, started_at=at, attempts=1, at=at)
    if what == 1:
        return RecordingMissed(leg=leg, search=1, why=draw(st.sampled_from(["none", "late"])), attempts=1, at=at)
    if what == 2:
        return WriteSettled(leg=leg, part="base", status=WriteStatus.WRITTEN, at=at)
    if what == 3:
        kind = draw(st.sampled_from(["snapshot.Began", "snapshot.Ended", "link.Lost", "link.Restored"]))
        family, name = kind.split(".")
        return event(name, now, family=family, name=f"e{number}")
    if what == 4:
        data = {"agentId": draw(st.sampled_from(["91", "92"])), "deviceId": draw(st.sampled_from(DEVICES))}
        return event(draw(st.sampled_from(["LoggedOn", "LoggedOff"])), now, family="agent", name=f"e{number}", **data)
    if what == 5:
        return _moved(draw, now, number)
    return _call_event(draw, now, number)


def _call_event(draw: st.DrawFn, now: float, number: int) -> AnyEvent:
    late = draw(st.sampled_from([0.0, 0.0, 0.2, 0.9]))
    data: dict[str, Any] = {"callId": draw(st.sampled_from(IDS)), "deviceId": draw(st.sampled_from(DEVICES))}
    if draw(st.booleans()):
        data |= {"interactionId": draw(st.sampled_from(["I1", "I2"])), "queueName": draw(st.sampled_from(["S", "T"]))}
    return event(draw(call_kinds), max(now - late, 0), name=f"e{number}", **data)


def _moved(draw: st.DrawFn, now: float, number: int) -> AnyEvent:
    old, other, new = (draw(st.sampled_from(IDS)) for _ in range(3))
    data = {"primaryOldCallId": old, "secondaryOldCallId": other, "resultingCallId": new}
    host = draw(st.sampled_from(DEVICES))
    if draw(st.booleans()):
        return event("Transferred", now, name=f"e{number}", transferringDeviceId=host, **data)
    return event("Conferenced", now, name=f"e{number}", conferencingDeviceId=host, **data)


def folded(
    items: Sequence[Item], cuts: Sequence[int], context: Everybody
) -> tuple[dict[int, LegState], list[CoreCommand]]:
    """Fold a journal in batches, each ended by the time of its last item; return all legs and commands."""
    work = UnitOfWork(LiveState(source=SourceState(slug="pbx")), context)
    legs: dict[int, LegState] = {}
    commands: list[CoreCommand] = []
    places = [0, *sorted(cuts), len(items)]
    for start, end in pairwise(places):
        batch = items[start:end]
        work.begin_batch(context)
        work.remember([], [legs[one] for one in _named(batch) if one in legs and one not in work.legs])
        fold_into(work, [*batch, *(TimePassed(one.at) for one in batch[-1:])])
        legs |= {number: work.legs[number] for number in work.touched_legs}
        commands += work.commands
    work.begin_batch(context)
    fold_into(work, [TimePassed(moment(100_000))])
    legs |= {number: work.legs[number] for number in work.touched_legs}
    return legs, [*commands, *work.commands]


def _named(batch: Sequence[Item]) -> set[int]:
    """Return the legs that answers are of: the consumer loads them, those that it forgot as settled, too."""
    return {one.leg for one in batch if isinstance(one, RecordingFound | RecordingMissed | WriteSettled)}


@given(items=journals(), data=st.data())
@hypothesis_settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_partition_of_a_journal_gives_the_same_legs_and_commands(items: list[Item], data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(items)), max_size=len(items)))
    context = with_site(wrapup_wait_seconds=120)

    assert folded(items, cuts, context) == folded(items, [], context) == folded(items, range(len(items)), context)


def test_a_wrap_up_that_is_late_is_so_in_a_batch_with_the_events_that_show_it() -> None:
    call = {"callId": "C1", "deviceId": "2001"}
    items: list[Item] = [
        event("Established", 0, name="e1", **call),
        event("ConnectionCleared", 10, name="e2", **call),
        event("Delivered", 60, name="e3", callId="C2", deviceId="2002"),
        event("CallInformation", 20, name="e4", wrapup={"result": "Sold"}, callId="C1"),
    ]
    context = with_site(wrapup_wait_seconds=120)

    legs, _ = folded(items, [], context)

    assert legs[1].wrapup_result == "", "at 60 another call of the id may be forgotten by now"
    assert folded(items, range(len(items)), context)[0] == legs


def _day(gateway: GatewayStack) -> None:
    """Accept a journal with ids that come back, a transfer, and pauses in which much falls due."""
    for number in range(12):
        at, extension = number * 40.0, str(3000 + number % 3)
        call = {"callId": f"C{number % 2}", "deviceId": extension}
        gateway.hears(
            gateway.event("Queued", at=at, callId=call["callId"], queueName=f"Q{number}", interactionId=f"I{number}"),
            gateway.event("Established", at=at + 2, **call),
            gateway.event("ConnectionCleared", at=at + 20, **call),
        )
    held = {"callId": "C9", "deviceId": "3000"}  # First seen in mid-call: a second without its answer decides that.
    gateway.hears(
        gateway.event("Held", at=500, **held),
        gateway.event("ConnectionCleared", at=520, **held),
    )


@pytest.mark.storage
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize(("batch", "in_memory"), [(1, 100), (2, 100), (7, 100), (1000, 100), (1, 1), (7, 1)])
def test_the_consumer_saves_the_same_whatever_its_batches_and_whatever_it_keeps_in_memory(
    redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch, settings: Settings, batch: int, in_memory: int
) -> None:
    """Recordings are named by answers that wait when the journal is folded, long after the calls."""
    monkeypatch.setattr("calls.pipeline.consumer.BATCH", batch)
    settings.LEGS_IN_MEMORY = in_memory
    gateway = GatewayStack()
    gateway.users("3000", "3001", "3002")
    _day(gateway)
    gateway.passes_unheard(3600)
    consumer = Consumer(gateway.source, lambda: gateway.time)
    while consumer.fold_once(limit=batch):
        pass

    assert [(leg.call_id, leg.device_id, leg.queue_name, leg.interaction_id) for leg in Leg.objects.order_by("id")] == [
        *((f"C{number % 2}", str(3000 + number % 3), f"Q{number}", f"I{number}") for number in range(12)),
        ("C9", "3000", "", Leg.objects.get(call_id="C9").interaction_id),
    ]
    assert RecordingSearch.objects.count() == 12
    assert FlagWrite.objects.count() == 0
