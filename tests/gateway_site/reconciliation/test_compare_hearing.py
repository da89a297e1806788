"""Why no leg is there for a recording: nobody was to hear its call, or a link was interrupted."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from gateway_site.reconciliation.compare import FindingKind, GapFacts, Grade
from gateway_site.reconciliation.hearing import HearingRules, SourceHearing
from gateway_site.reconciliation.texts import cause_words
from tests.gateway_site.reconciliation.comparing import at, found, recording


@pytest.mark.parametrize(
    ("extension", "gaps", "grade", "cause"),
    [
        ("2001", (GapFacts(at(-10), at(10)),), Grade.MAJOR, "gap"),
        ("2001", (GapFacts(at(-10), None),), Grade.MAJOR, "gap"),
        ("2001", (GapFacts(at(-60), at(-10)),), Grade.MAJOR, "no_event"),
        ("2001", (GapFacts(at(-10), at(60), {"2001": at(60)}),), Grade.MAJOR, "extension_gap"),
        ("2001", (GapFacts(at(-10), at(60), {"2001": at(-7), "2002": at(60)}),), Grade.MAJOR, "no_event"),
        ("2001", (GapFacts(at(-10), None, {"2002": None}),), Grade.MAJOR, "no_event"),
        ("2999", (), Grade.MINOR, "extension_not_followed"),
        ("2999", (GapFacts(at(-10), None),), Grade.MINOR, "extension_not_followed"),
    ],
)
def test_a_recording_without_any_leg_has_a_cause(
    extension: str, gaps: tuple[GapFacts, ...], grade: Grade, cause: str
) -> None:
    [one] = found(recording(extension=extension), gaps=gaps)
    assert (one.kind, one.grade, one.cause) == (FindingKind.UNFLAGGED, grade, cause)


LINK_LOST = 7
HEARS_ALL = SourceHearing(1, [HearingRules()])
LISTS_IT = SourceHearing(1, [HearingRules(devices=frozenset({"2001"}))])
IGNORES = SourceHearing(2, [HearingRules(ignored=frozenset({"2001"}))])
LISTS_OTHERS = SourceHearing(3, [HearingRules(devices=frozenset({"2002"}))])
NEEDS_A_LIST = SourceHearing(3, [HearingRules(needs_devices=True)])
IS_A_QUEUE = SourceHearing(4, [HearingRules(queues=frozenset({"2001"}))])


@pytest.mark.parametrize(
    ("sources", "cause", "source_id"),
    [
        ((IGNORES,), "extension_ignored", 2),
        ((LISTS_OTHERS,), "extension_not_listed", 3),
        ((NEEDS_A_LIST,), "extension_not_listed", 3),
        ((IS_A_QUEUE, LISTS_OTHERS), "extension_is_queue", 4),
        ((LISTS_OTHERS, IGNORES), "extension_ignored", 2),
        (
            (LISTS_OTHERS, replace(HEARS_ALL, source_id=LINK_LOST)),
            "gap",
            LINK_LOST,
        ),  # One was to hear it, and its link was interrupted.
        ((HEARS_ALL, replace(IGNORES, source_id=LINK_LOST)), "no_event", None),  # The other's was.
        ((), "gap", LINK_LOST),
    ],
)
def test_what_the_settings_leave_out_is_no_gap_and_no_missing_report(
    sources: tuple[SourceHearing, ...], cause: str, source_id: int | None
) -> None:
    [one] = found(recording(), sources=sources, gaps=(GapFacts(at(-10), at(10), source_id=LINK_LOST),))
    assert (one.grade, one.cause, one.source_id) == (Grade.MAJOR, cause, source_id)
    assert cause_words(one.cause) != one.cause.replace("_", " "), "it is worded"


LOST_IT = SourceHearing(5, [HearingRules(until=at(-60)), HearingRules(devices=frozenset({"2002"}))])


@pytest.mark.parametrize(
    ("sources", "source_id"),
    [
        ((LISTS_OTHERS, LOST_IT), 5),
        ((LISTS_OTHERS, replace(LISTS_OTHERS, source_id=4)), None),
        ((LOST_IT, replace(LOST_IT, source_id=6)), None),
    ],
)
def test_of_several_lists_without_the_extension_the_one_that_lost_it_is_named(
    sources: tuple[SourceHearing, ...], source_id: int | None
) -> None:
    """Before: the first of them, which had never had it, with a link to its settings."""
    [one] = found(recording(), sources=sources)
    assert (one.cause, one.source_id) == ("extension_not_listed", source_id)


@pytest.mark.parametrize("others", [(), (9,)])
@pytest.mark.parametrize(("devices", "is_off"), [(None, False), (None, True), ({"2001": None}, False)])
def test_the_source_of_a_gap_is_named_where_it_is_the_only_one(
    others: tuple[int, ...], devices: dict[str, datetime | None] | None, *, is_off: bool
) -> None:
    """Before: none, so that nobody knew which source was off, or whose gaps to look at."""
    gaps = [GapFacts(at(-10), None, devices, one, is_off) for one in (1, *others)]
    [one] = found(recording(), gaps=tuple(gaps))
    assert one.source_id == (None if others else 1)


@pytest.mark.parametrize(
    ("sources", "more", "cause"),
    [
        ((HEARS_ALL,), (), "source_off"),
        ((HEARS_ALL, LISTS_OTHERS), (), "source_off"),
        ((HEARS_ALL, replace(HEARS_ALL, source_id=9)), (), "no_event"),  # The other was to hear it too.
        ((LISTS_OTHERS, replace(HEARS_ALL, source_id=9)), (), "no_event"),
        ((LISTS_IT, replace(HEARS_ALL, source_id=9)), (), "source_off"),  # The other has no list.
        ((LISTS_IT, replace(LISTS_IT, source_id=9)), (), "no_event"),
        ((HEARS_ALL, replace(LISTS_IT, source_id=9)), (), "no_event"),
        ((HEARS_ALL, replace(HEARS_ALL, source_id=9)), (GapFacts(at(-10), None, source_id=9),), "gap"),
        (
            (HEARS_ALL, replace(HEARS_ALL, source_id=9)),
            (GapFacts(at(-10), None, source_id=9, is_off=True),),
            "source_off",
        ),
    ],
)
def test_a_source_that_is_switched_off_explains_what_it_alone_was_to_hear(
    sources: tuple[SourceHearing, ...], more: tuple[GapFacts, ...], cause: str
) -> None:
    """Before: it was the cause of each recording of its service without end, in the words of an interrupted link."""
    off = GapFacts(at(-10), None, source_id=1, is_off=True)
    [one] = found(recording(), sources=sources, gaps=(off, *more))
    assert (one.grade, one.cause) == (Grade.MAJOR, cause)
    assert cause_words("source_off") == "the CTI source was switched off"


@pytest.mark.parametrize(("is_enabled", "cause"), [(True, "gap"), (False, "source_off")])
def test_the_gap_of_a_listener_that_ended_because_its_source_was_switched_off_is_no_lost_link(
    is_enabled: bool, cause: str
) -> None:
    source = SourceHearing(1, [HearingRules(is_enabled=is_enabled)])
    gap = GapFacts(at(-10), None, source_id=1)

    assert [one.cause for one in found(recording(), sources=(source,), gaps=(gap,))] == [cause]


def test_the_settings_count_that_held_when_the_recording_began() -> None:
    """A change made since then, and taken back, is the cause of that time alone; what is not known blames nothing."""
    rules = [
        HearingRules(until=at(10)),
        HearingRules(until=at(20), ignored=frozenset({"2001"})),
        HearingRules(until=at(30), is_known=False),
        HearingRules(),
    ]
    begun = [recording("R1", 5), recording("R2", 15), recording("R3", 25), recording("R4", 40)]
    causes = [one.cause for one in found(*begun, sources=(SourceHearing(1, rules),))]
    assert causes == ["no_event", "extension_ignored", "no_event", "no_event"]
