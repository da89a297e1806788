"""Of legs that begin at one extension at the same moment each is judged by itself; those beside missing events are not.

Events are missing between 10 and 20 seconds after noon.
"""

from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from calls.core.source_state import SiteSettings
from calls.replay.compare_period import EVENTS_MISSING, NOT_THERE_BEFORE, PeriodComparison, _Comparison, todays_settings
from calls.replay.difference import LegAccount, ReplayRules, differences, paired
from calls.replay.recorded import RecordedSlice, slice_of
from cti.models import CtiSource
from flags.catalogue.values import LegFacts
from tests.calls.switchboard import moment

OPEN = "it was not settled"


def _leg(call_id: str, extension: str = "2001", begin: float = 120, leg_id: int = 0) -> LegAccount:
    """Return a leg of two seconds; without a number it is one that would be."""
    return LegAccount(
        leg_id=leg_id,
        extension=extension,
        call_id=call_id,
        connected_at=moment(begin),
        disconnected_at=moment(begin + 2),
        began_at=moment(begin),
        outcome="flagged",
        match="matched",
        facts=LegFacts(call_id=call_id, device_id=extension, calling_number="0301234"),
    )


def _compared(
    recorded: Sequence[LegAccount], would_be: Sequence[LegAccount], apart: dict[int, str] | None = None
) -> PeriodComparison:
    source = CtiSource.objects.create(slug="pbx", kind="http")
    slices = {slice_of(moment(0)): RecordedSlice({leg.leg_id: leg for leg in recorded}, apart or {})}
    legs: Any = SimpleNamespace(slice=lambda number: slices.get(number, RecordedSlice()))
    begin, end = moment(0) - timedelta(hours=1), moment(0) + timedelta(hours=1)
    work = _Comparison(source, begin, end, todays_settings(source), end, legs)
    work._unknown.append((moment(10), moment(20)))
    work._would_be[slice_of(moment(0))] = list(would_be)
    work._compare_slice(slice_of(moment(0)))
    return work.result


@pytest.mark.django_db
def test_a_leg_beside_one_that_lacks_events_is_not_compared_and_one_elsewhere_is() -> None:
    lost = msgspec.structs.replace(_leg("a", begin=15, leg_id=1), disconnected_at=moment(100))
    beside, elsewhere = _leg("b", begin=40, leg_id=2), _leg("c", "2002", 40, 3)

    result = _compared([lost, beside, elsewhere], [_leg("d", begin=120)])

    assert (dict(result.apart), result.compared) == ({EVENTS_MISSING: 2, NOT_THERE_BEFORE: 1}, 1)
    assert [(one.kind, one.examples[0].extension) for one in result.sorted_groups()] == [("missing_leg", "2002")]


@pytest.mark.django_db
def test_a_leg_that_would_begin_up_to_a_minute_after_missing_events_is_not_compared_and_counted() -> None:
    """Before: it was left out without a number, and nothing would be different."""
    result = _compared([], [_leg("a", "2001", 79), _leg("b", "2002", 81)])

    assert dict(result.apart) == {NOT_THERE_BEFORE: 1}
    assert [(one.kind, one.examples[0].extension) for one in result.sorted_groups()] == [("extra_leg", "2002")]


@pytest.mark.django_db
def test_of_two_legs_that_begin_at_one_moment_each_is_paired_with_that_of_its_call() -> None:
    """Before: a leg more than were there then was left out beside one that is not compared, as both began at once."""
    result = _compared([_leg("a", leg_id=1)], [_leg("b"), _leg("a")], {1: OPEN})

    assert (dict(result.apart), result.compared) == ({OPEN: 1}, 0)
    assert [(one.kind, one.count) for one in result.sorted_groups()] == [("extra_leg", 1)]


@pytest.mark.django_db
def test_of_two_legs_that_begin_at_one_moment_one_may_be_missing_for_events_that_are() -> None:
    """Before: it was a difference, as there would be a leg at its extension and moment: that of the other call."""
    lost = _leg("x", begin=15, leg_id=3)

    result = _compared([lost, _leg("a", begin=40, leg_id=1), _leg("b", begin=40, leg_id=2)], [_leg("b", begin=40)])

    assert (dict(result.apart), result.compared, result.different) == ({EVENTS_MISSING: 2}, 1, 0)


def test_legs_of_the_same_call_are_paired_before_others_take_their_place() -> None:
    """Before: the first leg took that of the second's call, and each of them seemed to be changed."""
    then, now = [_leg("old", leg_id=1), _leg("a", leg_id=2)], [_leg("a"), _leg("new")]

    pairs = paired(then, now).pairs

    assert sorted((was.call_id, would_be.call_id) for was, would_be in pairs) == [("a", "a"), ("old", "new")]
    changed = msgspec.structs.replace(now[0], outcome="refused")
    (found,) = differences(then, [changed, now[1]], ReplayRules(SiteSettings(), []))
    assert found.leg_id == 2
