"""What a consumer keeps from batch to batch: it does not grow with what is over, and no value of it is changed."""

import gc
import importlib
import pkgutil
from datetime import timedelta
from types import ModuleType

import msgspec
import pytest

import agents.core
import calls.core
from calls.core.reducer import fold_into
from calls.core.result_events import TimePassed
from calls.core.source_state import SourceState
from calls.core.state import LegPhase
from calls.core.unit_of_work import MAXIMUM_STALE_MOMENTS, LiveState, UnitOfWork
from tests.calls.leg_states import leg
from tests.calls.switchboard import Everybody, event, moment

pytestmark = pytest.mark.core


def _day(work: UnitOfWork, calls: int) -> UnitOfWork:
    """Let calls come and go, one a second, each folded by itself."""
    for n in range(calls):
        work.begin_batch(Everybody())
        work = fold_into(
            work,
            [
                event("Delivered", n, callId=f"C{n}", deviceId="2001"),
                event("ConnectionCleared", n + 0.5, callId=f"C{n}", deviceId="2001"),
                TimePassed(moment(n + 0.9)),
            ],
        )
    return work


def test_calls_that_are_over_leave_no_moments_behind() -> None:
    """Each is looked at again twelve hours after it began, if nothing else is heard of it."""
    work = _day(UnitOfWork(LiveState(source=SourceState(slug="pbx")), Everybody()), 3 * MAXIMUM_STALE_MOMENTS)

    assert len(work.calls) < 100
    assert len(work._dues) <= MAXIMUM_STALE_MOMENTS + 2 * len(work.calls)


def test_a_call_that_says_nothing_more_still_goes_stale_among_many_that_are_over() -> None:
    work = UnitOfWork(LiveState(source=SourceState(slug="pbx")), Everybody())
    fold_into(work, [event("Delivered", -1, callId="silent", deviceId="2002")])
    _day(work, 3 * MAXIMUM_STALE_MOMENTS)

    work.begin_batch(Everybody())
    fold_into(work, [TimePassed(moment(0) + timedelta(hours=13))])

    assert work.incarnations_of("silent") == []


def test_what_is_kept_of_calls_and_legs_is_not_walked_through_by_the_garbage_collector() -> None:
    """With 100,000 legs open that took a seventh of the consumer's time."""
    work = UnitOfWork(LiveState(source=SourceState(slug="pbx")), Everybody())
    fold_into(work, [event("Established", 0, callId="C1", deviceId="2001", queueName="Sales")])

    (call,), (leg,) = work.incarnations_of("C1"), work.legs.values()
    kept = [
        call,
        leg,
        leg.facts,
        *leg.facts.origins.values(),
        *leg.trace,
        *call.parties.values(),
        *(one for few in call.facts.values() for one in few),
    ]
    assert [one for one in kept if gc.is_tracked(one)] == []


def test_a_leg_that_is_over_and_was_loaded_for_an_answer_is_forgotten_with_the_batch() -> None:
    work = UnitOfWork(LiveState(source=SourceState(slug="pbx")), Everybody())
    work.remember([], [leg(phase=LegPhase.SETTLED, guid="G"), leg(number=2)])
    assert work.holder_of("G") == 1

    work.begin_batch(Everybody())

    assert list(work.legs) == [2]
    assert work.holder_of("G") is None


@pytest.mark.parametrize(("package", "least"), [(calls.core, 20), (agents.core, 10)])
def test_no_value_of_the_core_can_be_changed(package: ModuleType, least: int) -> None:
    """What one event made of it is another value: an error in the middle of a batch leaves none half changed."""
    names = [one.name for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    known = [one for name in names for one in vars(importlib.import_module(name)).values()]
    structs = {one for one in known if isinstance(one, type) and issubclass(one, msgspec.Struct)}

    assert len(structs) > least
    assert [one.__name__ for one in structs if not one.__struct_config__.frozen] == []
