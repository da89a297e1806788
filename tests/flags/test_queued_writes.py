"""What is queued for a recording, what stands in the way, and what an end leaves: alerts, and what waits for it."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from flags.catalogue.values import FlagText
from flags.models import SETTLED, AlertCount, FlagValue, FlagWrite, WriteState
from flags.outbox import alerts, claims, doubt
from flags.outbox.alerts import (
    Alerts,
    OfReason,
    count_alerts,
    open_alerts,
    open_by_reason,
    raised_by_reason,
    reasons_of,
)
from flags.outbox.bulk_insert import NewWrite
from flags.outbox.claims import Claimed, claim_due, give_up_overdue
from flags.outbox.doubt import put_in_doubt, put_legs_in_doubt
from flags.outbox.queue import QueueRefusal, Settled, mark_folded, queue_writes, settled_writes
from flags.outbox.settlements import Settlement, settle
from flags.outbox.state_machine import Decision, WriteStateName
from qms.models import RecordingService
from tests.flags.qms import Post

pytestmark = pytest.mark.django_db
TICK = timedelta(microseconds=1)
EDGE = [-TICK, 0 * TICK, TICK]
LEASE, PATIENCE = timedelta(seconds=60), timedelta(days=7)


@pytest.fixture
def post() -> Post:
    return Post()


def _set(key: int, **values: object) -> None:
    FlagWrite.objects.filter(pk=key).update(**values)


def _new(post: Post, *names: str, leg: int = 1, guid: str = "G", **members: Any) -> NewWrite:
    usual: dict[str, Any] = {"source_id": 7, "service_id": post.service.pk, "part": "base", "at": post.time}
    texts = tuple(FlagText(name, f"of {leg}") for name in names)
    return NewWrite(leg_id=leg, recording_guid=guid, texts=texts, **{**usual, **members})


def _claim(post: Post, number: int = 1) -> list[Claimed]:
    return claim_due(post.service.pk, number, post.time, lease=LEASE, patience=PATIENCE, limit=9)


# --- queueing ---


def test_a_queued_write_is_as_its_leg_ordered_it(post: Post) -> None:
    text = FlagText("AgentId", "A1", True, True)
    later = post.time + timedelta(seconds=5)
    write = NewWrite(
        leg_id=3,
        source_id=8,
        service_id=post.service.pk,
        recording_guid="G",
        part="wrapup",
        texts=(text,),
        at=later,
        is_canary=True,
    )
    assert queue_writes([write, _new(post, "AgentId", guid="H")]) == []

    row = FlagWrite.objects.get(recording_guid="G")
    assert (row.leg_id, row.source_id, row.service_id, row.part, row.state) == (
        3,
        8,
        post.service.pk,
        "wrapup",
        "queued",
    )
    assert (row.attempts, row.not_before, row.created_at, row.error_code, row.error) == (0, later, later, "", "")
    assert (row.folded, row.is_shadow, row.is_canary) == (False, False, True)
    value = FlagValue.objects.get(recording_guid="G")
    assert (value.write_id, value.name, value.value, value.cut, value.masked) == (row.pk, "AgentId", "A1", True, True)
    assert FlagWrite.objects.get(recording_guid="H").is_canary is False


@pytest.mark.parametrize(
    ("shadow", "since", "connected", "is_shadow"),
    [
        (True, None, None, True),
        (False, None, 0 * TICK, False),
        (False, 0 * TICK, None, False),
        (False, 0 * TICK, -TICK, True),
        (False, 0 * TICK, 0 * TICK, False),
        (False, 0 * TICK, TICK, False),
    ],
)
@pytest.mark.parametrize("is_contested", [False, True])
def test_a_write_is_never_sent_where_another_gateway_writes_or_wrote_when_its_leg_was_connected(
    post: Post,
    shadow: bool,
    since: timedelta | None,
    connected: timedelta | None,
    is_shadow: bool,
    is_contested: bool,
) -> None:
    RecordingService.objects.update(shadow=shadow, writing_since=None if since is None else post.time + since)
    began = None if connected is None else post.time + connected
    new = [_new(post, "AgentId", connected_at=began), *([_new(post, guid="H")] if is_contested else [])]
    queue_writes(new)

    assert FlagWrite.objects.get().is_shadow is is_shadow


def test_each_refusal_says_which_part_of_which_leg_and_why(post: Post) -> None:
    queue_writes([_new(post, "AgentId")])
    refused = queue_writes(
        [
            _new(post, "QueueName", leg=2),
            _new(post, "QueueName", "AgentId", part="wrapup"),
            _new(post, "B", "A", "B", "A", guid="H"),
            _new(post, guid="I"),
            _new(post, "AgentId"),
            _new(post, "CTIWrapup", part="wrapup"),
        ]
    )

    assert refused == [
        QueueRefusal(2, "base", "Another leg's flags stand on this recording; flags can be written only once."),
        QueueRefusal(1, "wrapup", "The flag AgentId stands on this recording already."),
        QueueRefusal(1, "base", "The flag A stands on this recording already."),
        QueueRefusal(1, "base", "There is no flag to write."),
    ]
    assert list(FlagWrite.objects.order_by("pk").values_list("recording_guid", "part")) == [
        ("G", "base"),
        ("G", "wrapup"),
    ]


def test_of_two_parts_in_one_batch_that_share_a_flag_the_first_stands(post: Post) -> None:
    base, wrapup = _new(post, "A", "B"), _new(post, "B", part="wrapup")

    assert [one.part for one in queue_writes([base, wrapup])] == ["wrapup"]
    assert queue_writes([]) == []
    assert list(FlagWrite.objects.values_list("part", flat=True)) == ["base"]


@pytest.mark.parametrize("state", WriteState.values)
@pytest.mark.parametrize("is_contested", [False, True])
def test_a_wrap_up_waits_for_base_flags_that_are_put_off_and_not_settled(
    post: Post, state: str, is_contested: bool
) -> None:
    later = post.time + timedelta(minutes=5)
    queue_writes([_new(post, "A")])
    FlagWrite.objects.update(not_before=later, state=state)
    queue_writes([_new(post, "B", part="wrapup"), *([_new(post, guid="H")] if is_contested else [])])

    waits = state in ("queued", "sending", "unclear")
    assert FlagWrite.objects.get(part="wrapup").not_before == (later if waits else post.time)


# --- what has ended, for the consumer ---


def test_an_end_is_reported_whole_in_the_order_of_queueing_and_no_more_than_asked_for(post: Post) -> None:
    keys = [post.queues(f"G{number}") for number in range(3)]
    guid = FlagWrite.objects.get(pk=keys[0]).recording_guid
    wrapup = post.queues(part="wrapup", guid=guid, CTIWrapup="Sold")
    ended = post.time + timedelta(seconds=3)
    _set(keys[0], state="refused", settled_at=ended, error_code="C", error="why", attempts=4, retries=2)
    for key in (keys[1], wrapup):
        _set(key, state="written")
    _set(keys[2], source_id=8, state="written")

    first, second = settled_writes(7, 2)
    assert first == Settled(
        write_id=keys[0],
        leg_id=1,
        part="base",
        state="refused",
        error_code="C",
        error="why",
        settled_at=ended,
        attempts=4,
        retries=2,
    )
    assert (second.write_id, second.settled_at) == (keys[1], post.time)
    assert [one.part for one in settled_writes(7, 9)] == ["base", "base", "wrapup"]
    mark_folded([first, second])
    assert [one.write_id for one in settled_writes(7, 9)] == [wrapup]
    mark_folded([])
    assert [one.write_id for one in settled_writes(8, 9)] == [keys[2]]


# --- claims, where a service was switched ---


@pytest.mark.parametrize(("off", "is_shadow"), [*zip(EDGE, [True, False, False], strict=True)])
def test_what_was_queued_before_the_switch_is_claimed_and_never_sent(
    post: Post, off: timedelta, is_shadow: bool
) -> None:
    _set(post.queues(), created_at=post.time + off)
    RecordingService.objects.update(writing_since=post.time)

    assert [one.is_shadow for one in _claim(post)] == [is_shadow]
    assert FlagWrite.objects.get().is_shadow is is_shadow


def test_what_is_given_up_belongs_to_nobody_and_is_raised_but_for_canary_calls(post: Post) -> None:
    key, canary = post.queues("G1"), post.queues("G2")
    _set(key, state="sending", claim=9, claimed_until=post.time - TICK)
    _set(canary, is_canary=True)
    later = post.time + PATIENCE

    assert set(give_up_overdue(post.service.pk, post.time, later).write_ids) == {key, canary}
    row = FlagWrite.objects.get(pk=key)
    assert (row.claim, row.claimed_until, row.alert_since) == (None, None, later)
    assert row.error == "The Recording Service could not be reached for too long."
    assert FlagWrite.objects.get(pk=canary).alert_since is None
    assert raised_by_reason() == [OfReason("rs1", "Unclear", 1)]


def test_no_more_is_given_up_at_once_than_may_be_and_the_oldest_first(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "GIVEN_UP_AT_ONCE", 1)
    newer, older = post.queues("G1"), post.queues("G2")
    _set(older, not_before=post.time - TICK)

    given_up = [give_up_overdue(post.service.pk, post.time, post.time).write_ids for _ in range(3)]
    assert given_up == [(older,), (newer,), ()]


def test_bad_ends_are_raised_once_by_their_reason_but_for_canary_calls(post: Post) -> None:
    keys = [post.queues(f"G{number}") for number in range(5)]
    _set(keys[0], is_canary=True)
    ends: list[WriteStateName] = ["refused", "refused", "conflict", "gone", "shadow"]
    found = zip(_claim(post), ends, strict=True)

    assert settle([Settlement(one, Decision(state=end, error_code=f"{end:x<40}")) for one, end in found], 1, post.time)
    assert sorted(AlertCount.objects.values_list("error_code", "raised")) == [
        (f"{end:x<32}", 1) for end in ("conflict", "refused")
    ]
    raised = FlagWrite.objects.filter(alert_since=post.time)
    assert set(raised.values_list("pk", flat=True)) == {*keys[1:3]}


def test_ends_and_retries_of_one_claim_are_saved_together_and_only_ends_count(post: Post) -> None:
    keys = [post.queues(f"G{number}") for number in range(3)]
    later = post.time + LEASE
    decisions = [
        Decision(state="written"),
        Decision(state="gone", error_code="RecordingNotFound"),
        Decision(state="queued", not_before=later, error_code="Unavailable"),
    ]
    claimed = _claim(post)
    _set(keys[0], error_code="Unclear", error="?", folded=True)
    found = zip(claimed, decisions, strict=True)

    assert settle([Settlement(*one) for one in found], 1, post.time) == 2
    rows = [FlagWrite.objects.get(pk=key) for key in keys]
    assert [(row.state, row.settled_at, row.error_code) for row in rows] == [
        ("written", post.time, ""),
        ("gone", post.time, "RecordingNotFound"),
        ("queued", None, "Unavailable"),
    ]
    assert (rows[0].error, rows[0].folded, rows[2].not_before) == ("", False, later)
    assert settle([], 1, post.time) == 0


@pytest.mark.parametrize(
    ("values", "waits"),
    [
        ({}, True),
        ({"state": "unclear"}, False),
        ({"claim": 9}, False),
        ({"not_before": "later"}, False),
        ({"recording_guid": "another"}, False),
    ],
)
def test_a_wrap_up_that_nobody_has_waits_as_long_as_its_base_flags(
    post: Post, values: dict[str, Any], waits: bool
) -> None:
    base = post.queues("G1")
    wrapup = post.queues(part="wrapup", guid=FlagWrite.objects.get(pk=base).recording_guid, CTIWrapup="Sold")
    put_off, later = post.time + LEASE, post.time + 2 * LEASE
    _set(wrapup, **{**values, **({"not_before": later} if "not_before" in values else {})})
    claimed = [one for one in _claim(post) if one.write_id == base]
    before = FlagWrite.objects.get(pk=wrapup).not_before
    settle([Settlement(one, Decision(state="queued", not_before=put_off)) for one in claimed], 1, post.time)

    assert FlagWrite.objects.get(pk=wrapup).not_before == (put_off if waits else before)


@pytest.mark.parametrize("state", WriteState.values)
def test_of_a_leg_that_is_doubted_only_what_waits_to_be_sent_is_read_back(post: Post, state: str) -> None:
    key, other = post.queues("G1"), post.queues("G2")
    _set(key, state=state)
    put_legs_in_doubt([FlagWrite.objects.get(pk=key).leg_id], post.time)

    assert FlagWrite.objects.get(pk=key).state == ("unclear" if state == "queued" else state)
    assert FlagWrite.objects.get(pk=key).unclear_since == (post.time if state == "queued" else None)
    assert FlagWrite.objects.get(pk=other).state == "queued"


@pytest.mark.parametrize("state", SETTLED)
def test_what_is_settled_is_never_put_in_doubt_whatever_is_left_of_its_claim(post: Post, state: str) -> None:
    _set(post.queues(), state=state, claim=9, claimed_until=post.time)

    assert put_in_doubt(post.time) == 0
    assert FlagWrite.objects.get().state == state


def test_a_great_many_writes_are_put_in_doubt_in_steps(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubt, "AT_ONCE", 2)
    for number in range(5):
        post.queues(f"G{number}")

    assert (put_in_doubt(post.time), put_in_doubt(post.time)) == (5, 0)
    assert set(FlagWrite.objects.values_list("state", flat=True)) == {"unclear"}


# --- alerts ---


def _raise(post: Post, *codes: str, **values: object) -> list[int]:
    keys = [post.queues(f"{code}-{number}") for number, code in enumerate(codes)]
    for key, code in zip(keys, codes, strict=True):
        _set(key, **{"state": "refused", "error_code": code, "alert_since": post.time, **values})
    return keys


def test_open_alerts_are_counted_by_reason_until_somebody_acknowledges_them(post: Post) -> None:
    _raise(post, "A", "B", "B", "C")
    _raise(post, "A", "A", acknowledged_at=post.time)
    _raise(Post("rs2"), "B")

    assert open_alerts() == Alerts(5, "B", 3)
    assert sorted(open_by_reason(), key=lambda one: (one.service, one.code)) == [
        OfReason("rs1", "A", 1),
        OfReason("rs1", "B", 2),
        OfReason("rs1", "C", 1),
        OfReason("rs2", "B", 1),
    ]


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0"), (1234, "1,234"), (20_000, "20,000"), (20_001, "more than 20,000")],
)
def test_alerts_are_told_by_their_number_up_to_twenty_thousand(count: int, words: str) -> None:
    assert Alerts(count).words == words


@pytest.mark.parametrize(("limit", "counted"), [(2, 3), (3, 3), (1, 2)])
def test_counting_alerts_ends_one_above_the_limit(
    post: Post, monkeypatch: pytest.MonkeyPatch, limit: int, counted: int
) -> None:
    monkeypatch.setattr(alerts, "MAXIMUM_COUNTED", limit)
    _raise(post, "A", "B", "B")

    assert open_alerts().count == counted


def test_what_was_ever_raised_adds_up_by_service_and_reason(post: Post) -> None:
    count_alerts({(post.service.pk, "B"): 2, (post.service.pk, "A"): 1})
    count_alerts({(post.service.pk, "B"): 3})
    count_alerts({})

    assert sorted(raised_by_reason(), key=lambda one: one.code) == [OfReason("rs1", "A", 1), OfReason("rs1", "B", 5)]


def test_reasons_are_counted_without_canary_calls(post: Post) -> None:
    keys = [*_raise(post, "A", "A", "B"), *_raise(post, "A", is_canary=True)]
    _raise(post, "C")

    assert reasons_of(keys) == Counter({(post.service.pk, "A"): 2, (post.service.pk, "B"): 1})
