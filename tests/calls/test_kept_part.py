"""A consumer that keeps a part of its state and loads the rest when it is needed does what one does that has all."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from calls.core.commands import CoreCommand
from calls.core.reducer import fold_into
from calls.core.result_events import RecordingFound, RecordingMissed, TimePassed, WriteSettled
from calls.core.source_state import SourceState
from calls.core.state import LIVE, CallState, LegState
from calls.core.unit_of_work import LiveState, UnitOfWork
from calls.pipeline import kept_part
from calls.pipeline.kept_part import KeptPart
from calls.pipeline.load import Loaded
from cti.events import Event
from tests.calls.switchboard import Everybody, event, moment, with_site
from tests.calls.test_partitions import Item, folded, journals


class Database:
    """What is saved of calls and legs, and the ways in which it is read (``calls.pipeline.load``)."""

    def __init__(self) -> None:
        self.calls: dict[int, CallState] = {}
        self.legs: dict[int, LegState] = {}

    def save(self, work: UnitOfWork) -> None:
        for number in work.touched_calls:
            if number in work.calls:
                self.calls[number] = work.calls[number]
            else:
                self.calls.pop(number, None)
        self.legs |= {number: work.legs[number] for number in work.touched_legs}

    def live(self) -> Iterator[LegState]:
        return (leg for leg in self.legs.values() if leg.phase in LIVE)

    def load_everything(self, _: int) -> Loaded:
        return Loaded(dict(self.calls), {leg.number: leg for leg in self.live()})

    def load_calls_named(self, _: int, names: Iterable[str]) -> dict[int, CallState]:
        wanted = set(names)
        return {number: call for number, call in self.calls.items() if call.call_id in wanted}

    def load_calls_numbered(self, _: int, incarnations: Iterable[int]) -> dict[int, CallState]:
        return {number: self.calls[number] for number in incarnations if number in self.calls}

    def load_legs_of(self, _: int, calls: Collection[str], devices: Collection[str]) -> dict[int, LegState]:
        return {leg.number: leg for leg in self.live() if leg.call_id in calls or leg.device_id in devices}

    def load_named_legs(self, _: int, answers: Sequence[Item], known: Collection[int]) -> dict[int, LegState]:
        return {one: self.legs[one] for one in named(answers) if one in self.legs and one not in known}

    def load_due(self, _: int, until: datetime) -> tuple[Loaded, datetime]:
        calls = {number: call for number, call in self.calls.items() if call.due is not None and call.due <= until}
        legs = {number: leg for number, leg in self.legs.items() if leg.due is not None and leg.due <= until}
        return Loaded(calls, legs), until


def named(items: Sequence[Item]) -> set[int]:
    return {one.leg for one in items if isinstance(one, RecordingFound | RecordingMissed | WriteSettled)}


def folded_in_parts(
    items: Sequence[Item], cuts: Sequence[int], context: Everybody, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[int, LegState], list[CoreCommand]]:
    """Fold as ``folded`` does, and give up all that may be given up after each batch."""
    database, commands = Database(), list[CoreCommand]()
    for name in vars(Database):
        if name.startswith("load"):
            monkeypatch.setattr(kept_part, name, getattr(database, name))
    work = UnitOfWork(LiveState(source=SourceState(slug="pbx")), context)
    part = KeptPart(1)

    def fold(batch: Sequence[Item], at: datetime) -> None:
        work.begin_batch(context)
        events = [one for one in batch if isinstance(one, Event)]
        part.load(work, events, [one for one in batch if not isinstance(one, Event)], at)
        fold_into(work, [*batch, TimePassed(at)])
        database.save(work)
        commands.extend(work.commands)
        part.shrink(work, 0, at)

    for start, end in pairwise([0, *sorted(cuts), len(items)]):
        if batch := items[start:end]:
            fold(batch, batch[-1].at)
    fold([], moment(100_000))
    return database.legs, commands


@given(items=journals(), one_by_one=st.booleans(), ahead=st.sampled_from([0, 3, 600]), data=st.data())
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_was_given_up_is_there_when_it_is_needed(
    items: list[Item], one_by_one: bool, ahead: int, data: st.DataObject
) -> None:
    cuts = range(len(items)) if one_by_one else data.draw(st.lists(st.integers(0, len(items)), max_size=len(items)))

    assert_same(items, cuts, ahead)


def assert_same(items: Sequence[Item], cuts: Sequence[int], ahead: int = 0) -> None:
    context = with_site(wrapup_wait_seconds=120)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(kept_part, "AHEAD", timedelta(seconds=ahead))
        assert folded_in_parts(items, cuts, context, monkeypatch) == folded(items, cuts, context)


BEGUN = [
    event("Established", 0, name="e1", callId="C1", deviceId="2001"),
    event("Established", 10, name="e2", callId="C2", deviceId="2002"),
    event("Established", 20, name="e3", callId="C3", deviceId="2003"),
]
TRANSFERRED = event(
    "Transferred", 30, name="e4", transferringDeviceId="2001", primaryOldCallId="C1", resultingCallId="C4"
)


@pytest.mark.parametrize(
    "later",
    [
        pytest.param([event("CallCleared", 40, name="l1", callId="C1")], id="its call is named"),
        pytest.param(
            [event("Established", 40, name="l1", callId="C9", deviceId="2001")], id="another call is at its extension"
        ),
        pytest.param(
            [event("LoggedOn", 40, family="agent", name="l1", agentId="91", deviceId="2001")], id="an agent is there"
        ),
        pytest.param(
            [
                TRANSFERRED,
                event("Established", 40, name="l1", callId="C7", deviceId="2007"),
                event("CallInformation", 50, name="l2", callId="C1", queueName="Sales"),
            ],
            id="the call that it became is meant",
        ),
        pytest.param([RecordingMissed(leg=1, search=1, why="none", attempts=1, at=moment(40))], id="QMS answers"),
        pytest.param([TimePassed(moment(90_000))], id="it is due by time alone"),
        pytest.param([event("Began", 40, family="snapshot"), event("Ended", 41, family="snapshot")], id="a snapshot"),
    ],
)
def test_a_call_that_was_given_up_is_loaded_when(later: list[Item]) -> None:
    items = [*BEGUN, *later]

    assert_same(items, range(len(items)))
    assert_same(items, range(len(items)), 600)


def test_the_call_that_a_host_holds_is_loaded_with_all_its_legs_where_the_report_names_the_other_one_alone() -> None:
    items = [
        event("Established", 0, name="e1", callId="C1", deviceId="2005"),
        event("Established", 1, name="e2", callId="C1", deviceId="2001"),
        event("Held", 10, name="e3", callId="C1", deviceId="2001"),
        event("Originated", 20, name="e4", callId="C2", deviceId="2001"),
        event("Established", 25, name="e5", callId="C2", deviceId="2002"),
        event(
            "Transferred",
            30,
            name="e6",
            primaryOldCallId="C2",
            resultingCallId="C3",
            transferringDeviceId="2001",
            transferredToDeviceId="2002",
        ),
    ]

    assert_same(items, range(len(items)))
