"""The cause of a difference is stated where the settings show it."""

import msgspec
import pytest

from calls.core.source_state import SiteSettings
from calls.replay.difference import LegAccount, ReplayRules, differences
from flags.catalogue.values import FlagSpec, LegFacts
from tests.calls.switchboard import moment

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
