"""Flag writes that are never sent: which are, from when to when, and what is left to compare."""

from datetime import timedelta

import pytest

from flags.models import FlagWrite, ShadowComparison, WriteState
from flags.outbox import withheld
from flags.outbox.claims import claim_due
from flags.outbox.settlements import Settlement, settle
from flags.outbox.state_machine import SHADOW_CODE, SHADOW_TEXT, Decision
from flags.outbox.withheld import SWITCH_ECHO, Withheld, await_comparisons, withhold_due
from qms.models import RecordingService
from tests.flags.qms import Post

pytestmark = pytest.mark.django_db
TICK = timedelta(microseconds=1)
EDGE = [-TICK, 0 * TICK, TICK]


@pytest.fixture
def post() -> Post:
    return Post()


def _service(post: Post, **values: object) -> RecordingService:
    """Set without what saving does by itself."""
    RecordingService.objects.filter(pk=post.service.pk).update(**values)
    return RecordingService.objects.get(pk=post.service.pk)


def _set(key: int, **values: object) -> None:
    FlagWrite.objects.filter(pk=key).update(**values)


def test_in_shadow_mode_a_write_is_settled_whole_for_its_consumer(post: Post) -> None:
    key = post.queues()
    _set(key, state="unclear", claim=9, claimed_until=post.time - TICK, folded=True)

    assert withhold_due(_service(post, shadow=True), post.time) == Withheld(1, frozenset([7]), False)
    row = FlagWrite.objects.get()
    assert (row.state, row.error_code, row.error, row.settled_at) == ("shadow", SHADOW_CODE, SHADOW_TEXT, post.time)
    assert (row.is_shadow, row.claim, row.claimed_until, row.folded) == (True, None, None, False)


@pytest.mark.parametrize("state", WriteState.values)
def test_only_what_is_on_its_way_is_withheld(post: Post, state: str) -> None:
    _set(post.queues(), state=state)

    assert withhold_due(_service(post, shadow=True), post.time).writes == (state in ("queued", "sending", "unclear"))


@pytest.mark.parametrize(("off", "is_due"), [*zip(EDGE, [True, True, False], strict=True)])
def test_a_write_is_withheld_from_the_moment_that_it_is_due(post: Post, off: timedelta, is_due: bool) -> None:
    _set(post.queues(), not_before=post.time + off)

    assert withhold_due(_service(post, shadow=True), post.time).writes == is_due


@pytest.mark.parametrize(("off", "is_free"), [*zip(EDGE, [True, False, False], strict=True)])
def test_a_write_that_a_delivery_has_is_left_to_it(post: Post, off: timedelta, is_free: bool) -> None:
    _set(post.queues(), state="sending", claim=9, claimed_until=post.time + off)

    assert withhold_due(_service(post, shadow=True), post.time).writes == is_free


def test_a_service_that_was_switched_meanwhile_withholds_nothing(post: Post) -> None:
    post.queues()
    as_read = _service(post, shadow=True)
    _service(post, shadow=False)

    assert withhold_due(as_read, post.time) == Withheld()


def test_another_services_writes_are_not_withheld(post: Post) -> None:
    Post("rs2").queues()

    assert withhold_due(_service(post, shadow=True), post.time) == Withheld()


@pytest.mark.parametrize(("off", "is_withheld"), [*zip(EDGE, [True, False, False], strict=True)])
def test_after_the_switch_what_was_queued_before_it_is_withheld(post: Post, off: timedelta, is_withheld: bool) -> None:
    key = post.queues()
    _set(key, created_at=post.time + off)

    assert withhold_due(_service(post, writing_since=post.time), post.time).writes == is_withheld


@pytest.mark.parametrize(("off", "is_looked_at"), [*zip(EDGE, [True, False, False], strict=True)])
def test_a_month_after_the_switch_nobody_looks_any_more(post: Post, off: timedelta, is_looked_at: bool) -> None:
    _set(post.queues(), is_shadow=True)
    now = post.time + SWITCH_ECHO + off

    assert withhold_due(_service(post, writing_since=post.time), now).writes == is_looked_at


def test_a_service_that_always_wrote_withholds_nothing(post: Post) -> None:
    _set(post.queues(), is_shadow=True)

    assert withhold_due(post.service, post.time) == Withheld()


def test_the_oldest_are_withheld_first_and_it_is_said_that_there_may_be_more(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(withheld, "AT_ONCE", 2)
    keys = [post.queues(f"G{number}") for number in range(4)]
    _set(keys[3], not_before=post.time - TICK, source_id=8)
    service = _service(post, shadow=True)

    assert withhold_due(service, post.time) == Withheld(2, frozenset([7, 8]), True)
    assert set(FlagWrite.objects.filter(state="shadow").values_list("pk", flat=True)) == {keys[0], keys[3]}
    assert withhold_due(service, post.time) == Withheld(2, frozenset([7]), True)
    assert withhold_due(service, post.time) == Withheld()


def test_base_flags_are_compared_a_minute_after_the_wrap_up_may_take(post: Post) -> None:
    base, canary = post.queues("G1"), post.queues("G2")
    wrapup = post.queues(part="wrapup", guid=FlagWrite.objects.get(pk=base).recording_guid, Result="Sold")
    _set(canary, is_canary=True)
    service = _service(post, shadow=True, wrapup_wait_seconds=300)
    withhold_due(service, post.time)

    look = post.time + timedelta(seconds=360)
    assert list(ShadowComparison.objects.values_list("write", "service", "at", "next_look_at")) == [
        (base, service.pk, post.time, look)
    ]
    await_comparisons([base, wrapup, canary], post.time + TICK)
    assert ShadowComparison.objects.get().next_look_at == look, "a recording is compared once"


def test_what_a_delivery_withheld_is_compared_where_its_claim_stood(post: Post) -> None:
    canary = post.queues("G1")
    key = post.queues("G2")
    _set(canary, is_canary=True)
    claimed = claim_due(post.service.pk, 1, post.time, lease=timedelta(seconds=60), patience=timedelta(days=7), limit=9)
    ends = [Settlement(one, Decision(state="shadow", error_code=SHADOW_CODE)) for one in claimed]

    assert settle(ends, 2, post.time) == ShadowComparison.objects.count() == 0
    assert settle(ends, 1, post.time) == 2
    assert list(ShadowComparison.objects.values_list("write", flat=True)) == [key]
