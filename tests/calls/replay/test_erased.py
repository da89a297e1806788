"""What remains of an erased caller's events is left out of a replay's differences; other calls are not."""

from calls.replay.difference import LegAccount
from calls.replay.erased import is_of_interaction, without_remains
from flags.catalogue.values import LegFacts
from tests.calls.switchboard import moment


def _leg(
    call_id: str, extension: str = "2011", second: float = 0, interaction: str = "", caller: str = ""
) -> LegAccount:
    return LegAccount(
        leg_id=1,
        extension=extension,
        call_id=call_id,
        connected_at=moment(second),
        disconnected_at=moment(second + 10),
        began_at=moment(second),
        outcome="flagged",
        match="matched",
        facts=LegFacts(call_id=call_id, device_id=extension, interaction_id=interaction, caller_name=caller),
    )


def test_a_leg_of_the_erased_call_at_another_moment_is_left_out_and_no_other() -> None:
    erased = _leg("216C")
    others = [_leg("216D", second=3), _leg("216C", "2012", 3), _leg("216C", second=3, caller="Meyer Ltd")]

    assert without_remains([_leg("216C", second=3), *others], [erased]) == others
    assert without_remains([_leg("216C", second=3)], []) == [_leg("216C", second=3)]


def test_legs_of_the_same_call_or_interaction_may_have_lost_events_and_others_not() -> None:
    erased = [_leg("2171", interaction="I1"), _leg("2172")]

    assert is_of_interaction(_leg("216C", "2010", interaction="I1"), erased)
    assert is_of_interaction(_leg("2172", "2010"), erased)
    assert not is_of_interaction(_leg("2173", interaction="I2"), erased)
    assert not is_of_interaction(_leg("2173"), erased), "no interaction is none in common"
