"""Shadow mode: nothing is written whatever happens, and what another gateway wrote is read back and compared."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import Sum

from flags.delivery.senders import _carry_out_claim
from flags.models import FlagSetting, FlagWrite, ShadowComparison, ShadowCount, ShadowDifference
from flags.outbox.claims import claim_due
from flags.outbox.doubt import put_in_doubt
from flags.outbox.queue import retry
from flags.outbox.retry_runs import retry_all
from flags.outbox.state_machine import WriteWithheld
from flags.outbox.written_flags import erase_values, written_flags
from flags.shadow.readings import KEPT, compare_due, forget_old
from flags.shadow.summary import examples_of, summary_of
from qms.models import RecordingService
from qms.port import Flag, FlagDefinition, QmsUnavailable, QmsUnclear, RecordingNotFound
from tests.flags.qms import Line, Post, Recorder

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.storage]
LOST = QmsUnclear("No answer came.")
HOUR = 3600.0


@pytest.fixture
def post() -> Post:
    post = Post(shadow=True)
    post.qms.site.create_flag_definition("rs1", FlagDefinition("CallerName", 40))
    FlagSetting.objects.update_or_create(name="CallerName", defaults={"field": "caller_name", "enabled": True})
    FlagSetting.objects.update_or_create(name="AgentId", defaults={"field": "agent_id", "enabled": True})
    return post


def _other_writes(post: Post, guid: str, **flags: str) -> None:
    """Let another gateway write, past everything that counts what this one asks for."""
    post.qms.site.write_flags("rs1", guid, [Flag(*one) for one in flags.items()])


def _guid(key: int) -> str:
    return FlagWrite.objects.get(pk=key).recording_guid


def _compares(post: Post, after: float) -> None:
    post.time += timedelta(seconds=after)
    compare_due(lambda: post.time, post.lines, post.time + timedelta(seconds=60))


def _switch(post: Post, *, shadow: bool) -> None:
    service = RecordingService.objects.get(pk=post.service.pk)
    service.shadow = shadow
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clock.now", lambda: post.time)
        service.save()


def test_in_shadow_mode_a_write_ends_without_a_word_to_qms(post: Post) -> None:
    key = post.queues()
    done = post.delivers()

    assert post.answers(key) == ("shadow", "Shadow")
    assert post.qms.asked == []
    assert (done.sent, done.settled, done.source_ids) == (0, 1, {7})
    assert written_flags([1]) == []


def test_it_ends_also_while_the_service_cannot_be_reached_and_the_breaker_is_open(post: Post) -> None:
    keys = [post.queues(f"G{number}") for number in range(3)]

    def away(_: RecordingService) -> "object":
        raise QmsUnavailable("away")

    post.lines = away  # type: ignore[assignment]
    post.delivers()
    assert [post.answers(key)[0] for key in keys] == ["shadow"] * 3


def _claim_that_died(post: Post, key: int) -> None:
    FlagWrite.objects.filter(pk=key).update(state="sending", claim=1, claimed_until=post.time - timedelta(seconds=1))


def _doubt(post: Post, _: int) -> None:
    put_in_doubt(post.time)


def _refused_before_and_retried(post: Post, key: int) -> None:
    FlagWrite.objects.filter(pk=key).update(state="refused", error_code="UnknownFlag", settled_at=post.time)
    retry([key], "anna", post.time)


def _unclear_given_up_and_all_retried(post: Post, key: int) -> None:
    FlagWrite.objects.filter(pk=key).update(state="given_up", error_code="Unclear", settled_at=post.time)
    retry_all("anna", post.time, error_code="Unclear")


def _queued_for_long(post: Post, _: int) -> None:
    post.time += timedelta(days=8)


PATHS: list[Callable[[Post, int], None]] = [
    _claim_that_died,
    _doubt,
    _refused_before_and_retried,
    _unclear_given_up_and_all_retried,
    _queued_for_long,
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_no_path_leads_to_a_write_in_shadow_mode_nor_after_it(post: Post, path: Callable[[Post, int], None]) -> None:
    key = post.queues()
    path(post, key)
    post.delivers(1)
    assert post.answers(key) == ("shadow", "Shadow")

    _switch(post, shadow=False)
    assert retry([key], "anna", post.time) == 0
    retry_all("anna", post.time, error_code="Shadow")
    post.delivers(HOUR)
    assert post.answers(key) == ("shadow", "Shadow")
    assert post.qms.asked == []


def test_the_sender_itself_refuses_what_was_claimed_in_shadow_mode(post: Post) -> None:
    post.queues()
    [claimed] = claim_due(post.service.pk, 1, post.time, lease=timedelta(60), patience=timedelta(7), limit=9)
    assert claimed.is_shadow
    _switch(post, shadow=False)  # Between the claim and the sending.
    port = post.lines(post.service)
    assert isinstance(_carry_out_claim(port, claimed, lambda: post.time), WriteWithheld)
    assert post.qms.asked == []


def test_what_was_queued_before_shadow_mode_and_not_sent_is_withheld_too(post: Post) -> None:
    _switch(post, shadow=False)
    key = post.queues()
    _switch(post, shadow=True)
    post.delivers(1)
    assert post.answers(key) == ("shadow", "Shadow")


def test_legs_of_the_time_before_the_switch_are_never_written_and_later_ones_are(post: Post) -> None:
    open_since = post.time
    queued = post.queues("queued")
    post.time += timedelta(seconds=30)
    _switch(post, shadow=False)
    closed_after = post.queues("closed after", connected_at=open_since)
    new = post.queues("new", connected_at=post.time + timedelta(seconds=1))
    post.delivers(5)

    assert [post.answers(key)[0] for key in (queued, closed_after, new)] == ["shadow", "shadow", "written"]
    assert post.qms.asked == ["write new"]


def test_what_failed_before_shadow_mode_is_not_sent_after_it_though_it_is_retried(post: Post) -> None:
    """Before: only what was queued, or claimed, in shadow mode was withheld; the other gateway may have written it."""
    _switch(post, shadow=False)
    key = post.queues()
    FlagWrite.objects.filter(pk=key).update(state="refused", error_code="UnknownFlag", settled_at=post.time)
    for shadow in (True, False):
        post.time += timedelta(days=20)
        _switch(post, shadow=shadow)
    assert retry([key], "anna", post.time) == 1
    [claimed] = claim_due(post.service.pk, 1, post.time, lease=timedelta(60), patience=timedelta(7), limit=9)
    assert claimed.is_shadow
    post.delivers(61 * 24 * HOUR)
    assert (post.answers(key)[0], post.qms.asked) == ("shadow", [])


def test_a_planted_defect_of_another_gateway_is_found_exactly(post: Post) -> None:
    keys = [post.queues(f"G{number}", AgentId="A1", CallerName=f"Firm {number}") for number in range(60)]
    for number, key in enumerate(keys):
        name = {0: {"CallerName": f"FIRM {number}"}, 1: {}, 2: {"CallerName": "Other"}}.get(number % 10)
        _other_writes(post, _guid(key), AgentId="A1", **({"CallerName": f"Firm {number}"} if name is None else name))
    post.delivers()
    _compares(post, 3 * HOUR)

    found = {(one.comparison_id, one.name, one.reason) for one in ShadowDifference.objects.all()}
    reasons = ("other_case", "missing_there", "other_value")
    planted = {(keys[n], "CallerName", reasons[n % 10]) for n in range(60) if n % 10 in (0, 1, 2)}
    assert found == planted
    summary = summary_of(post.service, post.time)
    assert summary.sentence == (
        "Of 60 recordings since 2026-03-02, 70.0 % would carry the same flags if this gateway wrote them."
    )
    assert {one.name: (one.same, one.compared) for one in summary.flags} == {
        "AgentId": (60, 60),
        "CallerName": (42, 60),
    }
    assert len(examples_of(post.service, "CallerName", "missing_there")) == 6


def test_a_gateway_that_writes_late_or_by_halves_is_waited_for(post: Post) -> None:
    key = post.queues(AgentId="A1", CallerName="Firm")
    post.delivers()
    _compares(post, 179)
    assert post.qms.asked == []  # The wrap-up may still come.
    _compares(post, 2)
    _other_writes(post, _guid(key), AgentId="A1")
    _compares(post, 61)
    assert ShadowComparison.objects.get().result == "waiting"
    _other_writes(post, _guid(key), CallerName="Firm")
    _compares(post, 121)
    assert (ShadowComparison.objects.get().result, ShadowComparison.objects.get().next_look_at) == ("same", None)


def test_what_waits_because_flags_are_missing_there_is_said_beside_the_share_until_it_is_decided(post: Post) -> None:
    for number in range(4):
        key = post.queues(f"G{number}", AgentId="A1", CallerName="Firm")
        _other_writes(post, _guid(key), AgentId="A1", **({"CallerName": "Firm"} if number else {}))
    nothing = post.queues("G9", CallerName="Firm")
    post.delivers()
    _compares(post, 181)

    summary = summary_of(post.service, post.time)
    assert summary.sentence == (
        "Of 3 recordings since 2026-03-02, 100.0 % would carry the same flags if this gateway wrote them."
        " 2 more wait to be compared and are in no share;"
        " on 2 of them flags are missing there so far (CallerName on 2)."
    )
    assert {one.name: (one.same, one.compared, one.missing) for one in summary.flags} == {
        "AgentId": (3, 3, 0),
        "CallerName": (3, 3, 2),
    }
    assert examples_of(post.service) == [], "it is no difference yet"

    _other_writes(post, _guid(nothing), CallerName="Firm")
    _compares(post, 61)
    assert (
        "on 1 of them flags are missing there so far (CallerName on 1)." in summary_of(post.service, post.time).sentence
    )
    _compares(post, 3 * HOUR)
    summary = summary_of(post.service, post.time)
    assert summary.sentence.endswith("80.0 % would carry the same flags if this gateway wrote them.")
    assert [(one.name, one.ours) for one in examples_of(post.service)] == [("CallerName", "Firm")]


def test_a_recording_that_nobody_flags_is_decided_after_two_hours_and_read_no_more(post: Post) -> None:
    post.queues()
    post.delivers()
    for _ in range(200):
        _compares(post, 60)
    assert ShadowComparison.objects.get().result == "nothing"
    assert 5 <= len(post.qms.asked) <= 9


def test_the_wrap_up_is_compared_with_the_rest(post: Post) -> None:
    key = post.queues(AgentId="A1")
    post.queues(part="wrapup", guid=_guid(key), CTIWrapup="Done")
    post.delivers()
    assert set(FlagWrite.objects.values_list("state", flat=True)) == {"shadow"}
    _other_writes(post, _guid(key), AgentId="A1", CTIWrapup="Done")
    _compares(post, HOUR)
    assert ShadowComparison.objects.get().result == "same"


def test_a_service_that_is_away_decides_nothing_until_it_answers(post: Post) -> None:
    key = post.queues()
    _other_writes(post, _guid(key), AgentId="A1")
    post.delivers()
    post.qms.meets("read", QmsUnavailable("away"), LOST)
    _compares(post, HOUR)
    _compares(post, 61)
    assert ShadowComparison.objects.get().result == "waiting"
    _compares(post, 61)
    assert ShadowComparison.objects.get().result == "same"


def test_one_that_is_away_for_a_day_or_has_lost_the_recording_counts_apart(post: Post) -> None:
    post.queues("G1")
    post.delivers()
    post.qms.meets("read", QmsUnavailable("away"))
    _compares(post, 25 * HOUR)
    post.queues("G2")
    post.delivers()
    post.qms.meets("read", RecordingNotFound("gone"))
    _compares(post, HOUR)
    summary = summary_of(post.service, post.time)
    assert sorted(ShadowComparison.objects.values_list("result", flat=True)) == ["gone", "unread"]
    assert (summary.unread, summary.whole.compared, summary.sentence) == (2, 0, "No recording has been compared yet.")


@pytest.mark.parametrize("minutes", [0, 11], ids=["while the first holds its claim", "after that claim has ended"])
def test_a_result_is_counted_once_though_two_workers_look(post: Post, minutes: int) -> None:
    key = post.queues()
    _other_writes(post, _guid(key), AgentId="A1")
    post.delivers()
    post.time += timedelta(hours=1)
    line = post.lines(post.service)

    def connects_late(_: RecordingService) -> Line:
        """Let a second worker run while the first one is about to ask."""
        post.time += timedelta(minutes=minutes)
        compare_due(lambda: post.time, lambda _: line, post.time + timedelta(seconds=60))
        return line

    compare_due(lambda: post.time, connects_late, post.time + timedelta(minutes=30))
    assert ShadowCount.objects.filter(name="").aggregate(all=Sum("recordings"))["all"] == 1
    assert len(post.qms.asked) == (2 if minutes else 1)


class CrowdedLine(Line):
    """A way to the QMS on which answers come only when ``crowd`` questions are under way, or no more can come."""

    def __init__(self, recorder: Recorder, crowd: int) -> None:
        super().__init__(recorder)
        self.crowd = threading.Barrier(crowd)
        self.under_way = self.most = 0
        self._counting = threading.Lock()

    def flags(self, guid: str) -> list[Flag]:
        """Answer together with the others."""
        with self._counting:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        self.crowd.wait(timeout=20)
        with self._counting:
            self.under_way -= 1
        return super().flags(guid)


def test_as_many_are_read_at_once_as_the_service_takes_in_flight_and_no_more(post: Post) -> None:
    RecordingService.objects.update(max_in_flight=3)
    keys = [post.queues(f"G{number}") for number in range(15)]  # More than one batch.
    for key in keys:
        _other_writes(post, _guid(key), AgentId="A1")
    post.delivers()
    post.time += timedelta(hours=1)
    line = CrowdedLine(post.qms, crowd=3)

    assert compare_due(lambda: post.time, lambda _: line, post.time + timedelta(seconds=60)) == 15
    assert line.most == 3
    assert list(ShadowComparison.objects.values_list("result", flat=True)) == ["same"] * 15


def test_what_is_not_read_when_the_time_is_over_is_read_by_the_next_run(post: Post) -> None:
    RecordingService.objects.update(max_in_flight=1)
    for number in range(4):
        _other_writes(post, _guid(post.queues(f"G{number}")), AgentId="A1")
    post.delivers()
    post.time += timedelta(hours=1)
    until = post.time + timedelta(seconds=10)
    line = post.lines(post.service)
    whole_flags = line.flags

    def slow_flags(guid: str) -> list[Flag]:
        post.time += timedelta(seconds=6)
        return whole_flags(guid)

    line.flags = slow_flags  # type: ignore[method-assign]
    assert compare_due(lambda: post.time, lambda _: line, until) == 2
    assert compare_due(lambda: post.time, lambda _: line, post.time + timedelta(seconds=60)) == 2
    assert set(ShadowComparison.objects.values_list("result", flat=True)) == {"same"}


def test_after_a_failure_nothing_more_is_asked_and_all_that_is_due_waits(post: Post) -> None:
    RecordingService.objects.update(max_in_flight=1)
    for number in range(9):  # More than one batch.
        post.queues(f"G{number}")
    post.delivers()
    post.qms.meets("read", QmsUnavailable("away"))
    _compares(post, HOUR)
    assert len(post.qms.asked) == 1
    assert not ShadowComparison.objects.filter(next_look_at__lt=post.time + timedelta(seconds=60)).exists()


def test_a_defect_of_the_reading_is_a_failure_and_not_a_result(post: Post) -> None:
    post.queues()
    post.delivers()
    post.qms.meets("read", RuntimeError("odd"))
    _compares(post, HOUR)
    assert ShadowComparison.objects.get().result == "waiting"


def test_erasing_a_caller_takes_the_examples_and_old_ones_are_forgotten(post: Post) -> None:
    erased, old = post.queues("G1", CallerName="Firm"), post.queues("G2", CallerName="Firm")
    for key in (erased, old):
        _other_writes(post, _guid(key), CallerName="Other")
    post.delivers()
    _compares(post, HOUR)
    assert ShadowDifference.objects.count() == 2
    erase_values([FlagWrite.objects.get(pk=erased).leg_id])
    assert list(ShadowDifference.objects.values_list("comparison_id", flat=True)) == [old]
    forget_old(post.time + KEPT)
    assert not ShadowComparison.objects.exists()
    assert ShadowCount.objects.exists()
