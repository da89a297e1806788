"""What is reported after a gap of the link: calls that may have ended in it hand nothing on."""

import pytest

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, with_site
from tests.calls.test_gaps import link, snapshot
from tests.calls.test_late_reports import CUSTOMER, customer_on_hold, leg, names

pytestmark = pytest.mark.core


@pytest.mark.parametrize("before", ["Queued", "Originated", "Delivered"])
def test_a_call_in_which_nobody_talked_before_a_gap_hands_nothing_on(before: str) -> None:
    """Its id may have been used again in the gap, by whoever is found talking under it, or comes next."""
    device = {"deviceId": "2003"} if before != "Queued" else {}
    for is_found in (True, False):
        board = Switchboard().hears(event(before, 1.5, callId="C1", **device, **CUSTOMER), link("Lost", 3.5))
        board.hears(link("Restored", 15), snapshot("Began", 15))
        if is_found:
            board.call("Established", 15, "C1", "2001")
        board.hears(snapshot("Ended", 15.1)).call("Established", 20, "C1", "2002")

        assert names(board, "2002") == ("", "")
        assert leg(board, "2002").facts.interaction_id != "I1"


def test_who_talks_after_a_gap_is_in_another_call_if_all_who_talked_before_have_left() -> None:
    board = Switchboard().call("Established", 1.5, "C1", "2001", **CUSTOMER).hears(link("Lost", 3.5))
    board.hears(link("Restored", 8), snapshot("Began", 8)).call("Established", 8, "C1", "2003")
    board.hears(snapshot("Ended", 8.1)).call("Established", 12, "C1", "2002")

    assert names(board, "2001") == ("Jo", "Sales")
    assert (names(board, "2003"), names(board, "2002")) == (("", ""), ("", ""))


def test_a_conference_joins_the_call_that_an_id_names_now() -> None:
    """2001 dialled in C2 before a gap; C2 is answered after it, and may be another call by then."""
    board = customer_on_hold(Switchboard()).hears(link("Lost", 21.5), link("Restored", 22), snapshot("Began", 22))
    board.call("Established", 22, "C1", "2001").hears(snapshot("Ended", 22)).call("Established", 25, "C2", "2002")
    both = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "conferencingDeviceId": "2001"}
    board.hears(event("Conferenced", 28, resultingCallId="C1", addedPartyId="2002", **both)).waits(40)

    assert (leg(board, "2002").call_id, leg(board, "2002").disconnected_source_at) == ("C1", None)


@pytest.mark.parametrize("interaction", ["", "I1"])
def test_a_wrap_up_after_a_gap_in_which_its_leg_ended_needs_the_interaction(interaction: str) -> None:
    board = Switchboard(with_site(wrapup_wait_seconds=120))
    board.call("Established", 1.5, "C1", "2001", interactionId="I1").hears(link("Lost", 2))
    board.hears(link("Restored", 60), snapshot("Began", 60), snapshot("Ended", 60.1))
    stated = {"interactionId": interaction} if interaction else {}
    board.call("CallInformation", 90, "C1", wrapup={"result": "sold"}, **stated)

    assert board.leg.wrapup_result == ("sold" if interaction else "")


@pytest.mark.parametrize("queue", ["7001", None])
def test_a_call_that_waited_before_a_gap_may_be_over_also_where_the_snapshot_names_its_devices(
    queue: str | None,
) -> None:
    """The queue is no party of the call, and may not be named; the link was lost for all."""
    board = Switchboard().call("Queued", 25, "C1", queue, callerName="Hana", queueName="Support")
    board.hears(link("Lost", 26), link("Restored", 85))
    board.hears(event("Began", 86, family="snapshot", devices=["2001", "7001"]))
    board.hears(event("Ended", 86, family="snapshot", devices=["2001", "7001"]))
    board.call("Established", 88, "C1", "2001", cause="callPickup").call("ConnectionCleared", 95, "C1", "2001").waits(
        99
    )

    assert (board.leg.facts.caller_name, board.leg.facts.queue_name) == ("", "")


@pytest.mark.parametrize("restarted", [[], [link("Lost", 5)], [link("Lost", 5), link("Lost", 4)]])
def test_an_end_of_another_interaction_after_a_gap_is_of_the_ids_next_call(restarted: list[AnyEvent]) -> None:
    """Whatever the listener that begins says when the link was lost: the first word of it was later."""
    board = Switchboard(with_site(has_source_times=False)).call("Established", 10, "C1", "2001", interactionId="I1")
    board.hears(link("Lost", 20), *restarted, link("Restored", 50))
    board.call("ConnectionCleared", 51, "C1", "T1", interactionId="I2", outside=True)
    board.call("ConnectionCleared", 51, "C1", "2001", interactionId="I2")
    board.hears(snapshot("Began", 52), snapshot("Ended", 52.1)).waits(60)

    assert leg(board, "2001").facts.interaction_id == "I1"


@pytest.mark.parametrize(("logged_on", "agent"), [(1, "9101"), (6, "")])
@pytest.mark.parametrize("is_first", [True, False])
def test_who_logged_on_in_a_gap_may_have_come_after_a_call_that_was_answered_in_it(
    logged_on: float, agent: str, is_first: bool
) -> None:
    """2001 rings before a gap of two seconds; the snapshot after it has it connected, and an agent logged on there."""
    board = Switchboard()
    if logged_on < 5:
        board.agent("LoggedOn", logged_on, "9101", deviceId="2001")
    board.call("Delivered", 4, "C1", "2001", **CUSTOMER).hears(link("Lost", 5), link("Restored", 7))
    board.hears(snapshot("Began", 7))
    found = [
        event("LoggedOn", 7, family="agent", agentId="9101", deviceId="2001"),
        event("Established", 7, callId="C1", deviceId="2001"),
    ]
    board.hears(*(found if is_first else reversed(found)), snapshot("Ended", 7.1))

    assert leg(board, "2001").agent_id == agent
    assert not leg(board, "2001").is_joined_late


@pytest.mark.parametrize(("lost", "rung", "is_same"), [(None, 10, True), (None, 14, True), (9, 8, False)])
def test_a_phone_that_began_to_ring_before_the_first_snapshot_rings_in_the_same_call(
    lost: float | None, rung: float, *, is_same: bool
) -> None:
    """Its snapshot is no new ringing, unless something was missed: with two calls nobody knows whose a wrap-up is."""
    board = Switchboard(with_site(wrapup_wait_seconds=60)).hears(link("Restored", 0))
    board.call("Delivered", rung, "C1", "2001", interactionId="I1", queueName="Sales")
    if lost is not None:
        board.hears(link("Lost", lost), link("Restored", 15))
    board.hears(snapshot("Began", 16)).call("Delivered", 16, "C1", "2001").hears(snapshot("Ended", 16))
    board.call("Established", 17, "C1", "2001", interactionId="I1").found(17.1, 1, "G1")
    board.call("ConnectionCleared", 20, "C1", "2001", interactionId="I1").waits(22).settled(23, 1)
    board.call("CallInformation", 24, "C1", "2001", interactionId="I1", wrapup={"result": "Sold"})

    assert len(board.state.calls) == (1 if is_same else 2)
    assert (board.leg.wrapup_result == "Sold") is is_same
