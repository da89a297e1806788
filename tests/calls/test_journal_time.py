"""How far time passes while what was received may not be in the journal yet."""

from datetime import UTC, datetime, timedelta

import pytest

from calls.pipeline.journal_time import JournalTime
from cti.events import AnyEvent, from_mapping

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)


def moment(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def received(*seconds: float) -> list[AnyEvent]:
    return [
        from_mapping(
            {
                "specversion": "1.0",
                "id": f"e{at}",
                "source": "pbx",
                "type": "csta.call.CallCleared",
                "time": moment(at).isoformat(),
                "data": {"callId": "C1"},
            }
        )
        for at in seconds
    ]


class Reads:
    """A journal that is read, at seconds after the beginning; ``folded_at``: what the checkpoint says."""

    def __init__(self, folded_at: float | None = None) -> None:
        self.time = JournalTime()
        self.folded_at = None if folded_at is None else moment(folded_at)

    def at(self, seconds: float, *events: float) -> float:
        present = self.time.present(moment(seconds), received(*events), self.folded_at)
        return (present - BEGIN).total_seconds()


def test_time_passes_while_the_journal_answers() -> None:
    reads = Reads(0)

    assert [reads.at(seconds) for seconds in (0.1, 5, 60)] == [0.1, 5, 60]


def test_time_stays_where_the_journal_was_read_last() -> None:
    reads = Reads(0)
    reads.at(10)
    reads.time.hold()

    assert [reads.at(30), reads.at(32.9)] == [10, 10]


def test_events_of_the_spool_take_time_along_each_to_its_own_moment() -> None:
    reads = Reads(0)
    reads.at(10)
    reads.time.hold()

    assert [reads.at(30, 12, 15), reads.at(30.1, 20), reads.at(32)] == [15, 20, 20]


def test_an_event_received_just_now_shows_that_the_spool_is_empty() -> None:
    reads = Reads(0)
    reads.at(10)
    reads.time.hold()

    assert [reads.at(30, 12, 29), reads.at(31)] == [30, 31]
    reads.time.hold()
    assert reads.at(40, 38.9) == 38.9


def test_time_runs_again_when_nothing_has_come_for_a_while() -> None:
    reads = Reads(0)
    reads.at(10)
    reads.time.hold()
    reads.at(30)
    reads.at(32, 12)

    assert [reads.at(34.9), reads.at(35)] == [12, 35]


def test_the_journal_may_go_away_again_while_time_stays() -> None:
    reads = Reads(0)
    reads.at(10)
    reads.time.hold()
    reads.at(30)
    reads.time.hold()

    assert [reads.at(40), reads.at(42.9), reads.at(43)] == [10, 10, 43]


@pytest.mark.parametrize(("folded_at", "present"), [(20, 20), (None, 30), (31, 30)])
def test_a_consumer_that_begins_goes_on_where_the_last_one_folded(folded_at: float | None, present: float) -> None:
    reads = Reads(folded_at)
    reads.time.hold()

    assert reads.at(30) == present


def test_time_does_not_go_back_for_an_event_that_is_older_than_what_was_read() -> None:
    reads = Reads(0)
    reads.at(10)
    reads.time.hold()

    assert reads.at(30, 8) == 10
