"""A recording that fits its leg by chance: where the link stalls, the next call's own search decides whose it is."""

import pytest
from msgspec.structs import replace

from calls.core.outcomes import Outcome
from calls.core.state import SearchStatus
from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_call_events import queue_call
from tests.calls.test_gaps import link, snapshot

pytestmark = pytest.mark.core


def _unstamped() -> Switchboard:
    """Return a source without times of its own: what is heard may have happened seconds before."""
    return Switchboard(with_site(has_source_times=False))


def _consultation(board: Switchboard, heard: float) -> Switchboard:
    """Let 2001 put C1, connected at 5, on hold, and its next call be heard of."""
    return board.call("Held", heard - 0.1, "C1", "2001").call("Established", heard, "C2", "2001")


def _over(board: Switchboard) -> Switchboard:
    return board.call("ConnectionCleared", 30, "C2", "2001").call("ConnectionCleared", 40, "C1", "2001").waits(60)


@pytest.mark.parametrize("heard", [6.5, 8, 11])
def test_a_recording_is_nobodys_when_qms_has_none_for_the_call_heard_of_soon_after(heard: float) -> None:
    board = _consultation(queue_call(_unstamped()).found(5.3, 1, "G2", started=5.2), heard).missed(heard + 10, 2)

    assert [(leg.guid, leg.outcome) for leg in _over(board).legs] == [
        ("", Outcome.WINDOW_MISSED),
        ("", Outcome.NOT_RECORDED),
    ]
    assert board.writes == []


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("connected", "is_kept"), [(6, False), (7, True), (9, True)])
@pytest.mark.parametrize("late", [0.3, 1.5, 4])
def test_a_recording_that_began_over_a_second_before_the_next_call_was_connected_stays(
    whole: bool, connected: float, is_kept: bool, late: float
) -> None:
    """So the source's own time of that says, however late it is heard; QMS has no recording for the next call."""
    at = connected + (0 if whole else 0.1)
    board = queue_call(Switchboard(), start=0 if whole else 0.1).found(5.9, 1, "G1", started=5.7)
    board.hears(replace(event("Established", at, callId="C2", deviceId="2001"), gatewaytime=moment(at + late)))
    board.missed(at + late + 10, 2)

    assert [leg.guid for leg in _over(board).legs] == ["G1" if is_kept else "", ""]


def test_a_recording_stays_when_the_next_call_has_its_own() -> None:
    board = _consultation(queue_call(Switchboard()).found(5.3, 1, "G1", started=5.2), 8).found(8.2, 2, "G2", started=8)

    assert [leg.guid for leg in _over(board).legs] == ["G1", "G2"]
    assert sorted(board.writes) == [(1, "base"), (2, "base")]


def test_flags_wait_for_the_search_of_the_next_call() -> None:
    board = _consultation(queue_call(_unstamped()).found(5.3, 1, "G1", started=5.2), 8)
    board.call("ConnectionCleared", 9, "C1", "2001").waits(14)

    assert board.writes == []
    assert board.found(14.5, 2, "G2", started=8).writes == [(1, "base")]


def test_the_next_call_decides_also_when_it_is_heard_of_before_the_recording_is_found() -> None:
    board = _consultation(queue_call(_unstamped()), 8).found(8.5, 1, "G2", started=5.2).missed(18, 2)

    assert [leg.guid for leg in _over(board).legs] == ["", ""]


@pytest.mark.parametrize("heard", [11.5, 60])
def test_a_call_heard_of_long_after_decides_nothing(heard: float) -> None:
    board = _consultation(queue_call(Switchboard()).found(5.3, 1, "G1", started=5.2), heard).missed(heard + 9, 2)

    assert [leg.guid for leg in board.legs] == ["G1", ""]


def test_a_leg_whose_contender_is_forgotten_gives_its_recording_up_rather_than_wait_permanently() -> None:
    board = _consultation(queue_call(_unstamped()).found(5.3, 1, "G1", started=5.2), 8)
    board.call("ConnectionCleared", 9, "C1", "2001")
    del board.state.legs[2]  # type: ignore[attr-defined]  # as where another process settled it

    assert board.waits(26).state.legs[1].outcome is Outcome.WINDOW_MISSED


def test_the_second_segment_after_a_transfer_gives_its_recording_up_too() -> None:
    """The recording that QMS named began with a call at the extension that we hear of only now."""
    board = Switchboard().call("Established", 5, "C2", "2002").found(5.1, 1, "G1")
    moved = [{"old": {"callId": "C2", "deviceId": "2002"}, "new": {"callId": "C1", "deviceId": "2002"}}]
    board.call("Established", 4, "C1", "2001").hears(
        event(
            "Transferred",
            20,
            primaryOldCallId="C1",
            secondaryOldCallId="C2",
            resultingCallId="C1",
            transferringDeviceId="2001",
            transferredToDeviceId="2002",
            connections=moved,
        )
    )
    board.found(21.5, 1, "G2", started=21.3).call("ConnectionCleared", 22, "C1", "2002")
    board.call("Established", 23.5, "C3", "2002").waits(40)

    second = next(leg for leg in board.legs if leg.device_id == "2002" and leg.call_id == "C1")
    assert (second.guid, second.outcome) == ("", Outcome.WINDOW_MISSED)


def test_a_recording_that_does_not_fit_is_nobodys_when_the_link_is_lost_soon_after() -> None:
    """The link stalled, and broke with the call still under way on it that had begun the recording."""
    board = queue_call(Switchboard()).found(6.5, 1, "G2", started=5.7).hears(link("Lost", 9))
    board.hears(link("Restored", 10), snapshot("Began", 10), snapshot("Ended", 11)).waits(30)

    assert (board.leg.guid, board.leg.outcome, board.writes) == ("", Outcome.WINDOW_MISSED, [])


def test_a_recording_that_is_named_only_after_the_loss_is_not_taken_either() -> None:
    board = queue_call(Switchboard()).hears(link("Lost", 6)).found(6.2, 1, "G2", started=5.7)

    assert (board.leg.guid, board.leg.outcome) == ("", Outcome.WINDOW_MISSED)


def test_a_loss_is_dated_at_the_last_sign_of_life_which_is_before_the_last_events() -> None:
    board = queue_call(Switchboard()).hears(link("Lost", 4.8)).found(6.2, 1, "G2", started=4.2)

    assert (board.leg.guid, board.leg.outcome) == ("", Outcome.WINDOW_MISSED)


@pytest.mark.parametrize(("began", "lost"), [(5.1, 7), (5.7, 12)])
def test_a_recording_that_fits_or_began_long_before_the_loss_stays(began: float, lost: float) -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1", started=began).hears(link("Lost", lost))

    assert board.leg.guid == "G1"


def test_a_transfer_long_after_a_loss_is_not_concerned_by_it() -> None:
    board = Switchboard().call("Established", 5, "C2", "2002").found(5.1, 1, "G1").hears(link("Lost", 10))
    board.hears(link("Restored", 11), snapshot("Began", 11)).call("Established", 11, "C2", "2002")
    board.hears(snapshot("Ended", 12)).call("Established", 14, "C1", "2001")
    moved = [{"old": {"callId": "C2", "deviceId": "2002"}, "new": {"callId": "C1", "deviceId": "2002"}}]
    board.hears(
        event(
            "Transferred",
            30,
            primaryOldCallId="C1",
            secondaryOldCallId="C2",
            resultingCallId="C1",
            transferringDeviceId="2001",
            transferredToDeviceId="2002",
            connections=moved,
        )
    )
    board.found(30.5, 1, "G2", started=30.3)

    assert "G2" in [leg.guid for leg in board.legs]


def test_where_qms_knew_of_other_legs_long_before_us_nothing_fits_by_more_than_chance() -> None:
    board = Switchboard().call("Established", 4, "C9", "2009").found(4.1, 1, "G9", started=2.5)
    board = queue_call(board).found(5.3, 2, "G2", started=5.2).hears(link("Lost", 9))

    assert [leg.guid for leg in board.legs if leg.device_id == "2001"] == [""]


def test_a_call_that_a_snapshot_finds_on_hold_does_not_end_with_the_snapshot() -> None:
    """It rang before the gap; its Held was heard just before the snapshot, and what came before was not."""
    board = Switchboard().call("Delivered", 1, "C1", "2001")
    board.hears(link("Lost", 2), link("Restored", 9)).call("Held", 9.5, "C1", "2001")
    board.call("Established", 9.8, "C2", "2001").hears(snapshot("Began", 10)).call("Held", 10, "C1", "2001")
    board.waits(10.8).hears(snapshot("Ended", 11)).waits(14)

    (held,) = [leg for leg in board.legs if leg.call_id == "C1"]
    assert (held.outcome, held.disconnected_source_at) == (Outcome.JOINED_LATE, None)


def _conference(*, secondary: bool) -> Switchboard:
    """Let 2001 join C1, which a snapshot found on hold, with the consultation C2, heard of before the snapshot."""
    board = Switchboard().hears(link("Lost", 2), link("Restored", 9))
    board.call("Established", 9.8, "C2", "2001").found(9.9, 1, "G2").hears(snapshot("Began", 10))
    board.call("Held", 10, "C1", "2001").call("Established", 10, "C2", "2001").hears(snapshot("Ended", 11))
    names = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2"} if secondary else {"primaryOldCallId": "C2"}
    items = [
        {"old": {"callId": one, "deviceId": "2001"}, "new": {"callId": "C3", "deviceId": "2001"}}
        for one in ("C1", "C2")
    ]
    return board.hears(
        event("Conferenced", 30, resultingCallId="C3", conferencingDeviceId="2001", connections=items, **names)
    )


@pytest.mark.parametrize("secondary", [True, False])
def test_a_conference_goes_on_in_the_call_that_was_on_hold_though_a_snapshot_named_it_last(secondary: bool) -> None:
    board = _conference(secondary=secondary).call("ConnectionCleared", 40, "C3", "2001").waits(60)

    consultation = board.state.legs[1]
    assert (consultation.call_id, consultation.disconnected_source_at is not None) == ("C2", True)
    assert [leg.call_id for leg in board.legs if leg.outcome is Outcome.JOINED_LATE] == ["C3"]


def test_a_leg_whose_recording_goes_on_without_it_says_so_and_is_settled() -> None:
    board = Switchboard(with_site(has_source_times=False)).call("Established", 95, "C2", "2001")
    board.found(95.3, 1, "G", started=95.1).call("Established", 100, "C1", "2001")
    assert board.leg_of("C2").contested_by == 2

    board.call("ConnectionCleared", 100.1, "C2", "2001").found(100.4, 2, "G", started=95.1, asked=100.2)

    given_up = board.leg_of("C2")
    assert (given_up.guid, given_up.service, given_up.search, given_up.missed, given_up.contested_by) == (
        "", None, SearchStatus.MISSED, "next_call", None,
    )  # fmt: skip
    assert (given_up.outcome, given_up.trace[-1].what) == (Outcome.WINDOW_MISSED, "missed")
    assert given_up.trace[-1].text.endswith("Recording G goes on after the end of this leg.")


@pytest.mark.parametrize(
    ("began", "owner"),
    [
        (11.199, "C1"),
        (11.2, "nobody"),
        (12.2, "nobody"),
        (13.0, "nobody"),
        (13.001, "C2"),
        (13.2, "C2"),
        (13.201, "C1"),
    ],
)
def test_a_recording_of_a_call_whose_answer_was_not_reported_is_whose_beginning_it_fits(
    began: float, owner: str
) -> None:
    """A silent trunk: C1 counts as connected at 12, C2 is at 12.2."""
    board = Switchboard(with_site(has_source_times=False)).call("Originated", 9, "C1", "2001")
    board.call("NetworkReached", 10, "C1", "2001").waits(12).found(12.1, 1, "G", started=began)
    board.call("Held", 12.15, "C1", "2001").call("Established", 12.2, "C2", "2001").found(14, 2, "G", started=began)

    assert [leg.call_id for leg in board.legs if leg.guid == "G"] == ([owner] if owner != "nobody" else [])


@pytest.mark.parametrize(("began", "is_stall"), [(8.998, True), (8.999, True), (9.0, False), (10.1, False)])
def test_a_recording_of_over_a_second_before_connected_says_that_the_link_stalls(began: float, is_stall: bool) -> None:
    board = Switchboard(with_site(has_source_times=False)).call("Established", 10, "C1", "2001")
    board.found(10.2, 1, "G", started=began)

    assert board.state.source.stalled_gateway_at == (moment(10) if is_stall else None)


@pytest.mark.parametrize(("connected", "keeps"), [(11.099, False), (11.1, False), (11.101, True)])
def test_a_call_that_was_connected_over_a_second_after_a_recording_began_does_not_contest_it(
    connected: float, keeps: bool
) -> None:
    """G began at 10.1 with C1; that C2 was connected is heard late, at 11.6, and QMS names none for it."""
    board = Switchboard().call("Established", 10, "C1", "2001").found(10.3, 1, "G", started=10.1)
    board.call("ConnectionCleared", 10.9, "C1", "2001")
    board.hears(replace(event("Established", connected, callId="C2", deviceId="2001"), gatewaytime=moment(11.6)))
    board.missed(22, 2, asked=21).waits(40)

    assert [leg.call_id for leg in board.legs if leg.guid == "G"] == (["C1"] if keeps else [])
    assert board.writes == ([(1, "base")] if keeps else [])
