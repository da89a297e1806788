"""What an operator's acts on flag writes change and keep: how many, who, how it was before and after; runs in steps."""

from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from structlog.testing import capture_logs

from flags.models import FlagWrite, RetryRun
from flags.outbox import operator_actions, retry_runs
from flags.outbox.operator_actions import acknowledge, acknowledge_oldest, give_up_for, retry_all_of, retry_now
from flags.outbox.retry_runs import continue_retries, retry_all, waiting_for
from tests.flags.qms import Post

pytestmark = pytest.mark.django_db
TICK = timedelta(microseconds=1)
NINE = "2026-03-02 09:00:00 UTC"


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def ann() -> User:
    """Give an operator; somebody else came before."""
    User.objects.create_user("bert")
    return User.objects.create_user("ann")


def _set(key: int, **values: object) -> None:
    FlagWrite.objects.filter(pk=key).update(**values)


def _failed(post: Post, count: int, code: str = "UnknownFlag", **values: object) -> list[int]:
    keys = [post.queues(f"{code}-{number}") for number in range(count)]
    for key in keys:
        _set(key, **{"state": "refused", "error_code": code, "settled_at": post.time, **values})
    return keys


def _history() -> list[tuple[str | None, str]]:
    return list(LogEntry.objects.order_by("object_id").values_list("object_id", "change_message"))


def _states(keys: list[int]) -> list[str]:
    return [FlagWrite.objects.get(pk=key).state for key in keys]


# --- acts ---


def test_a_retry_keeps_of_each_write_how_it_was_and_is(post: Post, ann: User) -> None:
    (failed,), written, sending = _failed(post, 1), post.queues("G2"), post.queues("G3")
    _set(written, state="written", settled_at=post.time)
    _set(sending, state="sending", claim=9, claimed_until=post.time + TICK)

    assert retry_now([failed, written, sending], ann, post.time) == 1
    before, now = "refused by QMS (UnknownFlag), since", "waiting to be sent (UnknownFlag), not before"
    assert _history() == [(str(failed), f"Retry. Before: {before} {NINE}. After: {now} {NINE}.")]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.action_flag) == (ann, CHANGE)
    assert entry.content_type == ContentType.objects.get_for_model(FlagWrite)
    assert entry.object_repr == str(FlagWrite.objects.get(pk=failed))[:200]


def test_giving_up_keeps_the_reason_in_the_history_and_on_the_write(post: Post, ann: User) -> None:
    first, second, other = (post.queues(name) for name in ("G1", "G2", "G3"))

    assert give_up_for("a test", [first, second], ann, post.time) == 2
    assert [text.partition(". ")[0] for _, text in _history()] == ["Give up (a test)"] * 2
    row = FlagWrite.objects.get(pk=first)
    assert (row.state, row.error, row.error_code) == ("given_up", "Given up by ann: a test", "GivenUp")
    assert (row.settled_at, row.claim, row.claimed_until, row.folded) == (post.time, None, None, False)
    assert _states([other]) == ["queued"]


def test_a_long_reason_for_giving_up_is_cut(post: Post, ann: User) -> None:
    give_up_for("r" * 600, [post.queues()], ann, post.time)

    assert FlagWrite.objects.get().error == f"Given up by ann: {'r' * 483}"


@pytest.mark.parametrize("state", ["written", "shadow"])
def test_what_is_written_or_withheld_is_not_retried_whenever_it_would_have_been_due(
    post: Post, ann: User, state: str
) -> None:
    key, later = post.queues(), post.time + TICK
    _set(key, state=state, settled_at=post.time, not_before=later)

    assert retry_now([key], ann, post.time) == 0
    assert FlagWrite.objects.get().not_before == later


@pytest.mark.parametrize(("until", "count"), [(-TICK, 1), (0 * TICK, 0), (TICK, 0)])
def test_what_is_being_sent_is_left_alone_until_its_claim_has_run_out(
    post: Post, ann: User, until: timedelta, count: int
) -> None:
    key = post.queues()
    _set(key, state="sending", claim=9, claimed_until=post.time + until, folded=True)

    assert give_up_for("a test", [key], ann, post.time) == count
    assert len(_history()) == count
    row = FlagWrite.objects.get()
    assert (row.claim, row.claimed_until, row.folded) == (
        (None, None, False) if count else (9, post.time + until, True)
    )
    assert row.error_code == ("Unclear" if count else "")


def test_what_may_have_been_written_is_put_back_to_be_read_and_all_of_its_end_is_forgotten(post: Post) -> None:
    (key,) = _failed(post, 1, "Unclear", attempts=7, folded=True, alert_since=post.time, acknowledged_by="bert")
    _set(key, acknowledged_at=post.time)
    later = post.time + timedelta(days=1)
    retry_now([key], User.objects.create_user("ann"), later)
    row = FlagWrite.objects.get()

    assert (row.state, row.not_before, row.retried_at, row.attempts, row.retries) == ("unclear", later, later, 0, 1)
    assert (row.settled_at, row.folded, row.alert_since) == (None, False, None)
    assert (row.acknowledged_at, row.acknowledged_by) == (None, "")


@pytest.mark.parametrize(("off", "count"), [(-TICK, 0), (0 * TICK, 0), (TICK, 1)])
def test_a_waiting_write_is_tried_now_and_counts_where_it_would_have_waited(
    post: Post, ann: User, off: timedelta, count: int
) -> None:
    key = post.queues()
    _set(key, not_before=post.time + off, attempts=2)

    assert retry_now([key], ann, post.time) == count
    row = FlagWrite.objects.get()
    assert (row.not_before, row.attempts, row.retries) == (min(post.time + off, post.time), 2, 0)


# --- alerts ---


def test_an_alert_is_acknowledged_by_somebody_at_a_moment_and_the_write_stays(post: Post, ann: User) -> None:
    first, second, quiet = _failed(post, 3)
    for key in (first, second):
        _set(key, alert_since=post.time)
    later = post.time + timedelta(seconds=9)

    assert acknowledge([first, quiet], ann, later) == 1
    assert acknowledge([first], ann, later + TICK) == 0
    row = FlagWrite.objects.get(pk=first)
    assert (row.state, row.acknowledged_at, row.acknowledged_by) == ("refused", later, "ann")
    assert FlagWrite.objects.filter(acknowledged_at=None).count() == 2
    state = f"refused by QMS (UnknownFlag), since {NINE}"
    assert _history() == [(str(first), f"Acknowledge the alert. The write stays as it is: {state}.")]


def test_the_oldest_alerts_of_before_a_moment_are_acknowledged_as_many_as_one_press_may(
    post: Post, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = _failed(post, 4)
    for key, off in zip(keys, (TICK, 0 * TICK, -TICK, -TICK), strict=True):
        _set(key, alert_since=post.time + off)
    monkeypatch.setattr(operator_actions, "ACKNOWLEDGED_AT_ONCE", 2)

    assert acknowledge_oldest(post.time, ann, post.time) == 2
    assert (
        list(FlagWrite.objects.filter(acknowledged_by="ann").order_by("pk").values_list("pk", flat=True)) == keys[1:3]
    )
    assert acknowledge_oldest(post.time, ann, post.time) == 1
    assert acknowledge_oldest(post.time, ann, post.time) == 0


# --- runs ---


def _run(run: RetryRun) -> tuple[int, int, datetime | None]:
    run.refresh_from_db()
    return run.writes, run.last_id, run.finished_at


def test_a_run_keeps_what_was_ordered_who_did_and_when_and_stands_in_the_history(post: Post, ann: User) -> None:
    keys = _failed(post, 2)
    others = _failed(post, 1, "ValueTooLong")
    run = retry_all_of("UnknownFlag", post.service.pk, ann, post.time)

    assert (run.by, run.error_code, run.service_id, run.began_at) == ("ann", "UnknownFlag", post.service.pk, post.time)
    assert _run(run) == (2, keys[1], post.time)
    assert _states([*keys, *others]) == ["queued", "queued", "refused"]
    assert _history() == [
        (str(run.pk), "Retry all of the reason UnknownFlag; each had failed, and now waits to be sent.")
    ]
    assert LogEntry.objects.get().object_repr == "retry of UnknownFlag"


def test_a_run_goes_on_in_steps_each_write_once_until_none_is_left(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_runs, "RETRIED_AT_ONCE", 2)
    keys = _failed(post, 4)
    with capture_logs() as logs:
        run = retry_all("ann", post.time, error_code="UnknownFlag")
        assert _run(run) == (2, keys[1], None)
        assert [one["event"] for one in logs].count("flag_writes_retried") == 0

        _set(keys[0], state="refused", error_code="UnknownFlag")
        continue_retries(lambda: post.time + timedelta(seconds=1))
    assert _run(run) == (4, keys[3], post.time + timedelta(seconds=1))
    assert _states(keys) == ["refused", "queued", "queued", "queued"], "what fails again waits for another order"
    assert [one for one in logs if one["event"] == "flag_writes_retried"] == [
        {"event": "flag_writes_retried", "log_level": "info", "run": run.pk, "by": "ann", "writes": 4}
    ]


def test_runs_go_on_in_their_order_while_there_is_time(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_runs, "RETRIED_AT_ONCE", 1)
    _failed(post, 3, "UnknownFlag")
    _failed(post, 3, "ValueTooLong")
    first, second = (retry_all("ann", post.time, error_code=code) for code in ("UnknownFlag", "ValueTooLong"))
    times = iter(range(100))

    continue_retries(lambda: post.time, seconds=0)
    assert (_run(first)[0], _run(second)[0]) == (1, 1)
    continue_retries(lambda: post.time + timedelta(seconds=next(times)), seconds=3)
    assert (_run(first)[0], _run(second)[0]) == (2, 1), "each look at the clock takes a second here"
    continue_retries(lambda: post.time)
    assert (_run(first)[0], _run(second)[0]) == (3, 3)
    assert RetryRun.objects.filter(finished_at=None).count() == 0


def test_a_run_that_another_process_has_finished_since_it_was_listed_is_left(post: Post) -> None:
    run = retry_all("ann", post.time)
    RetryRun.objects.update(finished_at=None)
    reads = iter(range(100))

    def reads_the_clock_as_the_other_ends() -> datetime:
        if next(reads) == 1:  # The first is before the runs are listed.
            RetryRun.objects.update(finished_at=post.time, writes=7)
        return post.time + TICK

    continue_retries(reads_the_clock_as_the_other_ends)
    assert (_run(run)[0], _run(run)[2]) == (7, post.time)


@pytest.mark.parametrize(
    ("code", "of", "found"),
    [("", 0, [0, 1, 2]), ("A", 0, [0, 2]), ("", 1, [0, 1]), ("A", 1, [0]), ("B", 2, [])],
)
def test_a_run_puts_back_what_failed_of_a_reason_a_service_or_both(
    post: Post, code: str, of: int, found: list[int]
) -> None:
    other = Post("rs2")
    keys = [*_failed(post, 1, "A"), *_failed(post, 1, "B"), *_failed(other, 1, "A")]
    service = {0: None, 1: post.service.pk, 2: other.service.pk}[of]

    assert list(waiting_for(code, service).values_list("pk", flat=True)) == [keys[one] for one in found]


@pytest.mark.parametrize("state", ["queued", "sending", "unclear", "written", "shadow"])
def test_a_run_leaves_what_did_not_fail(post: Post, state: str) -> None:
    _failed(post, 1, state=state)

    assert list(waiting_for("", None)) == []
