"""Whose a recording is, over the edges of time, where nobody sees how late events are (decision 13, as a table).

2001 is connected in C1 at 10. Its recording G begins some time before or after that and is found at once. Later another
call of the extension, C2, is heard of, and QMS names G for it too.
"""

from itertools import product

import pytest
from msgspec.structs import replace

from calls.core.outcomes import Outcome
from calls.core.state import SearchStatus, WriteStatus
from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_gaps import link

pytestmark = pytest.mark.core

#: When G began, seen from C1's Connected; and when C2 was heard of, seen from the recording's beginning.
BEGAN = [-3, -1.001, -1, -0.251, -0.25, 0, 0.25, 0.251, 1, 1.001, 1.5]
HEARD = [0.5, 0.999, 1, 1.001, 3, 5.999, 6, 6.001, 9]
CASES = [(began, heard) for began, heard in product(BEGAN, HEARD) if began + heard > 1.6]


def _owner(began: float, heard: float) -> str:
    """Return who has G in the end: the rule as decision 13 states it."""
    if heard > 6:
        return "C1"  # A call that is heard of that late did not begin it.
    is_close = abs(began) <= 0.25
    is_first_calls_too = abs(began) <= 1 or began < 0
    if not is_close and not is_first_calls_too and heard <= 1:
        return "C2"  # It began with C2, and not with C1.
    return "nobody"


@pytest.mark.parametrize(("began", "heard"), CASES)
def test_a_recording_is_whose_beginning_it_fits_alone(began: float, heard: float) -> None:
    board = Switchboard(with_site(has_source_times=False)).call("Established", 10, "C1", "2001")
    board.found(11.5, 1, "G", started=10 + began)
    second = 10 + began + heard
    board.call("Held", second - 0.01, "C1", "2001").call("Established", second, "C2", "2001")
    board.found(second + 0.3, 2, "G", started=10 + began)

    owners = [leg.call_id for leg in board.legs if leg.guid == "G"]
    assert (owners or ["nobody"]) == [_owner(began, heard)]


@pytest.mark.parametrize(("began", "heard"), [(0, 0.5), (0.25, 6), (-0.25, 5)])
def test_the_leg_that_gives_a_recording_up_says_why_and_asks_no_more(began: float, heard: float) -> None:
    board = Switchboard(with_site(has_source_times=False)).call("Established", 10, "C1", "2001")
    board.found(10.4, 1, "G", started=10 + began)
    second = 10 + began + heard
    board.call("Held", second - 0.01, "C1", "2001").call("Established", second, "C2", "2001")
    board.found(second + 0.3, 2, "G", started=10 + began)

    first = board.state.legs[1]
    assert (first.guid, first.service, first.search, first.missed) == ("", None, SearchStatus.MISSED, "next_call")
    assert first.trace[-1].what == "missed"
    assert "G" in first.trace[-1].text


def test_a_recording_whose_flags_are_on_their_way_is_not_taken_from_its_leg() -> None:
    board = Switchboard(with_site(has_source_times=False)).call("Established", 10, "C1", "2001")
    board.found(10.4, 1, "G", started=10).call("ConnectionCleared", 17, "C1", "2001").waits(18.1)
    board.call("Established", 18.2, "C2", "2001").found(18.4, 2, "G", started=18)

    assert board.writes == [(1, "base")]
    assert [leg.guid for leg in board.legs] == ["G", ""]


def test_a_lost_link_takes_no_recording_from_a_leg_whose_flags_are_written() -> None:
    """It waits for its wrap-up; what it has in QMS stays true."""
    board = Switchboard(with_site(wrapup_wait_seconds=120, has_source_times=False)).call(
        "Established", 10, "C1", "2001"
    )
    board.found(11.5, 1, "G", started=11).call("ConnectionCleared", 12, "C1", "2001").waits(19)
    board.settled(19.2, 1).hears(link("Lost", 15))

    assert (board.leg.base, board.leg.guid, board.leg.outcome) == (WriteStatus.WRITTEN, "G", Outcome.WAITING)


def test_a_lost_link_takes_a_doubtful_recording_whose_flags_still_wait() -> None:
    board = Switchboard(with_site(has_source_times=False)).call("Established", 10, "C1", "2001")
    board.found(11.5, 1, "G", started=11).call("ConnectionCleared", 12, "C1", "2001").hears(link("Lost", 15))

    assert (board.leg.guid, board.leg.outcome, board.writes) == ("", Outcome.WINDOW_MISSED, [])


@pytest.mark.parametrize(("lost", "is_kept"), [(8.999, True), (9, False), (17, False), (17.001, True)])
def test_a_loss_concerns_a_recording_from_a_second_before_connected_to_six_after_it_began(
    lost: float, is_kept: bool
) -> None:
    board = Switchboard(with_site(has_source_times=False)).call("Established", 10, "C1", "2001")
    board.found(11.5, 1, "G", started=11).hears(link("Lost", lost))

    assert (board.leg.guid == "G") is is_kept


@pytest.mark.parametrize("lost", [10.44, 10.46])
def test_a_recording_is_sure_though_the_link_is_lost_a_quarter_of_a_second_after_qms_was_asked(lost: float) -> None:
    board = Switchboard().call("Established", 10, "C1", "2001")
    board.found(10.3, 1, "G", started=10.1, asked=10.2).hears(link("Lost", lost))

    assert board.leg.guid == "G"


def test_an_unconfirmed_answer_is_never_sure() -> None:
    board = Switchboard().call("Originated", 0, "C1", "2001").call("NetworkReached", 1, "C1", "2001").waits(3)
    board.found(3.2, 1, "G", started=3.0, asked=3.1)

    assert (board.leg.is_unconfirmed, board.leg.sure_at) == (True, None)


@pytest.mark.parametrize(
    ("began", "asked", "is_sure"),
    [
        (9.75, 10.2, True),
        (9.749, 10.2, False),
        (10.2, 10.2, True),
        (11.5, 11.6, True),
        (10.3, 10.2, False),
        (10.0, 9.9, False),
        (10.0, 10.0, True),
    ],
)
def test_a_recording_is_sure_from_a_quarter_of_a_second_before_connected_until_qms_was_asked(
    began: float, asked: float, is_sure: bool
) -> None:
    board = Switchboard().call("Established", 10, "C1", "2001")
    board.found(12, 1, "G", started=began, asked=asked)

    assert (board.leg.sure_at is not None) is is_sure


@pytest.mark.parametrize(("lag", "is_sure"), [(0.25, True), (0.251, False)])
def test_a_recording_is_sure_only_where_connected_was_received_within_a_quarter_of_a_second(
    lag: float, is_sure: bool
) -> None:
    late = replace(event("Established", 10, callId="C1", deviceId="2001"), gatewaytime=moment(10 + lag))
    board = Switchboard().hears(late).found(10.8, 1, "G", started=10.3, asked=10.6)

    assert (board.leg.sure_at is not None) is is_sure


def test_a_recording_is_not_sure_at_an_extension_whose_events_are_missed() -> None:
    board = Switchboard().hears(event("Lost", 5, family="link", devices=["2001"])).call("Established", 10, "C1", "2001")
    board.found(10.3, 1, "G", started=10.1, asked=10.2)

    assert board.leg.sure_at is None


def _unconfirmed(began: float) -> Switchboard:
    """Let 2001 be connected at 12 on a silent trunk, its recording begin, and another call be heard of."""
    board = Switchboard(with_site(has_source_times=False)).call("Originated", 9, "C1", "2001")
    board.call("NetworkReached", 10, "C1", "2001").waits(12).found(began + 0.1, 1, "G", started=began)
    return board


def test_a_recording_that_began_with_another_call_is_taken_from_an_unconfirmed_one() -> None:
    board = _unconfirmed(13.5).call("Held", 13.9, "C1", "2001").call("Established", 14, "C2", "2001")
    board.found(14.2, 2, "G", started=13.5)

    assert [(leg.call_id, leg.guid) for leg in board.legs] == [("C1", ""), ("C2", "G")]


def test_a_recording_that_may_be_of_an_unconfirmed_call_or_of_another_is_neithers() -> None:
    board = _unconfirmed(11.5).call("Held", 12.2, "C1", "2001").call("Established", 12.3, "C2", "2001")
    board.found(12.5, 2, "G", started=11.5)

    assert [(leg.call_id, leg.guid) for leg in board.legs] == [("C1", ""), ("C2", "")]


@pytest.mark.parametrize(("theirs", "owner"), [(9, ""), (8.999, "G")])
def test_a_recording_that_began_late_may_be_that_of_a_call_connected_up_to_a_second_before(
    theirs: float, owner: str
) -> None:
    board = Switchboard(with_site(has_source_times=False)).call("Established", theirs, "C2", "2001")
    board.call("Held", 9.5, "C2", "2001").call("Established", 10, "C1", "2001").found(11.4, 2, "G", started=11.2)

    assert board.state.legs[2].guid == owner


@pytest.mark.parametrize(("began", "missed"), [(9.0, ""), (8.999, "stranger")])
def test_a_recording_of_more_than_a_second_before_connected_is_another_calls(began: float, missed: str) -> None:
    board = Switchboard().call("Established", 10, "C1", "2001").call("ConnectionCleared", 10.4, "C1", "2001")
    board.found(10.5, 1, "G", started=began, asked=10.3)

    assert board.leg.missed == missed


@pytest.mark.parametrize(("began", "missed"), [(11.5, ""), (11.501, "began_late")])
def test_a_recording_of_more_than_a_second_and_a_half_after_connected_is_nobodys(began: float, missed: str) -> None:
    board = Switchboard().call("Established", 10, "C1", "2001").found(11.7, 1, "G", started=began, asked=11.6)

    assert board.leg.missed == missed


@pytest.mark.parametrize(("began", "missed"), [(10, ""), (10.001, "began_late")])
def test_a_recording_of_a_leg_that_a_snapshot_found_had_begun_by_then(began: float, missed: str) -> None:
    board = Switchboard().call("Delivered", 7, "C1", "2001").hears(link("Lost", 8), link("Restored", 10))
    board.hears(event("Began", 10, family="snapshot")).call("Established", 10, "C1", "2001")
    board.hears(event("Ended", 10, family="snapshot")).found(10.5, 1, "G", started=began, asked=10.4)

    assert board.leg.missed == missed


@pytest.mark.parametrize(("began", "is_kept"), [(20.999, True), (21.0, False)])
def test_a_recording_that_began_with_the_end_of_its_leg_is_another_calls(began: float, is_kept: bool) -> None:
    """A clock of whole seconds may be up to one second behind: the leg may have lasted until 21."""
    board = Switchboard().hears(
        replace(event("Established", 20, callId="C1", deviceId="2001"), gatewaytime=moment(20.1))
    )
    board.hears(replace(event("ConnectionCleared", 20, callId="C1", deviceId="2001"), gatewaytime=moment(21.2)))
    board.found(21.3, 1, "G", started=began, asked=21.1)

    assert (board.leg.guid == "G") is is_kept


@pytest.mark.parametrize(("heard", "connected"), [(21.0, 19.5), (21.001, 20)])
def test_an_earlier_connected_heard_within_a_second_of_the_later_one_is_the_beginning_of_the_same_leg(
    heard: float, connected: float
) -> None:
    early = replace(event("Established", 19.5, callId="C1", deviceId="2001"), gatewaytime=moment(heard))
    board = Switchboard().call("Established", 20, "C1", "2001").hears(early)

    assert [leg.connected_source_at for leg in board.legs] == [moment(connected)]


@pytest.mark.parametrize(("dialled", "calls"), [(11.0, 1), (11.001, 2)])
def test_who_dials_under_an_id_over_a_second_after_its_call_began_is_in_another_call(
    dialled: float, calls: int
) -> None:
    board = Switchboard().call("Established", 10, "C1", "2001").call("Originated", dialled, "C1", "2002")

    assert len(board.state.calls) == calls


@pytest.mark.parametrize(("second", "noted"), [(59.999, 0), (60.0, 60)])
def test_that_the_clocks_agree_is_noted_once_a_minute(second: float, noted: float) -> None:
    board = Switchboard().call("Established", 0, "C1", "2001").call("Established", second, "C2", "2002")

    assert board.state.source.agreed_gateway_at == moment(noted)
