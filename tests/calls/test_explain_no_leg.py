"""What it means that no leg is known: each cause, the likeliest first."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from agents.core.matching import MatchKind, MatchVerdict
from calls.explain.texts.leg_outcome import Explanation, GapCase, Mood
from calls.explain.texts.no_leg import Near, NothingCase, SourceCase, SourceCoverage, explain_nothing

pytestmark = pytest.mark.core

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = NINE + timedelta(hours=1)
GAP = GapCase("pbx", NINE - timedelta(minutes=5), NINE + timedelta(minutes=1), "The link was lost.")


def heard(**members: Any) -> SourceCase:
    matched = MatchVerdict(kind=MatchKind.MATCHED, reason="Extension 2001 is Alice's.")
    usual: dict[str, Any] = {"slug": "pbx", "hearing": SourceCoverage.HEARD, "verdict": matched}
    return SourceCase(**{**usual, **members})


def asked(*sources: SourceCase, **members: Any) -> Explanation:
    usual: dict[str, Any] = {
        "text": "2001",
        "at": NINE,
        "now": NOW,
        "keeps_days": 400,
        "oldest_at": NINE - timedelta(days=90),
        "sources": sources or (heard(),),
    }
    return explain_nothing(NothingCase(**{**usual, **members}), UTC)


def test_an_unknown_guid_says_why_the_gateway_may_not_know_it_and_what_to_ask_instead() -> None:
    found = asked(text="G1", at=None, sources=())

    assert found.heading == "No leg has this GUID or reference"
    assert "No leg has G1 as its recording's GUID, its call reference or its interaction." in found.said
    assert "legs are kept for 400 days; the oldest known is of 2025-12-02 09:00:00" in found.said
    assert "the extension and the time" in found.todo
    assert found.mood is Mood.BROKEN


def test_an_extension_without_a_time_is_answered_with_its_newest_calls() -> None:
    found = asked(at=None, newest=(Near(5, NINE, NOW), Near(4, NINE, None)))

    assert found.heading == "Which call of the extension?"
    assert [one.key for one in found.links] == [5, 4]
    assert found.links[0].text == "Connected 2026-03-02 09:00:00 UTC, disconnected 10:00:00"
    assert found.mood is Mood.WAITING


def test_a_time_to_come_is_reported_to_be_a_slip() -> None:
    found = asked(at=NOW + timedelta(minutes=3))

    assert found.heading == "This time is still to come"
    assert "UTC" in found.todo
    assert asked(at=NOW + timedelta(minutes=1)).heading != found.heading


def test_a_time_before_retention_says_that_legs_are_deleted() -> None:
    found = asked(at=NOW - timedelta(days=400, minutes=1))

    assert found.heading == "Too old: the legs of that time are deleted"
    assert "kept for 400 days (RETENTION_DAYS)" in found.said


def test_without_any_source_nothing_can_be_heard() -> None:
    found = explain_nothing(NothingCase(text="2001", at=NINE, now=NOW, keeps_days=400), UTC)

    assert found.heading == "Nothing is connected to the gateway"


def test_a_gateway_that_never_saw_a_call_is_to_be_tested() -> None:
    assert "Test the installation" in asked(oldest_at=None).todo


def test_a_gap_at_that_time_is_the_cause() -> None:
    found = asked(heard(gaps=(GAP,)))

    assert found.heading == "The link was down then"
    assert (
        "the link of pbx was lost from 2026-03-02 08:55:00 UTC to 2026-03-02 09:01:00 UTC (The link was lost)."
        in found.said
    )
    assert "cannot be flagged any more" in found.said
    assert "Nothing for this call." in found.todo


def test_a_source_that_was_switched_off_then_is_no_lost_link() -> None:
    found = asked(heard(gaps=(msgspec.structs.replace(GAP, is_off=True),)))

    assert found.heading == "The CTI source was switched off then"
    assert "pbx was switched off from 2026-03-02 08:55:00 UTC to 2026-03-02 09:01:00 UTC." in found.said
    assert found.todo.endswith("Leave pbx switched on.")
    assert "link" not in found.said + found.todo


def test_every_gap_of_that_time_is_reported() -> None:
    other = GapCase("pbx2", NINE, None, "Refused.")
    found = asked(heard(gaps=(GAP,)), heard(slug="pbx2", gaps=(other,)))

    assert "the link of pbx2 was lost from 2026-03-02 09:00:00 UTC until now (Refused)." in found.said


@pytest.mark.parametrize(
    ("source", "said", "todo"),
    [
        (
            {"hearing": SourceCoverage.NOT_LISTED},
            "CTI source pbx does not monitor extension 2001.",
            "Add 2001 to the devices of pbx",
        ),
        (
            {"hearing": SourceCoverage.NOT_LISTED, "near": ("02001", "12001")},
            "It lists 02001, 12001, which is not 2001.",
            "as it is written there",
        ),
        (
            {"hearing": SourceCoverage.NOTHING_LISTED},
            "lists no devices at all",
            "Add the extensions to the devices of pbx",
        ),
        ({"hearing": SourceCoverage.QUEUE}, "For pbx 2001 is a queue", "the extension that took the call"),
        ({"hearing": SourceCoverage.IGNORED}, "among the ignored devices of pbx", "ignored_devices"),
        ({"hearing": SourceCoverage.DISABLED}, "CTI source pbx is switched off", "Switch pbx on"),
        (
            {"hearing": SourceCoverage.REFUSED, "refused": "Not authorised."},
            "refuses to let extension 2001 be monitored: Not authorised.",
            "Allow it in the PBX",
        ),
    ],
)
def test_an_extension_that_is_not_heard_says_why_and_what_to_do(source: dict[str, Any], said: str, todo: str) -> None:
    found = asked(SourceCase(slug="pbx", **source))

    assert found.heading == "The extension is not monitored"
    assert said in found.said
    assert todo in found.todo


@pytest.mark.parametrize(
    ("hearing", "said"),
    [
        (SourceCoverage.IGNORED, "Extension 2001 was among the ignored devices of pbx then."),
        (SourceCoverage.NOT_LISTED, "CTI source pbx did not monitor extension 2001 then."),
        (SourceCoverage.DISABLED, "CTI source pbx was switched off then"),
        (SourceCoverage.QUEUE, "For pbx 2001 was a queue then"),
        (SourceCoverage.NOTHING_LISTED, "listed no devices at all then"),
    ],
)
def test_settings_that_were_others_then_are_the_cause_before_those_of_today(hearing: SourceCoverage, said: str) -> None:
    never = SourceCase(slug="edge", hearing=SourceCoverage.NOT_LISTED, near=("02001",))
    found = asked(never, SourceCase(slug="pbx", hearing=hearing, is_former=True))

    assert found.heading == "The extension was not monitored then"
    assert said in found.said
    assert "history of pbx" in found.todo


def test_what_a_source_ignored_is_the_cause_where_those_that_hear_it_would_not_flag() -> None:
    """Before: a source without a list of extensions, of another Recording Service, was said to hear it."""
    ignores = SourceCase(slug="shop", hearing=SourceCoverage.IGNORED, is_former=True)
    elsewhere = heard(slug="open", verdict=MatchVerdict(kind=MatchKind.UNMATCHED, reason="Of another service."))

    assert asked(ignores, elsewhere).heading == "The extension was not monitored then"
    assert asked(ignores, heard(slug="edge")).heading == "No connected call is known there then"


OFF = GapCase("bank", NINE, NINE + timedelta(seconds=5), "It was switched off.", is_off=True)


@pytest.mark.parametrize(
    ("is_own", "other", "is_why"),
    [
        (True, {}, True),  # The other one has no list: it is not the one to hear it.
        (True, {"is_listed": True}, False),
        (False, {}, False),
        (False, {"has_service": False}, True),
        (True, {"is_listed": True, "gaps": (OFF,)}, True),
    ],
)
@pytest.mark.parametrize("hearing", [SourceCoverage.HEARD, SourceCoverage.DISABLED])
def test_a_source_that_was_switched_off_is_why_where_no_other_was_to_hear_it(
    hearing: SourceCoverage, is_own: bool, other: dict[str, Any], is_why: bool
) -> None:
    """Before: always, while the finding said that no source had reported a call."""
    bank = heard(slug="bank", hearing=hearing, gaps=(OFF,), is_listed=is_own)
    found = asked(bank, heard(slug="open", **other))

    assert ("No connected call" not in found.heading) == is_why
    assert "bank" in found.said
    assert "switched off" in found.said
    assert "was heard (open)" in found.said or is_why


def test_of_several_sources_that_do_not_hear_it_the_nearest_comes_first() -> None:
    far, near = (SourceCase(slug=slug, hearing=SourceCoverage.NOT_LISTED) for slug in ("far", "other"))
    refusing = SourceCase(slug="own", hearing=SourceCoverage.REFUSED, refused="No.")
    misspelt = SourceCase(slug="misspelt", hearing=SourceCoverage.NOT_LISTED, near=("02001",))

    assert "own" in asked(far, refusing, near).todo
    assert "misspelt" in asked(far, refusing, misspelt).todo


def test_a_source_that_does_not_hear_the_extension_is_no_cause_where_another_does() -> None:
    found = asked(SourceCase(slug="other", hearing=SourceCoverage.NOT_LISTED), heard(gaps=(GAP,)))

    assert found.heading == "The link was down then"
    assert "other" not in found.said


def test_events_that_wait_are_reported_while_they_reach_back_to_that_time() -> None:
    found = asked(heard(behind_since=NINE - timedelta(minutes=1)))

    assert "The gateway is behind" in found.heading
    assert "Events of pbx from 08:59:00 on" in found.said
    assert "worker for events" in found.todo
    assert "behind" not in asked(heard(behind_since=NINE + timedelta(minutes=30))).heading


def test_a_journal_that_cannot_be_read_is_reported() -> None:
    assert asked(heard(is_journal_away=True)).heading == "The journal cannot be read now"


@pytest.mark.parametrize(("unread", "said"), [(1, "1 message of pbx"), (3, "3 messages of pbx")])
def test_unreadable_messages_of_that_time_are_reported(unread: int, said: str) -> None:
    found = asked(heard(unread=unread))

    assert said in found.said
    assert "Quarantined messages" in found.todo


def test_a_time_before_the_first_known_leg_is_reported() -> None:
    found = asked(oldest_at=NINE + timedelta(minutes=10))

    assert found.heading == "Before the gateway's first known call"


def test_where_nothing_was_missed_the_answer_says_so_and_points_at_clocks_and_zones() -> None:
    found = asked(before=Near(3, NINE - timedelta(minutes=30), NINE - timedelta(minutes=20)), after=Near(9, NOW, None))

    assert found.heading == "No connected call is known there then"
    assert "as far as the history has them, the extension was heard (pbx), the ledger has no gap" in found.said
    assert "never" not in found.said
    assert "time zone" in found.todo
    assert [(one.key, one.text) for one in found.links] == [
        (3, "The extension's call before: connected 2026-03-02 08:30:00 UTC, disconnected 08:40:00"),
        (9, "The extension's call after: connected 2026-03-02 10:00:00 UTC"),
    ]


def test_an_extension_that_never_had_a_call_is_reported_so() -> None:
    assert "No call at this extension is known at any time." in asked().said


def test_besides_the_cause_it_is_reported_that_no_service_would_have_been_asked() -> None:
    assert "no enabled Recording Service is allocated to pbx" in asked(heard(gaps=(GAP,), has_service=False)).said


def test_besides_the_cause_it_is_reported_that_no_user_fits() -> None:
    verdict = MatchVerdict(kind=MatchKind.UNMATCHED, reason="No QMS user has extension 2001.")

    assert "a call there would get no flags now: No QMS user has extension 2001." in asked(heard(verdict=verdict)).said
    assert "Besides" not in asked().said


def test_of_several_sources_that_hear_it_none_is_blamed_where_one_gives_the_flags() -> None:
    """Before: "a call there would get no flags now", for a source beside that whose calls were flagged."""
    verdict = MatchVerdict(kind=MatchKind.UNMATCHED, reason="No QMS user has extension 2001.")
    other = heard(slug="other", verdict=verdict)

    assert "Besides" not in asked(heard(), other).said
    assert "Besides" not in asked(heard(slug="bare", has_service=False), heard()).said
    assert "a call of other there would get no flags now: No QMS" in asked(other, heard(verdict=verdict)).said


@pytest.mark.parametrize(
    ("hearing", "now"),
    [
        (SourceCoverage.NOT_LISTED, SourceCoverage.HEARD),
        (SourceCoverage.IGNORED, SourceCoverage.HEARD),
        (SourceCoverage.DISABLED, SourceCoverage.DISABLED),
        (SourceCoverage.REFUSED, SourceCoverage.REFUSED),
        (SourceCoverage.NOT_LISTED, None),
    ],
)
def test_what_a_source_lacks_is_not_named_where_one_that_has_the_extension_has_it(
    hearing: SourceCoverage, now: SourceCoverage | None
) -> None:
    """Before: the Recording Service that a source without devices lacks, though the extension's own source has it."""
    lacking = heard(slug="open", verdict=MatchVerdict(kind=MatchKind.UNMATCHED, reason="It belongs to n1."))
    own = heard(slug="shop", hearing=hearing, hearing_now=now, is_former=now not in (hearing, None))

    assert ("Besides" in asked(own, lacking).said) == (now is None)


def test_several_causes_are_reported_the_gap_first() -> None:
    found = asked(heard(gaps=(GAP,), unread=2, behind_since=NINE))

    assert found.heading == "The link was down then"
    places = [found.said.index(text) for text in ("has a gap", "wait to be worked on", "could not be read")]
    assert places == sorted(places)


@pytest.mark.parametrize("hearing", list(SourceCoverage))
def test_every_way_of_hearing_has_an_answer(hearing: SourceCoverage) -> None:
    found = asked(SourceCase(slug="pbx", hearing=hearing))

    assert found.heading
    assert found.todo
    assert found.said.startswith("No leg of extension 2001 is known at 2026-03-02 09:00:00 UTC (UTC)")
    assert "\n" not in found.paragraph
    assert "  " not in found.paragraph
