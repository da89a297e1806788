"""How old an event may be: the answers of a PBX come in order, so that one that is overdue shows a link that stalls."""

from datetime import UTC, datetime, timedelta

import pytest

from cti.events import CallData, Established, decode, encode
from cti.sources.event_age import EventAge
from cti.sources.port import Stamp

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
#: How long the PBX takes to answer.
FAST = 0.1
DATA = CallData(call_id="1", device_id="2001")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def asked_until(end: float, *, age: EventAge | None = None, start: float = 0, delay: float = FAST) -> EventAge:
    """Ask whenever it is due, and have each answer come in time."""
    age, now = age or EventAge(5, at(start)), start
    while (wait := age.wait(at(now))) is not None and now + wait < end:
        now += wait
        age.asked(at(now))
        age.answered(at(now), at(now + delay))
        now += delay
    return age


def since(age: EventAge, received: float) -> float | None:
    held = age.held_since(at(received))
    return None if held is None else (held - NOON).total_seconds()


def test_on_a_healthy_link_no_event_is_old() -> None:
    age = asked_until(61)
    assert [since(age, received) for received in (61, 64.9, 66.0)] == [None, None, None]


def test_an_event_before_an_overdue_answer_may_be_as_old_as_the_request_before() -> None:
    age = asked_until(19)  # Answered: 15. Of the request of 20 no answer has come.
    age.asked(at(20))
    assert since(age, 21.0) is None
    assert since(age, 21.2) == 15


def test_what_follows_an_overdue_answer_is_as_old_as_its_request() -> None:
    age = asked_until(19)
    for sent in (20, 25, 30, 35):
        age.asked(at(sent))
    assert since(age, 38) == 15
    age.answered(at(20), at(38))
    assert since(age, 38) == 20
    age.answered(at(25), at(38))
    age.answered(at(30), at(38))
    assert since(age, 38) == 30
    age.answered(at(35), at(38))
    assert since(age, 38) == 35


@pytest.mark.parametrize(("took", "age_of_next"), [(0.1, None), (1.1, None), (1.2, 20.0), (4.0, 20.0)])
def test_what_follows_an_answer_that_was_late_may_be_as_late_until_one_comes_in_time(
    took: float, age_of_next: float | None
) -> None:
    """The link is slow: a transfer that it brings right after the answer may have taken place before that."""
    age = asked_until(19)
    age.asked(at(20))
    age.answered(at(20), at(20 + took))
    assert [since(age, 20 + took), since(age, 24.9)] == [age_of_next, age_of_next]
    age.asked(at(25))
    age.answered(at(25), at(25.1))
    assert since(age, 25.1) is None


def test_an_answer_that_is_read_after_a_later_one_makes_no_event_older() -> None:
    age = asked_until(19)
    for sent in (20, 25):
        age.asked(at(sent))
    age.answered(at(25), at(25.1))
    age.answered(at(20), at(25.2))
    assert since(age, 25.3) == 25


@pytest.mark.parametrize(("number", "age_of_next"), [(19, 100), (20, None)])
def test_how_fast_a_pbx_answers_is_shown_by_its_last_twenty_answers(number: int, age_of_next: float | None) -> None:
    age = asked_until(5.05)  # One came at once; from then on each takes three seconds.
    for sent in range(10, 10 + 5 * number, 5):
        age.asked(at(sent))
        age.answered(at(sent), at(sent + 3))
    assert since(age, 8 + 5 * number) == age_of_next


def test_the_first_answer_is_needed_before_anything_is_known() -> None:
    age = EventAge(5, NOON)
    age.asked(at(5))
    assert since(age, 30) is None


def test_a_pbx_that_never_answers_is_asked_ever_more_rarely_and_its_events_count_as_before() -> None:
    age, now, waits = EventAge(5, NOON), 0.0, []
    for _ in range(9):
        wait = age.wait(at(now))
        assert wait is not None
        waits.append(wait)
        now += wait
        age.asked(at(now))
        assert since(age, now) is None
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_pbx_that_no_longer_answers_while_its_events_come_counts_so_after_a_while() -> None:
    age = asked_until(19)
    age.asked(at(20))
    assert [since(age, received) for received in (24, 38, 39)] == [15, 15, 15]
    assert [since(age, received) for received in (39.5, 40, 60)] == [None, None, None]


def test_a_pbx_that_refuses_is_asked_rarely_and_its_events_count_as_before() -> None:
    age = asked_until(19)
    age.asked(at(20))
    age.refused()
    assert age.wait(at(20)) == 300
    assert since(age, 290) is None


def test_a_pbx_that_always_answers_slowly_is_not_taken_for_a_link_that_stalls() -> None:
    age = asked_until(100, delay=8)
    assert since(age, 100) is None


def test_a_pbx_of_whose_calls_nothing_comes_is_asked_no_longer() -> None:
    age = asked_until(599)
    assert age.wait(at(601)) == 5
    assert since(age, 5000) is None  # Nobody asked: nothing is known of this event.
    assert age.wait(at(5000)) == 0
    age = asked_until(5019, age=age, start=5000)
    assert since(age, 5025) == 5015


def test_a_source_that_is_not_to_be_asked_is_not() -> None:
    assert EventAge(0, NOON).wait(at(100)) is None


@pytest.mark.parametrize("held", [None, at(-9)])
def test_the_journal_keeps_since_when_an_event_may_have_been_held_back(held: datetime | None) -> None:
    event = Stamp("pbx", "1").call(Established, DATA, received=NOON, held_since=held)
    assert (b"heldsince" in encode(event)) is (held is not None)
    assert decode(encode(event)) == event


def test_entries_of_an_older_release_are_read_and_an_older_release_reads_ours() -> None:
    """Both releases pass over members that they do not know."""
    held = Stamp("pbx", "1").call(Established, DATA, received=NOON, held_since=at(-9))
    older = Stamp("pbx", "1").call(Established, DATA, received=NOON)
    assert decode(encode(older)).heldsince is None
    assert decode(encode(held).replace(b"heldsince", b"notknown")) == older
