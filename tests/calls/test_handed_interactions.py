"""Which interaction a customer's call has after it was handed on, where its own may have been stated in a gap."""

from typing import Any

import pytest

from tests.relatives.case import (
    Case,
    Event,
    cleared,
    conferenced,
    dials,
    established,
    holds,
    other,
    played,
    queued,
    transferred,
)

pytestmark = pytest.mark.core

RECORDINGS = [("R1", "2001", 5.05, 20.0), ("R2", "2003", 25.05, 45.0), ("R3", "2003", 45.05, 80.0)]
GAP = [other(0, "link.Lost"), other(2, "link.Restored"), other(2, "snapshot.Began"), other(2, "snapshot.Ended")]


def consulted(resulting: str, before: list[Event], *, joined: str = "Transferred", **stated: Any) -> dict[str, str]:
    """Return the interaction of each recording: 2001 answers call 100 and consults 2003 in 200, which states I2."""
    end = conferenced(45, "100", "200", resulting, "2001", "2003")
    if joined == "Transferred":
        end = transferred(45, "100", "200", resulting, "2001", "2003", **stated)
    events = [
        *before,
        established(5, "100", "2001"),
        holds(20, "100", "2001"),
        dials(21, "200", "2001", interaction="I2"),
        established(25, "200", "2003"),
        end,
        cleared(80, resulting, "2003"),
        cleared(80, resulting, "2001"),
    ]
    replay = played(Case("", events, [], RECORDINGS))
    flags = {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid}
    return {name: one.get("InteractionGuid", "") for name, one in flags.items()}


@pytest.mark.parametrize("resulting", ["100", "200", "300"])
def test_after_a_gap_a_consultation_hands_on_no_interaction_to_a_call_of_which_none_is_known(resulting: str) -> None:
    found = consulted(resulting, GAP)

    assert found["R2"] == "I2"
    assert found["R3"] == found["R1"] not in ("", "I2")


@pytest.mark.parametrize("resulting", ["100", "200", "300"])
def test_so_it_is_where_a_known_call_waited_as_the_link_was_lost(resulting: str) -> None:
    found = consulted(resulting, [queued(-5, "100", queue="Sales"), *GAP])

    assert found["R3"] == found["R1"] not in ("", "I2")


@pytest.mark.parametrize("resulting", ["100", "200", "300"])
def test_an_interaction_that_the_call_or_the_transfer_states_counts_after_a_gap(resulting: str) -> None:
    known = consulted(resulting, [*GAP, queued(3, "100", queue="Sales", interaction="I1")])
    stated = consulted(resulting, GAP, interaction="I1")

    assert (known["R2"], known["R3"]) == ("I2", "I1")
    assert stated["R3"] == "I1"


@pytest.mark.parametrize("resulting", ["100", "200", "300"])
def test_without_a_gap_a_call_takes_over_the_interaction_of_its_consultation(resulting: str) -> None:
    assert consulted(resulting, [queued(3, "100", queue="Sales")])["R3"] == "I2"


@pytest.mark.parametrize("resulting", ["100", "200", "300"])
def test_a_conference_after_a_gap_leaves_the_customer_the_made_interaction(resulting: str) -> None:
    found = consulted(resulting, GAP, joined="Conferenced")

    assert found["R2"] == "I2"
    assert found["R3"] == found["R1"] not in ("", "I2")
