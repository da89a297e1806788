"""Which recording counts as the answer to a search, and which does not."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from calls.models import Leg, SearchState
from calls.search.settling import _next_at
from calls.storage.codec import leg_key
from qms.models import ServiceHealth
from qms.port import Recording
from tests.calls.search_desk import INTERVAL_MS, Desk, settled


@pytest.fixture
def desk(redis: Any, db: None) -> Desk:
    """Give services, a QMS and a source."""
    return Desk()


@pytest.mark.parametrize(
    "other", [{"extension": "02001"}, {"started_at": datetime.fromisoformat("2020-01-01T00:00:00Z")}]
)
def test_a_recording_of_another_extension_or_of_an_earlier_time_is_not_taken(desk: Desk, other: dict[str, Any]) -> None:
    desk.qms.connected("2001", desk.now(), "a")
    desk.reworded = lambda found: found and replace(found, **other)
    search = desk.search(window=0.3)
    desk.looks_up()

    assert (settled(search).state, search.why, search.recording_guid) == (SearchState.MISSED, "stranger", "")


def test_the_recording_that_a_leg_has_already_is_no_answer(desk: Desk) -> None:
    recording = desk.qms.connected("2001", desk.now(), "a")
    assert recording is not None
    search = desk.search(window=0.3, known_guid=recording.guid)
    desk.looks_up()

    assert (settled(search).state, search.why) == (SearchState.MISSED, "same")


@pytest.mark.parametrize(("ago", "is_over"), [(2.5, True), (5.0, True), (1.0, False)])
def test_a_recording_that_is_still_named_well_after_the_transfer_has_gone_on(
    desk: Desk, ago: float, *, is_over: bool
) -> None:
    """Another one would have begun by then. The search need not last until its window is over."""
    recording = desk.qms.connected("2001", desk.now(), "a")
    assert recording is not None
    search = desk.search(ago=ago, window=ago + 0.4, known_guid=recording.guid)
    desk.looks_up()

    assert (settled(search).state, search.why) == (SearchState.MISSED, "same")
    assert search.answered_at is not None
    assert (search.answered_at < search.deadline, search.attempts == 1) == (is_over, is_over)


def test_one_of_several_services_does_not_know_that_no_other_recording_began(desk: Desk) -> None:
    recording = desk.qms.connected("2001", desk.now(), "a")
    assert recording is not None
    search = desk.search(ago=5, window=5.2, known_guid=recording.guid, services=[desk.a.pk, desk.b.pk])
    desk.looks_up()

    assert settled(search).state == SearchState.OPEN


@pytest.mark.parametrize(("age", "intervals"), [(0.0, 1), (1.9, 1), (2.0, 3), (7.0, 3)])
def test_a_search_that_lasts_asks_more_seldom(desk: Desk, age: float, intervals: int) -> None:
    search = desk.search(ago=age, window=60)
    now = search.connected_at + timedelta(seconds=age)
    wait = (_next_at(desk.a, search, now) - now) / timedelta(milliseconds=INTERVAL_MS)

    assert 0.9 * intervals <= wait <= 1.1 * intervals


@pytest.mark.parametrize("spelt", [str.upper, "{{{}}}".format, lambda guid: guid.replace("-", "")])
def test_the_recording_that_a_leg_has_already_is_no_answer_in_another_spelling(
    desk: Desk, spelt: Callable[[str], str]
) -> None:
    recording = desk.qms.connected("2001", desk.now(), "a")
    assert recording is not None
    desk.reworded = lambda found: found and replace(found, guid=spelt(found.guid))
    search = desk.search(window=0.3, known_guid=recording.guid)
    desk.looks_up()

    assert (settled(search).state, search.why) == (SearchState.MISSED, "same")


@pytest.mark.parametrize("guid", ["{3F2B8C1E-0000-4A11-9D21-00000000AA01}", "4711", "G" * 128])
def test_a_guid_is_kept_as_the_service_writes_it(desk: Desk, guid: str) -> None:
    desk.qms.connected("2001", desk.now(), "a")
    desk.reworded = lambda found: found and replace(found, guid=guid)
    search = desk.search()
    desk.looks_up()

    assert (settled(search).state, search.recording_guid) == (SearchState.FOUND, guid)


def test_a_guid_that_is_too_long_spoils_no_other_answer(desk: Desk) -> None:
    """Of questions that are settled together: the others are found, and its leg is missed with the reason."""
    for number in (2001, 2002):
        desk.qms.connected(str(number), desk.now(), "a")
    desk.reworded = lambda found: found and replace(found, guid="G" * 129 if found.extension == "2001" else found.guid)
    odd, good = desk.search(1, window=0.3), desk.search(2, window=0.3)
    desk.looks_up()

    assert (settled(odd).state, settled(good).state) == (SearchState.MISSED, SearchState.FOUND)
    assert odd.why == "unreachable"


def of_another_leg(desk: Desk, began: datetime) -> None:
    """Have a recording of the extension begin that another open leg has."""
    recording = desk.qms.connected("2001", began, "a")
    assert recording is not None
    Leg.objects.create(
        id=leg_key(desk.source.pk, 99),
        source=desk.source,
        call_id="C9",
        device_id="2001",
        phase="open",
        connected_at=desk.now(),
        folded_at=desk.now(),
        outcome="waiting",
        facts=b"",
        recording_guid=recording.guid,
    )


@pytest.mark.parametrize(("known", "why"), [("", "same"), ("G0", "none")])
def test_another_legs_recording_is_no_answer_and_does_not_show_that_a_known_one_goes_on(
    desk: Desk, known: str, why: str
) -> None:
    of_another_leg(desk, desk.now() - timedelta(seconds=2))
    search = desk.search(window=0.3, known_guid=known)
    desk.looks_up()

    assert (settled(search).state, search.why) == (SearchState.MISSED, why)


def test_what_began_as_the_leg_was_connected_is_reported_though_another_open_leg_has_it(desk: Desk) -> None:
    of_another_leg(desk, desk.now())
    search = desk.search(window=0.3)
    desk.looks_up()

    assert settled(search).state == SearchState.FOUND


def test_what_qms_calls_early_is_measured_by_its_own_clock(desk: Desk) -> None:
    ServiceHealth.objects.update_or_create(service=desk.a, defaults={"clock_offset_seconds": 30.0})
    began = desk.now() + timedelta(seconds=30)
    desk.reworded = lambda _: Recording("G1", "2001", began)
    search = desk.search(window=3)
    desk.looks_up()

    assert desk.asked[0][3] == search.not_started_before + timedelta(seconds=30)
    assert settled(search).recording_started_at == began - timedelta(seconds=30)
