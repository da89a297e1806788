"""QMS's answers, kept for a restored database: which are kept, and that they are found again as they were."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from calls.core.commands import StartSearch
from calls.models import RecordingSearch, SearchState
from calls.pipeline.folding_again import answer_to
from calls.search import kept_answers as kept_module
from calls.search.kept_answers import FormerAnswer, keep, recall, take_over
from cti.api import JournalUnavailable, KeptAnswer, kept_answers
from cti.models import CtiSource
from tests.calls.search_desk import Desk

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FOUND: dict[str, Any] = {
    "state": SearchState.FOUND,
    "recording_guid": "G",
    "recording_started_at": NOW,
    "first_asked_at": NOW + timedelta(milliseconds=500),
    "asked_at": NOW + timedelta(seconds=1),
    "answered_at": NOW + timedelta(seconds=2),
    "attempts": 3,
    "why": "same",
}
MISSED: dict[str, Any] = {"state": SearchState.MISSED, "answered_at": NOW, "attempts": 2, "why": "same"}


@pytest.fixture
def desk(redis: Any, db: None) -> Desk:
    """Give services, a QMS and a source."""
    return Desk()


def search(desk: Desk, **members: Any) -> RecordingSearch:
    return desk.search(1, connected_at=NOW, ordinal=2, **members)


def asked(leg: int = 1, number: int = 2, extension: str = "2001", since: datetime = NOW) -> StartSearch:
    return StartSearch(
        leg=leg,
        search=number,
        services=(1,),
        extension=extension,
        connected_source_at=since,
        since_gateway_at=since,
        known_guid="",
        is_canary=False,
    )


def test_an_answer_is_found_again_as_it_was(desk: Desk) -> None:
    row = search(desk, **FOUND)
    keep([row])
    again = RecordingSearch()
    take_over(again, recall("pbx", [asked()])[1, 2])

    names = ("service_id", *FOUND)
    assert {name: getattr(again, name) for name in names} == {name: getattr(row, name) for name in names}


def test_that_qms_named_none_is_found_again(desk: Desk) -> None:
    keep([search(desk, first_asked_at=NOW, **MISSED)])
    again = RecordingSearch()
    take_over(again, recall("pbx", [asked()])[1, 2])

    assert (again.state, again.recording_guid, again.attempts, again.why) == (SearchState.MISSED, "", 2, "same")
    assert again.first_asked_at == NOW


def test_of_an_answer_of_an_earlier_version_the_last_question_counts_as_the_first(desk: Desk) -> None:
    """Else QMS would seem never to have been asked late, and a reference of before a transfer could be written."""
    keep([search(desk, **{**FOUND, "first_asked_at": None})])
    again = RecordingSearch()
    take_over(again, recall("pbx", [asked()])[1, 2])

    assert again.first_asked_at == FOUND["asked_at"]


def test_a_search_after_a_transfer_keeps_its_own_times_where_it_takes_the_recording_of_the_one_before() -> None:
    first = FormerAnswer(1, "G", NOW, NOW, NOW, 1, "", NOW)
    own = FormerAnswer(1, "", NOW + timedelta(seconds=3), NOW + timedelta(seconds=4), None, 2, "same", NOW + SECOND)
    row = RecordingSearch(leg_id=1, ordinal=2)

    answer = answer_to(row, {(1, 1): first, (1, 2): own})
    assert (answer.recording_guid, answer.recording_started_at, answer.why) == ("G", NOW, "")
    assert (answer.first_asked_at, answer.asked_at, answer.answered_at, answer.attempts) == (
        own.first_asked_at,
        own.asked_at,
        own.answered_at,
        2,
    )


@pytest.mark.parametrize(
    ("members", "is_kept"),
    [
        (FOUND, True),
        (MISSED, True),
        ({**MISSED, "attempts": 1}, True),
        ({**MISSED, "attempts": 0}, False),  # It was never asked.
        ({**MISSED, "error": "QmsUnavailable: away"}, False),  # QMS was away.
        ({"state": SearchState.OPEN, "attempts": 2}, False),
        ({"state": SearchState.CANCELLED, "attempts": 2}, False),
    ],
)
def test_what_qms_answered_is_kept_and_nothing_else(desk: Desk, members: dict[str, Any], is_kept: bool) -> None:
    keep([search(desk, **members)])

    assert ((1, 2) in recall("pbx", [asked()])) is is_kept


@pytest.mark.parametrize(
    "other",
    [
        {"extension": "2002"},
        {"number": 3},
        {"since": NOW + timedelta(microseconds=1)},
    ],
)
def test_the_answer_to_another_question_is_none(desk: Desk, other: dict[str, Any]) -> None:
    keep([search(desk, **FOUND)])

    assert recall("pbx", [asked(**other)]) == {}


def test_answers_are_kept_by_source(desk: Desk) -> None:
    keep([search(desk, **FOUND)])

    assert recall("other", [asked()]) == {}


def test_a_recording_counts_more_than_that_none_was_named(desk: Desk) -> None:
    keep([search(desk, **FOUND)])
    missed = RecordingSearch(
        source=desk.source, service=desk.a, extension="2001", connected_at=NOW, ordinal=2, **MISSED
    )
    keep([missed])

    assert recall("pbx", [asked()])[1, 2].recording_guid == "G"


def test_several_answers_are_found_by_their_legs(desk: Desk) -> None:
    rows = [search(desk, **FOUND), desk.search(2, connected_at=NOW, ordinal=1, **{**FOUND, "recording_guid": "H"})]
    keep(rows)

    found = recall("pbx", [asked(), asked(leg=2, number=1, extension="2002"), asked(leg=3, extension="2003")])
    assert {leg: one.recording_guid for (leg, _), one in found.items()} == {1: "G", 2: "H"}
    assert all(isinstance(one, FormerAnswer) for one in found.values())


def test_answers_are_kept_under_the_names_that_were_given_before(desk: Desk) -> None:
    """A journal that an earlier version wrote is folded again, too."""
    keep([search(desk, **FOUND)])
    keep([desk.search(2, connected_at=NOW, ordinal=1, **MISSED)])
    names = [f"{NOW.timestamp():.6f} 2 2001", f"{NOW.timestamp():.6f} 1 2002 missed"]

    assert list(kept_answers("pbx", [KeptAnswer(name, NOW) for name in names])) == names


def test_answers_are_kept_as_long_as_the_journal(desk: Desk, redis: Any, settings: Any) -> None:
    settings.JOURNAL_KEEP_HOURS = 48
    keep([search(desk, **FOUND)])

    assert [redis.ttl(key) // 3600 for key in redis.keys("*") if key.startswith(b"answers:")] in ([49], [48])


def test_the_seconds_of_the_journal_are_those_of_its_hours(
    desk: Desk, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.JOURNAL_KEEP_HOURS, kept = 48, list[int]()
    monkeypatch.setattr(kept_module, "keep_answers", lambda *words: kept.append(words[2]))
    keep([search(desk, **FOUND)])

    assert kept == [172_800]


def test_without_redis_an_answer_is_in_the_database_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise JournalUnavailable("away", retryable=True)

    row = search(desk, **FOUND)
    monkeypatch.setattr(kept_module, "keep_answers", away)
    keep([row])

    assert recall("pbx", [asked()]) == {}


def test_answers_of_several_sources_are_kept_apart(desk: Desk) -> None:
    other = CtiSource.objects.create(slug="other", kind="http")
    keep([search(desk, **FOUND), desk.search(2, connected_at=NOW, ordinal=2, source=other, **MISSED)])

    questions = [asked(), asked(leg=2, extension="2002")]
    assert set(recall("pbx", questions)) == {(1, 2)}
    assert set(recall("other", questions)) == {(2, 2)}


def test_the_slug_of_a_source_is_read_once_a_minute(desk: Desk, django_assert_num_queries: Any) -> None:
    keep([search(desk, **FOUND)])

    row = RecordingSearch.objects.get()
    with django_assert_num_queries(0):
        keep([row])

    kept_module._slugs._read_at -= kept_module.SLUG_SECONDS
    with django_assert_num_queries(1):
        keep([row])
