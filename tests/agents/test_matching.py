"""Whose recording is made at an extension, and why not."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.matching import Directory, Instance, Listed, ManualMapping, MatchKind

NORTH, SOUTH = Instance(1, ("10.0.0.1", "north")), Instance(2, ("10.0.0.2",))


def alice(**changes: object) -> Listed:
    fields = {"service_id": 1, "user_id": "1001", "extension": "2001", "agent_id": "9101", "name": "Alice Archer"}
    return Listed(**(fields | changes))  # type: ignore[arg-type]


def bob(**changes: object) -> Listed:
    return alice(**({"user_id": "1002", "extension": "2002", "agent_id": "9102", "name": "Bob Baker"} | changes))


def test_an_active_licensed_user_is_matched_by_the_exact_extension() -> None:
    verdict = Directory([alice(), bob()], [NORTH]).verdict("2001", "9101", "Alice Archer")

    assert (verdict.kind, verdict.user_id, verdict.services) == (MatchKind.MATCHED, "1001", (1,))
    assert verdict.reason == "Extension 2001 is that of Alice Archer (user 1001) in QMS."


@pytest.mark.parametrize(
    ("listed", "asked"),
    [
        ("0123", "123"),
        ("123", "0123"),
        ("2001", "+49 89 555 2001"),
        ("+49895552001", "2001"),
        ("8-2001", "2001"),
        (" 2001", "2001"),
        ("2001x", "2001X"),
        ("0049895552001", "+49895552001"),
    ],
)
def test_a_near_miss_is_named_and_never_used(listed: str, asked: str) -> None:
    directory = Directory([alice(extension=listed)], [NORTH])

    verdict = directory.verdict(asked)

    assert directory.near_misses(asked) == [listed]
    assert verdict.kind is MatchKind.UNMATCHED
    assert f"QMS lists {listed}, which is not {asked}" in verdict.reason


def test_extensions_that_only_share_a_short_end_are_no_near_misses() -> None:
    assert Directory([alice(extension="2001"), bob(extension="3001")], [NORTH]).near_misses("4101") == []


def test_an_extension_that_nobody_has_says_what_to_do() -> None:
    assert "create the user in QMS" in Directory([alice()], [NORTH]).verdict("7777").reason


def test_a_user_without_extension_is_matched_by_nothing() -> None:
    assert Directory([alice(extension="")], [NORTH]).verdict("").kind is MatchKind.UNMATCHED


def test_a_user_marked_any_belongs_to_every_instance_in_their_order() -> None:
    listings = [alice(service_id=1, recording_service="Any"), alice(service_id=2, recording_service="any")]

    assert Directory(listings, [SOUTH, NORTH]).verdict("2001").services == (2, 1)


def test_a_user_listed_by_two_services_is_one_user() -> None:
    assert Directory([alice(), alice(service_id=2)], [NORTH, SOUTH]).verdict("2001").kind is MatchKind.MATCHED


def test_a_user_belongs_to_the_instance_that_answers_for_its_identifier() -> None:
    assert Directory([alice(recording_service="10.0.0.2")], [NORTH, SOUTH]).verdict("2001").services == (2,)


def test_a_user_with_an_identifier_that_no_instance_knows_belongs_to_its_lister() -> None:
    assert Directory([bob(service_id=2, recording_service="node-7")], [NORTH, SOUTH]).verdict("2002").services == (2,)


def test_a_user_of_a_service_that_is_not_allocated_is_reported_and_does_not_conflict() -> None:
    elsewhere = bob(extension="2001", service_id=9, recording_service="10.9.9.9")

    assert "10.9.9.9, which is not allocated" in Directory([elsewhere], [NORTH]).verdict("2001").reason
    assert Directory([elsewhere, alice()], [NORTH]).verdict("2001").user_id == "1001"


def test_two_active_users_on_one_extension_match_neither_and_are_both_named() -> None:
    verdict = Directory([alice(), bob(extension="2001")], [NORTH]).verdict("2001", "9101")

    assert (verdict.kind, verdict.services, verdict.user_id) == (MatchKind.CONFLICT, (), "")
    assert "Alice Archer" in verdict.reason
    assert "Bob Baker" in verdict.reason


def test_an_inactive_user_does_not_stand_in_the_way_of_an_active_one() -> None:
    assert Directory([bob(extension="2001", active=False), alice()], [NORTH]).verdict("2001").user_id == "1001"


def test_an_inactive_user_is_not_matched() -> None:
    verdict = Directory([alice(active=False)], [NORTH]).verdict("2001")

    assert (verdict.kind, verdict.services) == (MatchKind.INACTIVE, ())
    assert "activate the user" in verdict.reason


def test_an_unlicensed_user_is_not_matched() -> None:
    verdict = Directory([alice(licensed=False)], [NORTH]).verdict("2001")

    assert (verdict.kind, verdict.services) == (MatchKind.UNLICENSED, ())
    assert "licence" in verdict.reason


@pytest.mark.parametrize(
    ("agent_id", "agent_name", "reported"),
    [
        ("9999", "Alice Archer", "agent id 9101"),
        ("9101", "Carol Chen", "Carol Chen"),
        ("9101", "ARCHER, Alice", ""),
        ("", "", ""),
    ],
)
def test_a_difference_in_agent_id_or_name_is_reported_and_refuses_nothing(
    agent_id: str, agent_name: str, reported: str
) -> None:
    verdict = Directory([alice()], [NORTH]).verdict("2001", agent_id, agent_name)

    assert verdict.kind is MatchKind.MATCHED
    assert reported in verdict.reason
    assert ("check who is logged on there" in verdict.reason) == verdict.is_doubtful == bool(reported)


def test_an_agent_id_in_qms_may_be_the_agents_name() -> None:
    directory = Directory([alice(agent_id="Alice Archer")], [NORTH])

    assert "check" not in directory.verdict("2001", "9101", "Alice Archer").reason


def test_who_has_no_name_in_qms_is_not_doubted_for_the_name_that_the_source_says() -> None:
    verdict = Directory([alice(name="", agent_id="")], [NORTH]).verdict("2001", "9101", "Alice Archer")

    assert verdict.reason == "Extension 2001 is that of a user without a name (user 1001) in QMS."
    assert not verdict.is_doubtful


def mapped(**changes: object) -> ManualMapping:
    fields = {
        "agent_id": "9101",
        "data_server_id": 0,
        "user_id": "1002",
        "user": "Bob Baker (user 1002)",
        "by": "vera",
        "on": date(2025, 3, 3),
        "reason": "Changes desks every week.",
    }
    return ManualMapping(**(fields | changes))  # type: ignore[arg-type]


def test_a_mapping_by_hand_comes_before_the_extension_and_names_who_made_it() -> None:
    directory = Directory([alice(), bob(recording_service="10.0.0.2")], [NORTH, SOUTH], [mapped()])

    verdict = directory.verdict("2001", "9101", "Alice Archer")

    assert (verdict.kind, verdict.user_id, verdict.services, verdict.is_by_hand) == (
        MatchKind.MATCHED,
        "1002",
        (2,),
        True,
    )
    assert verdict.reason == (
        "Agent 9101 is Bob Baker (user 1002) in QMS, mapped by hand by vera on 2025-03-03: Changes desks every week."
    )


@pytest.mark.parametrize("agent_id", ["", "9102", "09101"])
def test_a_mapping_is_of_exactly_its_agent(agent_id: str) -> None:
    verdict = Directory([alice(), bob()], [NORTH], [mapped(), mapped(agent_id="")]).verdict("2001", agent_id)

    assert (verdict.user_id, verdict.is_by_hand) == ("1001", False)


def test_a_mapping_helps_a_user_without_extension_and_one_of_two_on_the_same() -> None:
    two = [alice(extension="2002"), bob(), bob(user_id="1003", extension="")]
    for user_id in ("1002", "1003"):
        directory = Directory(two, [NORTH], [mapped(user_id=user_id)])

        assert directory.verdict("2002", "9101").user_id == user_id
        assert directory.verdict("2002", "9999").kind is MatchKind.CONFLICT


def test_a_user_is_known_by_the_data_server_and_whichever_service_lists_it_now() -> None:
    listings = [bob(service_id=2, data_server_id=7), alice(user_id="1002", data_server_id=8)]

    verdict = Directory(listings, [NORTH, SOUTH], [mapped(data_server_id=7)]).verdict("5555", "9101")

    assert (verdict.kind, verdict.services) == (MatchKind.MATCHED, (1, 2))
    assert "Bob Baker" in verdict.reason


@pytest.mark.parametrize(
    ("users", "kind", "reported"),
    [
        ([], MatchKind.UNMATCHED, "QMS no longer lists that user"),
        ([bob(active=False)], MatchKind.INACTIVE, "that user is not active"),
        ([bob(licensed=False)], MatchKind.UNLICENSED, "no recording licence"),
        ([bob(service_id=9, recording_service="10.9.9.9")], MatchKind.UNMATCHED, "not allocated"),
    ],
)
def test_a_mapping_to_a_user_who_cannot_be_recorded_matches_nothing_and_says_why(
    users: list[Listed], kind: MatchKind, reported: str
) -> None:
    verdict = Directory([alice(), *users], [NORTH], [mapped()]).verdict("2001", "9101")

    assert (verdict.kind, verdict.services, verdict.is_by_hand) == (kind, (), True)
    assert "mapped by hand by vera on 2025-03-03 to Bob Baker (user 1002) in QMS (Changes desks every" in verdict.reason
    assert reported in verdict.reason
    assert "end the mapping" in verdict.reason


def test_the_reason_of_a_mapping_fits_into_a_leg_too() -> None:
    long = mapped(agent_id="9" * 250, user="U" * 250, by="B" * 150, reason="R" * 255)
    unlisted = Directory([], [NORTH], [long])
    listed = Directory([bob(name="N" * 250)], [NORTH], [long])

    assert max(len(one.verdict("2001", "9" * 250).reason) for one in (unlisted, listed)) <= 500


@pytest.mark.parametrize(
    ("in_qms", "agent_id", "name", "kind"),
    [
        ("9101", "9101", "Alice Archer", MatchKind.MATCHED),
        ("9101", "9999", "Carol Chen", MatchKind.UNMATCHED),
        ("9101", "9999", "Alice Archer", MatchKind.UNMATCHED),
        ("9101", "", "", MatchKind.MATCHED),
        ("", "9999", "Carol Chen", MatchKind.MATCHED),
        ("Alice Archer", "9101", "Alice Archer", MatchKind.MATCHED),
    ],
)
def test_with_fixed_sessions_an_agent_whose_id_contradicts_qms_is_not_matched(
    in_qms: str, agent_id: str, name: str, kind: MatchKind
) -> None:
    verdict = Directory([alice(agent_id=in_qms)], [NORTH], has_fixed_seating=True).verdict("2001", agent_id, name)

    assert verdict.kind is kind
    assert ("Seats are fixed" in verdict.reason) == (kind is MatchKind.UNMATCHED)
    assert bool(verdict.services) == (kind is MatchKind.MATCHED)


def test_with_fixed_sessions_a_mapping_by_hand_still_comes_first() -> None:
    directory = Directory([alice(agent_id="9999"), bob()], [NORTH], [mapped()], has_fixed_seating=True)

    assert directory.verdict("2001", "9101").user_id == "1002"


def test_a_reason_fits_into_a_leg_whatever_the_names() -> None:
    long = [
        alice(user_id=f"{n}" * 250, name="N" * 250, extension="E" * 250, recording_service="R" * 250) for n in range(6)
    ]
    directories = [
        Directory(long, [NORTH]),
        Directory(long[:1], [NORTH]),
        Directory(long, []),
        Directory(
            [alice(user_id="U" * 250, name="N" * 250, extension="E" * 250, agent_id="A" * 250)],
            [NORTH],
            has_fixed_seating=True,
        ),
    ]

    assert max(len(one.verdict("E" * 250, "I" * 250, "A" * 250).reason) for one in directories) <= 500
    assert len(Directory([alice(extension="0" + "E" * 250)], [NORTH]).verdict("E" * 250).reason) <= 500


extensions = st.text(alphabet="0123456789+-x ", max_size=8)
listings = st.lists(
    st.builds(
        Listed,
        service_id=st.sampled_from([1, 2, 9]),
        user_id=st.sampled_from("abcd"),
        extension=extensions,
        name=st.sampled_from(["", "Alice Archer", "Bob Baker"]),
        active=st.booleans(),
        licensed=st.booleans(),
        recording_service=st.sampled_from(["Any", "10.0.0.1", "10.0.0.2", "node-7"]),
    )
)


@given(listings, extensions)
def test_only_an_active_licensed_user_of_exactly_that_extension_is_ever_matched(
    users: list[Listed], asked: str
) -> None:
    verdict = Directory(users, [NORTH, SOUTH]).verdict(asked)
    exact = [one for one in users if one.extension == asked and one.active and asked]

    if verdict.kind is MatchKind.MATCHED:
        assert verdict.user_id in {one.user_id for one in exact if one.licensed}
        assert verdict.services
    else:
        assert verdict.services == ()


@given(listings, st.sampled_from("abcd"))
def test_a_mapping_never_matches_a_user_who_is_not_listed_active_and_licensed(users: list[Listed], user: str) -> None:
    verdict = Directory(users, [NORTH, SOUTH], [mapped(user_id=user)]).verdict("2001", "9101")
    rows = [one for one in users if one.user_id == user]

    if verdict.kind is MatchKind.MATCHED:
        assert verdict.user_id == user
        assert verdict.services
        assert any(one.active for one in rows)
        assert any(one.licensed for one in rows)
    else:
        assert verdict.services == ()


@given(listings, extensions)
def test_near_misses_never_hold_the_extension_itself(users: list[Listed], asked: str) -> None:
    assert asked not in Directory(users, [NORTH, SOUTH]).near_misses(asked)
