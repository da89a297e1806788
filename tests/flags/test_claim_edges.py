"""The edges of a claim on a flag write: from when to when it holds, what it says, and what a settlement leaves."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from flags.api import UNKNOWN, is_any_free
from flags.models import FlagWrite, WriteState
from flags.outbox.claims import Claimed, claim_due, due, give_back, give_up_overdue
from flags.outbox.doubt import put_in_doubt, put_legs_in_doubt
from flags.outbox.settlements import Settlement, settle
from flags.outbox.state_machine import Decision
from flags.outbox.written_claims import next_due
from qms.models import RecordingService
from tests.flags.qms import Post

pytestmark = [pytest.mark.django_db, pytest.mark.storage]
LEASE, PATIENCE, TICK = timedelta(seconds=60), timedelta(days=7), timedelta(microseconds=1)
EDGE = [-TICK, 0 * TICK, TICK]


@pytest.fixture
def post() -> Post:
    return Post()


def _claim(post: Post, number: int = 1, **options: Any) -> list[Claimed]:
    usual: dict[str, Any] = {"lease": LEASE, "patience": PATIENCE, "limit": 9}
    return claim_due(post.service.pk, number, post.time, **{**usual, **options})


def _set(key: int, **values: Any) -> None:
    FlagWrite.objects.filter(pk=key).update(**values)


@pytest.mark.parametrize(("off", "is_due"), [*zip(EDGE, [True, True, False], strict=True)])
def test_a_write_is_claimed_from_the_moment_that_it_is_due(post: Post, off: timedelta, is_due: bool) -> None:
    _set(post.queues(), not_before=post.time + off)

    assert (len(due(post.service.pk, post.time)), len(_claim(post))) == (is_due, is_due)


@pytest.mark.parametrize(("off", "is_free"), [*zip(EDGE, [True, False, False], strict=True)])
def test_a_claim_on_a_write_holds_until_its_end(post: Post, off: timedelta, is_free: bool) -> None:
    _set(post.queues(), state=WriteState.SENDING, claim=9, claimed_until=post.time + off)

    assert len(_claim(post)) == is_free


@pytest.mark.parametrize("state", WriteState.values)
def test_a_wrap_up_is_claimed_only_when_its_base_flags_are_settled(post: Post, state: str) -> None:
    base = post.queues("G1", AgentId="A1")
    wrapup = post.queues(part="wrapup", guid=FlagWrite.objects.get(pk=base).recording_guid, Result="Sold")
    _set(base, state=state, not_before=post.time + TICK)

    assert [one.write_id for one in _claim(post)] == [wrapup] * (state not in ("queued", "sending", "unclear"))


def test_a_claim_says_until_when_it_may_be_sent_and_from_when_it_is_given_up(post: Post) -> None:
    key = post.queues()
    (one,) = _claim(post, margin=timedelta(seconds=20), settle=timedelta(seconds=240))

    assert one.send_before == post.time + timedelta(seconds=40)
    assert one.pending.give_up_at == post.time + PATIENCE
    assert (one.pending.settle_after, one.pending.created_at) == (timedelta(seconds=240), post.time)
    assert (one.part, one.leg_id, one.source_id, one.is_shadow) == ("base", 1, 7, False)

    _set(key, claimed_until=post.time - TICK, retried_at=post.time - timedelta(days=1), missing_at=post.time)
    (one,) = _claim(post, 2)
    assert one.send_before == post.time + LEASE
    assert one.pending.give_up_at == post.time - timedelta(days=1) + PATIENCE
    assert one.pending.settle_after == timedelta(seconds=120)
    assert one.pending.missing_at == post.time


@pytest.mark.parametrize(
    ("state", "is_unclear", "becomes"),
    [("queued", False, "sending"), ("sending", True, "unclear"), ("unclear", True, "unclear")],
)
def test_what_a_delivery_left_behind_is_unclear_from_the_end_of_its_claim_on(
    post: Post, state: str, is_unclear: bool, becomes: str
) -> None:
    key, before = post.queues(), post.time - timedelta(seconds=5)
    _set(key, state=state, claim=None if state == "queued" else 9, unclear_since=None, claimed_until=before)
    (one,) = _claim(post)
    row = FlagWrite.objects.get()

    assert (one.is_unclear, row.state) == (is_unclear, becomes)
    assert one.pending.unclear_since == row.unclear_since == (before if state == "sending" else None)
    assert (row.claim, row.claimed_until, row.attempts, one.pending.attempts) == (1, post.time + LEASE, 1, 1)


@pytest.mark.parametrize(("was", "now_is", "is_shadow"), [(0, 0, False), (1, 0, True), (0, 1, True), (1, 1, True)])
def test_a_write_of_a_service_that_is_or_was_in_shadow_mode_is_never_sent(
    post: Post, was: int, now_is: int, is_shadow: bool
) -> None:
    _set(post.queues(), is_shadow=bool(was))
    RecordingService.objects.update(shadow=bool(now_is))

    assert [one.is_shadow for one in _claim(post)] == [is_shadow]
    assert FlagWrite.objects.get().is_shadow is is_shadow


def test_claims_are_oldest_first_limited_and_of_one_service(post: Post) -> None:
    keys = [post.queues(f"G{number}") for number in range(4)]
    _set(keys[3], not_before=post.time - timedelta(seconds=9))
    Post("rs2").queues("H1")

    assert [one.write_id for one in _claim(post, limit=2)] == [keys[3], keys[0]]
    assert [one.write_id for one in _claim(post, 2)] == keys[1:3]
    assert _claim(post, 3) == []


def test_the_next_write_of_a_service_is_due_when_nobody_has_it(post: Post) -> None:
    first, second = post.queues("G1"), post.queues("G2")
    _set(first, claimed_until=post.time, not_before=post.time - LEASE)
    _set(second, not_before=post.time + LEASE)

    assert next_due(post.service.pk) == post.time + LEASE
    _set(second, state=WriteState.WRITTEN)
    assert next_due(post.service.pk) is None


def test_a_claim_says_when_the_next_write_is_due_as_a_look_after_it_does(post: Post) -> None:
    post.queues("G1")
    second = post.queues("G2")
    _set(second, not_before=post.time + LEASE)

    (claimed,) = _claim(post)

    expected = next_due(post.service.pk) if connection.vendor == "postgresql" else UNKNOWN
    assert claimed.next_due == expected
    _set(second, state=WriteState.WRITTEN)
    post.queues("G3")
    (last,) = _claim(post, 2)
    assert last.next_due == (None if connection.vendor == "postgresql" else UNKNOWN)


def test_a_delivery_that_left_nothing_knows_when_the_next_write_is_due(post: Post) -> None:
    post.queues("G1")
    _set(post.queues("G2"), not_before=post.time + LEASE)

    done = post.delivers()

    if connection.vendor == "postgresql":
        assert done.next_due == next_due(post.service.pk) == post.time + LEASE
    assert post.delivers().next_due == UNKNOWN


@pytest.mark.parametrize(("state", "given_back"), [("queued", "queued"), ("unclear", "unclear")])
def test_what_is_given_back_is_as_it_was(post: Post, state: str, given_back: str) -> None:
    key = post.queues()
    _set(key, state=state, attempts=3)
    claimed = _claim(post)
    give_back(claimed, 2)
    assert FlagWrite.objects.get().claim == 1

    give_back(claimed, 1)
    row = FlagWrite.objects.get()
    assert (row.state, row.claim, row.claimed_until, row.attempts) == (given_back, None, None, 3)


def _settled(post: Post, decision: Decision, claim: int = 1) -> FlagWrite:
    _set(post.queues(), folded=True)
    (claimed,) = _claim(post)
    settle([Settlement(claimed, decision)], claim, post.time)
    return FlagWrite.objects.get()


@pytest.mark.parametrize("state", ["written", "refused", "gone", "conflict", "given_up"])
def test_an_end_is_saved_once_with_its_reason_and_taken_to_its_leg(post: Post, state: Any) -> None:
    is_bad = state != "written"
    row = _settled(post, Decision(state=state, error_code="C" * 40 * is_bad, error="e" * 600 * is_bad))

    assert (row.state, row.settled_at, row.claim, row.claimed_until, row.folded) == (
        state,
        post.time,
        None,
        None,
        False,
    )
    assert (row.error_code, row.error) == ("C" * 32 * is_bad, "e" * 500 * is_bad)
    assert row.alert_since == (post.time if state in ("refused", "conflict", "given_up") else None)


def test_what_is_tried_again_waits_and_keeps_what_is_known_of_its_request(post: Post) -> None:
    later, since, missed = (post.time + timedelta(seconds=one) for one in (9, -9, -1))
    row = _settled(
        post,
        Decision(
            state="unclear", not_before=later, error_code="Unclear", error="?", unclear_since=since, missing_at=missed
        ),
    )

    assert (row.state, row.not_before, row.settled_at, row.claim) == ("unclear", later, None, None)
    assert (row.unclear_since, row.missing_at, row.alert_since) == (since, missed, None)


def test_a_delivery_that_lost_its_claim_settles_nothing(post: Post) -> None:
    for decision in (Decision(state="written"), Decision(state="refused"), Decision(state="queued")):
        FlagWrite.objects.all().delete()
        row = _settled(post, decision, claim=2)
        assert (row.state, row.claim, row.settled_at) == ("sending", 1, None)


@pytest.mark.parametrize(("off", "is_given_up"), [*zip(EDGE, [True, True, False], strict=True)])
def test_what_waits_too_long_for_its_service_is_given_up(post: Post, off: timedelta, is_given_up: bool) -> None:
    key, now = post.queues(), post.time + PATIENCE
    _set(key, not_before=post.time + off, folded=True)
    given_up = give_up_overdue(post.service.pk, post.time, now)
    row = FlagWrite.objects.get()

    assert (list(given_up.write_ids), set(given_up.source_ids)) == (([key], {7}) if is_given_up else ([], set()))
    assert (row.state, row.folded) == (("given_up", False) if is_given_up else ("queued", True))
    if is_given_up:
        assert (row.settled_at, row.alert_since, row.error_code) == (now, now, "Unavailable")


@pytest.mark.parametrize(("state", "code"), [("queued", "Unavailable"), ("sending", "Unclear"), ("unclear", "Unclear")])
def test_what_may_have_been_written_is_given_up_as_unclear(post: Post, state: str, code: str) -> None:
    _set(post.queues(), state=state)
    give_up_overdue(post.service.pk, post.time, post.time)

    assert FlagWrite.objects.get().error_code == code


def test_what_is_being_sent_is_not_given_up(post: Post) -> None:
    post.queues()
    _claim(post)

    assert give_up_overdue(post.service.pk, post.time, post.time).write_ids == ()


def test_what_may_have_been_sent_since_is_put_in_doubt_and_nothing_else(post: Post) -> None:
    """Unclear, or claimed until now: it may have been sent once more. A claim that stands ends in doubt itself."""
    soon, before = post.time + timedelta(seconds=1), post.time - timedelta(seconds=300)
    states = ["queued", "sending", "unclear", "written", "queued", "sending"]
    keys = [post.queues(f"G{number}") for number in range(len(states))]
    for key, state in zip(keys, states, strict=True):
        _set(key, state=state, missing_at=before, unclear_since=before, claim=7, claimed_until=soon)
    _set(keys[5], claimed_until=post.time)
    put_legs_in_doubt([], post.time)
    assert FlagWrite.objects.filter(unclear_since=post.time).count() == 0
    put_legs_in_doubt([FlagWrite.objects.get(pk=keys[0]).leg_id], post.time)
    assert list(FlagWrite.objects.filter(unclear_since=post.time).values_list("pk", flat=True)) == keys[:1]

    assert put_in_doubt(post.time) == 3
    assert put_in_doubt(post.time) == 0
    doubted = FlagWrite.objects.filter(unclear_since=post.time).order_by("pk")
    assert list(doubted.values_list("pk", "state", "missing_at", "claim", "claimed_until")) == [
        (key, "unclear", None, None, None) for key in (keys[0], keys[2], keys[4], keys[5])
    ]


@pytest.mark.parametrize(
    ("claimed_until", "not_before", "is_free"),
    [(None, 0, True), (None, 1, False), (-1, 0, True), (0, 0, False), (1, 0, False)],
)
def test_a_look_finds_what_is_due_and_nobody_has_or_who_had_it_died(
    post: Post, claimed_until: int | None, not_before: int, is_free: bool
) -> None:
    until = None if claimed_until is None else post.time + timedelta(seconds=claimed_until)
    _set(post.queues(), state="sending", claimed_until=until, not_before=post.time + timedelta(seconds=not_before))

    assert is_any_free(post.service.pk, post.time) is is_free


def test_a_look_passes_over_what_is_settled(post: Post) -> None:
    _set(post.queues(), state="written")

    assert not is_any_free(post.service.pk, post.time)
