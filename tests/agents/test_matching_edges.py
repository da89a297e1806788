"""Near misses, what a reason says and of which user, and users that several services list: over their edges."""

import pytest
from msgspec import Struct

from agents.core import matching
from agents.core.matching import Directory, Instance, Listed, ManualMapping, MatchKind, MatchVerdict
from tests.agents.test_matching import NORTH, SOUTH, alice, bob, mapped


@pytest.mark.parametrize(("listed", "asked", "is_near"), [("9123", "123", True), ("923", "23", False)])
def test_an_end_of_three_signs_is_a_near_miss_and_one_of_two_is_not(listed: str, asked: str, is_near: bool) -> None:
    directory = Directory([alice(extension=listed)], [NORTH])

    assert (directory.near_misses(asked) == [listed]) is is_near
    assert (Directory([alice(extension=asked)], [NORTH]).near_misses(listed) == [asked]) is is_near


def test_extensions_of_zeros_alone_are_no_near_misses_of_signs_alone() -> None:
    assert Directory([alice(extension="0")], [NORTH]).near_misses("00") == []
    assert Directory([alice(extension="-")], [NORTH]).near_misses("0") == []


@pytest.mark.parametrize(("length", "shown"), [(40, "N" * 40), (41, "N" * 39 + "…")])
def test_a_name_of_up_to_forty_signs_is_shown_whole(length: int, shown: str) -> None:
    reason = Directory([alice(name="N" * length)], [NORTH]).verdict("2001").reason

    assert f"that of {shown} (user 1001)" in reason


@pytest.mark.parametrize("trouble", [{"active": False}, {"licensed": False}])
def test_a_verdict_names_the_user_that_it_is_about_also_where_it_refuses(trouble: dict[str, bool]) -> None:
    verdict = Directory([alice(**trouble)], [NORTH]).verdict("2001")

    assert (verdict.user_id, verdict.services) == ("1001", ())


def test_a_mapping_to_a_user_who_cannot_be_recorded_names_that_user() -> None:
    verdict = Directory([alice(), bob(licensed=False)], [NORTH], [mapped()]).verdict("2001", "9101")

    assert (verdict.user_id, verdict.is_by_hand) == ("1002", True)


@pytest.mark.parametrize(("length", "is_whole"), [(32, True), (33, False)])
def test_of_two_users_on_one_extension_each_is_named_whole_up_to_eighty_signs(length: int, is_whole: bool) -> None:
    one, other = (alice(name=sign * 40, user_id=sign * length) for sign in "AB")
    reason = Directory([one, other], [NORTH]).verdict("2001").reason

    assert (f"{'A' * 40} (user {'A' * length})" in reason) is is_whole


def test_what_is_known_of_users_is_shared_and_never_changed() -> None:
    kinds = [one for one in vars(matching).values() if isinstance(one, type) and issubclass(one, Struct)]

    assert {Instance, Listed, ManualMapping, MatchVerdict} < set(kinds)
    assert [one.__name__ for one in kinds if not one.__struct_config__.frozen] == []


def test_who_sits_at_anothers_fixed_seat_is_told_whose_it_is() -> None:
    verdict = Directory([alice()], [NORTH], has_fixed_seating=True).verdict("2001", "9999")

    assert (verdict.kind, verdict.user_id) == (MatchKind.UNMATCHED, "1001")


@pytest.mark.parametrize(("length", "shown"), [(120, "R" * 120), (121, "R" * 119 + "…")])
def test_the_reason_of_a_mapping_is_quoted_whole_up_to_120_signs(length: int, shown: str) -> None:
    verdict = Directory([bob()], [NORTH], [mapped(reason="R" * length)]).verdict("2001", "9101")

    assert verdict.reason.endswith(f"on 2025-03-03: {shown}.")


def test_the_first_agent_id_that_a_service_lists_of_a_user_is_the_users() -> None:
    listings = [alice(agent_id=""), alice(service_id=2), alice(service_id=3, agent_id="9199")]

    assert not Directory(listings, [NORTH]).verdict("2001", "9101").is_doubtful
    assert Directory(listings, [NORTH]).verdict("2001", "9199").is_doubtful


@pytest.mark.parametrize("lacks", ["active", "licensed"])
def test_a_user_is_active_and_licensed_where_any_service_says_so(lacks: str) -> None:
    listings = [alice(**{lacks: False}), alice(service_id=2)]

    assert Directory(listings, [NORTH, SOUTH]).verdict("2001").kind is MatchKind.MATCHED


@pytest.mark.parametrize("order", [1, -1])
def test_a_user_whose_active_listing_has_no_licence_is_not_matched_by_the_licence_of_another(order: int) -> None:
    listings = [alice(licensed=False), alice(service_id=2, active=False)]
    verdict = Directory(listings[::order], [NORTH, SOUTH]).verdict("2001")

    assert (verdict.kind, verdict.services) == (MatchKind.UNLICENSED, ())


def test_a_user_marked_any_that_no_service_of_the_source_lists_is_not_recorded_there() -> None:
    verdict = Directory([alice(service_id=9)], [NORTH]).verdict("2001")

    assert (verdict.kind, verdict.services) == (MatchKind.UNMATCHED, ())
    assert "belongs in QMS to the Recording Service Any, which is not allocated" in verdict.reason


@pytest.mark.parametrize(("count", "more"), [(2, ""), (3, ""), (4, " and 1 more"), (5, " and 2 more")])
def test_three_users_of_one_extension_are_named_and_the_others_counted(count: int, more: str) -> None:
    reason = Directory([alice(user_id=f"{number}") for number in range(count)], [NORTH]).verdict("2001").reason

    named = ", ".join(f"Alice Archer (user {number})" for number in range(min(count, 3)))
    assert f"belongs to {count} active users in QMS ({named}{more})" in reason


@pytest.mark.parametrize(("listed", "asked"), [("05", "5"), ("5", "005"), ("0012", "12")])
def test_leading_zeros_alone_make_a_near_miss_however_short_the_extension(listed: str, asked: str) -> None:
    assert Directory([alice(extension=listed)], [NORTH]).near_misses(asked) == [listed]
