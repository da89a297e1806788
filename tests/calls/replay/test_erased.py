"""What remains of an erased caller's events is left out of a replay's differences; other calls are not."""

from calls.replay.difference import LegAccount
from calls.replay.erased import without_remains
from calls.replay.nearby import is_beside, is_of_interaction
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

    assert without_remains([_leg("216C", second=3), *others], others, [erased]) == others
    assert without_remains([_leg("216C", second=3)], [], []) == [_leg("216C", second=3)]


def test_a_leg_that_was_not_there_is_left_out_beside_an_erased_one_alone() -> None:
    erased = [_leg("216C", interaction="I1")]
    of_its_interaction = _leg("2180", "2012", 500, interaction="I1")
    just_after, later, elsewhere = _leg("2181", second=60), _leg("2182", second=75), _leg("2183", "2012", 3)

    assert without_remains([of_its_interaction, just_after, later, elsewhere], [], erased) == [later, elsewhere]


def test_legs_of_the_same_call_or_interaction_may_have_lost_events_and_others_not() -> None:
    erased = [_leg("2171", interaction="I1"), _leg("2172")]

    assert is_of_interaction(_leg("216C", "2010", interaction="I1"), erased)
    assert is_of_interaction(_leg("2172", "2010"), erased)
    assert not is_of_interaction(_leg("2173", interaction="I2"), erased)
    assert not is_of_interaction(_leg("2173"), erased), "no interaction is none in common"


def test_a_leg_at_the_extension_of_an_erased_one_may_have_lost_events_until_a_minute_later() -> None:
    erased = [_leg("216C", second=100)]

    assert is_beside(_leg("2174", second=169.9), erased)
    assert is_beside(_leg("2174", second=30.1), erased)
    assert not is_beside(_leg("2174", second=170), erased)
    assert not is_beside(_leg("2174", second=30), erased)
    assert not is_beside(_leg("2174", "2012", 100), erased)
