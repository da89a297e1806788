"""Writes made again after the database went back: QMS may hold what was decided before, by what was known then."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from flags.models import FlagWrite
from flags.outbox.doubt import put_in_doubt, put_legs_in_doubt
from flags.outbox.queue import retry
from flags.outbox.state_machine import FlagsHeld, PendingWrite, next_step
from qms.port import Flag
from tests.flags.qms import Post

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=130)
AGENT, QUEUE, REFERENCE = Flag("AgentId", "A1"), Flag("QueueName", "Sales"), Flag("CTICallRef", "338")
STRANGE = Flag("Reviewed", "yes")
WRITE = PendingWrite(
    flags=(AGENT, QUEUE, REFERENCE),
    attempts=1,
    created_at=NOW,
    give_up_at=NOW + timedelta(days=7),
    unclear_since=NOW,
    is_made_again=True,
)


@pytest.mark.parametrize(
    ("held", "again", "otherwise"),
    [
        ((), "queued", "queued"),
        ((STRANGE,), "queued", "queued"),
        ((AGENT,), "conflict", "queued"),
        ((AGENT, QUEUE, STRANGE), "conflict", "queued"),
        ((AGENT, QUEUE, REFERENCE), "written", "written"),
        ((AGENT, QUEUE, REFERENCE, STRANGE), "written", "written"),
        ((Flag("AgentId", "A2"),), "conflict", "conflict"),
    ],
)
def test_what_qms_holds_in_part_was_decided_before_and_nothing_is_added(
    held: tuple[Flag, ...], again: str, otherwise: str
) -> None:
    """A write that is not made again was sent as it is: what is missing of it may be sent."""
    answer = FlagsHeld(held, LATER)

    assert next_step(WRITE, answer, LATER, 1.0).state == again
    assert next_step(replace(WRITE, is_made_again=False), answer, LATER, 1.0).state == otherwise


def test_the_reason_names_the_flags_that_are_left_out() -> None:
    decision = next_step(WRITE, FlagsHeld((AGENT,), LATER), LATER, 1.0)

    text = "QMS holds the flags as they were decided before the database went back, without QueueName, CTICallRef."
    assert (decision.error_code, decision.error) == ("FlagAlreadyWritten", text)


@pytest.fixture
def post(db: None) -> Post:
    return Post()


def made_again(post: Post) -> tuple[int, str]:
    """Queue a write as a fold after a restore does; return its key and its recording."""
    key = post.queues(AgentId="A1", QueueName="Sales", CTICallRef="338")
    row = FlagWrite.objects.get(pk=key)
    put_legs_in_doubt([row.leg_id], post.time)
    return key, row.recording_guid


def holds(post: Post, guid: str) -> None:
    """Let QMS hold the flags as they were decided before: without the reference."""
    post.qms.site.write_flags("rs1", guid, [AGENT, QUEUE])


@pytest.mark.parametrize("held_after", [0, 60, 110])
def test_nothing_is_sent_to_a_recording_that_carries_what_was_decided_before(post: Post, held_after: int) -> None:
    """However late QMS finished that."""
    key, guid = made_again(post)
    for seconds in (0, 20, 40, 60, 80, 110, 121, 122):
        if seconds == held_after:
            holds(post, guid)
        post.time = post.qms.begin + timedelta(seconds=seconds)
        post.delivers()

    assert post.answers(key) == ("conflict", "FlagAlreadyWritten")
    assert (post.qms.sent, set(post.qms.flags(guid))) == ([], {"AgentId", "QueueName"})


def test_the_reading_just_before_sending_decides(post: Post) -> None:
    key, guid = made_again(post)
    FlagWrite.objects.filter(pk=key).update(state="queued", unclear_since=post.time)
    holds(post, guid)
    post.delivers()

    assert post.answers(key) == ("conflict", "FlagAlreadyWritten")
    assert (post.qms.asked, post.qms.sent) == (["read G1"], [])


def test_what_qms_does_not_hold_at_all_is_sent_whole(post: Post) -> None:
    key, _ = made_again(post)
    for _ in range(3):
        post.delivers(61)

    assert post.answers(key) == ("written", "")
    assert post.qms.sent == [("AgentId", "QueueName", "CTICallRef")]


def test_a_write_is_made_again_for_good_whatever_is_forgotten_or_retried_after_it(post: Post) -> None:
    key, guid = made_again(post)
    post.time += timedelta(seconds=5)
    put_in_doubt(post.time)  # As where Redis forgets everything.
    holds(post, guid)
    post.delivers(1)
    assert post.answers(key)[0] == "conflict"
    retry([key], "ann", post.time)
    for _ in range(3):
        post.delivers(61)

    assert post.answers(key)[0] == "conflict"
    assert post.qms.sent == []


def test_what_was_queued_before_the_backup_is_as_it_was_sent_and_may_be_completed(post: Post) -> None:
    key = post.queues(AgentId="A1", QueueName="Sales", CTICallRef="338")
    put_in_doubt(post.time)
    holds(post, FlagWrite.objects.get(pk=key).recording_guid)
    for _ in range(3):
        post.delivers(61)

    assert post.answers(key) == ("written", "")
    assert post.qms.sent == [("CTICallRef",)]
