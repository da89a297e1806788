"""The cause of a difference is stated where the settings show it."""

from datetime import timedelta

import msgspec
import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from calls.core.source_state import SiteSettings
from calls.replay.difference import LegAccount, ListChange, ReplayRules, differences
from calls.replay.list_changes import list_changes
from cti.models import CtiSource
from flags.catalogue.values import FlagSpec, LegFacts
from history.commands import record_command, stored_state
from tests.calls.switchboard import moment

DAY = timedelta(days=1)
WRAPUP = FlagSpec(name="CTIWrapup", field="wrapup")


def _leg(wrapup: str) -> LegAccount:
    """Return a leg that ended at 10 and got its wrap-up at 15, or none."""
    return LegAccount(
        leg_id=1,
        extension="2001",
        call_id="C1",
        connected_at=moment(0),
        disconnected_at=moment(10),
        began_at=moment(0),
        outcome="flagged",
        match="matched",
        facts=LegFacts(call_id="C1", device_id="2001", wrapup_result=wrapup),
        flags={"CTIWrapup": wrapup} if wrapup else {},
        wrapup_at=moment(15) if wrapup else None,
    )


@pytest.mark.parametrize(("is_answered", "outcome"), [(False, "not known: QMS was not asked"), (True, "not_recorded")])
def test_whether_qms_had_a_recording_that_it_was_never_asked_for_is_not_known(is_answered: bool, outcome: str) -> None:
    was = msgspec.structs.replace(_leg(""), outcome="user_unmatched", match="no_user")
    again = msgspec.structs.replace(_leg(""), outcome="not_recorded", is_answered=is_answered)

    (found,) = differences([was], [again], ReplayRules(SiteSettings(), [WRAPUP]))

    assert (found.cause, found.subject) == ("users", f"user_unmatched / {outcome}")
    assert (found.was, found.would_be) == ("user_unmatched", outcome)


def test_a_list_that_was_changed_and_changed_back_is_the_cause_of_a_leg_that_there_was_none_of() -> None:
    """Before: "the rules of the call model", where the extension had other legs in that time."""
    other = msgspec.structs.replace(_leg(""), connected_at=moment(100), disconnected_at=moment(110))

    def cause(*changes: ListChange) -> tuple[str, str]:
        rules = ReplayRules(SiteSettings(), [WRAPUP], changes=changes)
        (found,) = differences([other], [other, _leg("")], rules)
        return found.cause, found.subject

    own, all_others = frozenset({"2001"}), frozenset({"2002"})
    assert cause() == ("rules", "")
    assert cause(ListChange(moment(50), "then", own)) == ("extensions", "then")
    assert cause(ListChange(moment(50), "then", all_others)) == ("rules", "")
    assert cause(ListChange(moment(50), "then", all_others, is_of_others=True)) == ("extensions", "then")
    assert cause(ListChange(moment(-61), "before", own)) == ("rules", ""), "as it was then, it is now"
    assert cause(ListChange(moment(-59), "just before", own), ListChange(moment(9), "after", own)) == (
        "extensions",
        "just before",
    )


@pytest.mark.django_db
def test_the_history_says_which_extensions_a_change_of_the_lists_concerns() -> None:
    source = CtiSource.objects.create(slug="pbx", kind="http", devices=["2001", "2002"])

    def changed(**fields: object) -> list[tuple[list[str], bool]]:
        LogEntry.objects.all().delete()
        before = stored_state(source)
        for name, value in fields.items():
            setattr(source, name, value)
        source.save()
        record_command(source, before)
        return [(sorted(one.names), one.is_of_others) for one in list_changes(source, timezone.now() - DAY)]

    assert changed(options={"ignored_devices": ["2006"], "settle_ms": 5}) == [(["2006"], False)]
    assert changed(options={"ignored_devices": ["2006"], "settle_ms": 6}) == []
    assert changed(options={}, queues={"900": "Sales. And more"}) == [(["900"], False), (["2006"], False)]
    assert changed(devices=["2002", "2003"]) == [(["2001", "2003"], False)]
    assert changed(devices=[]) == [(["2002", "2003"], True)]
    many = [str(number) for number in range(2000, 4000)]
    assert changed(devices=many) == [(many, True)]
    assert changed(devices=many[1:]) == [(["2000"], False)]
    assert changed(devices=["2" * 70_000]) == [], "it is cut in the history"
    assert list_changes(source, timezone.now() + DAY) == []


@pytest.mark.parametrize(
    ("wait", "cause"), [(4.9, "wrapup_wait"), (5.0, "wrapup_wait"), (5.1, "rules"), (None, "rules")]
)
def test_a_wrap_up_that_came_later_than_is_waited_for_names_the_wait(wait: float | None, cause: str) -> None:
    rules = ReplayRules(SiteSettings(wrapup_wait_seconds=wait), [WRAPUP])

    (found,) = differences([_leg("Sold")], [_leg("")], rules)

    assert (found.subject, found.cause, found.was, found.would_be) == ("CTIWrapup", cause, "written", "not written")


def test_another_wrap_up_and_one_that_would_be_written_are_not_of_the_wait() -> None:
    rules = ReplayRules(SiteSettings(wrapup_wait_seconds=1.0), [WRAPUP])

    assert [one.cause for one in differences([_leg("Sold")], [_leg("Lost")], rules)] == ["rules"]
    assert [one.cause for one in differences([_leg("")], [_leg("Sold")], rules)] == ["rules"]
