"""What a leg knows of its call, who leaves as it is joined, and what is handed on: each condition at its edges.

C1 began at 0. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.connections import open_before
from calls.core.flag_origins import FlagOrigin, flag_origins
from calls.core.handed_interactions import handed_facts, without_doubtful
from calls.core.leavers import leave, leave_before
from calls.core.leg_data import data_of
from calls.core.origins import Origin, OriginRule
from calls.core.state import LegData, LegPhase, LegState, TimedValue, WriteStatus
from cti.events import Transferred
from tests.calls.call_states import NO_TIMES, call, handed, history, holding, left, made, other, party
from tests.calls.leg_states import SAID, leg, over
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

OWN = FlagOrigin("Interaction", None)


@pytest.mark.parametrize(
    ("one", "origins"),
    [
        (leg(call_origin=SAID, facts=LegData(interaction_id="I1")), [FlagOrigin("Call reference", SAID), OWN]),
        (leg(call_origin=SAID), [FlagOrigin("Call reference", SAID)]),
        (leg(facts=LegData(interaction_id="I1")), []),
        (
            leg(call_origin=SAID, facts=LegData(interaction_id="I1", origins={"interaction_id": SAID})),
            [FlagOrigin("Call reference", SAID), FlagOrigin("Interaction", SAID)],
        ),
        (leg(agent_origin=SAID, wrapup_origin=SAID), [FlagOrigin("Agent", SAID), FlagOrigin("Wrap-up", SAID)]),
        (leg(facts=LegData(origins={"query:no": SAID})), [FlagOrigin("Query data no", SAID)]),
    ],
)
def test_a_leg_says_where_its_values_are_from(one: LegState, origins: list[FlagOrigin]) -> None:
    assert flag_origins(one) == origins


@pytest.mark.parametrize(
    ("origin", "sentence"),
    [
        (SAID, "The call in which the extension was connected: Established e at noon."),
        (replace(SAID, id=""), "The call in which the extension was connected: Established at noon."),
        (replace(SAID, rule=OriginRule.STATED), "Stated by Established e at noon."),
        (None, "Made by the gateway: no event stated an interaction."),
    ],
)
def test_where_a_value_is_from_is_said_in_a_sentence(origin: Origin | None, sentence: str) -> None:
    assert FlagOrigin("Call reference", origin).sentence("noon") == sentence


def queued(at: float, heard: float | None = None, **origin: Any) -> dict[str, tuple[TimedValue, ...]]:
    by = Origin(**{"event": "Queued", "id": "q", "at": moment(at), **origin})
    return {"queue_name": (TimedValue(moment(at), "Q", by, None if heard is None else moment(heard)),)}


@pytest.mark.parametrize(
    ("facts", "one", "site", "is_known"),
    [
        (queued(10), leg(10), {}, True),
        (queued(10.001), leg(10), {}, False),
        (queued(12, event="Established"), leg(10), {}, True),
        (queued(12, rule=OriginRule.HANDED_ON), leg(10), {}, True),
        (queued(11), leg(10), NO_TIMES, True),
        (queued(11.001), leg(10), NO_TIMES, False),
        (queued(10.001), leg(10), {**NO_TIMES, "settle_seconds": 0.0}, False),
        (queued(10.001), leg(10, agent_source_at=5), NO_TIMES, False),
        (queued(10, heard=10), leg(10), {}, True),
        (queued(10, heard=10.001), leg(10), {}, False),
        (queued(10.000001, heard=10), leg(10), {}, True),
        (queued(10.000002, heard=10), leg(10), {}, False),
        (queued(9.9, heard=11), leg(10), {}, True),
        # What is heard after the end, of its second, was stated after it.
        (queued(20, heard=20.001, event="Established"), over(leg(10), 20), {}, False),
        (queued(20, heard=20, event="Established"), over(leg(10), 20), {}, True),
        (queued(20, event="Established"), over(leg(10), 20), {}, True),
        (queued(20.001, event="Established"), over(leg(10), 20), {}, False),
        (queued(19, heard=21, event="Established"), over(leg(10), 20), {}, True),
    ],
)
def test_a_leg_knows_the_queue_in_which_its_call_waited_and_not_the_one_to_which_it_led_it(
    facts: dict[str, tuple[TimedValue, ...]], one: LegState, site: dict[str, Any], is_known: bool
) -> None:
    held = holding(call(facts=facts), **site)

    assert (data_of(held, held.calls[1], one).queue_name == "Q") is is_known


# --- who leaves ---


@pytest.mark.parametrize(
    ("more", "ended", "is_corrected"),
    [
        ({}, 25, True),
        ({}, 20, False),
        ({}, 19, False),
        ({"base": WriteStatus.QUEUED}, 25, False),
        ({"device_id": "2002"}, 25, False),
        ({"at": 20}, 25, False),
        ({"at": 19.999}, 25, True),
    ],
)
def test_who_hands_a_call_on_left_it_then_though_a_later_end_was_heard_first(
    more: dict[str, Any], ended: float, is_corrected: bool
) -> None:
    one = over(leg(**{"at": 5, **more}), ended)
    held = holding(call(left(at=ended)), legs=(one,))
    leave(held, 1, "2001", handed(), "Gone.")

    assert (held.legs[1] is one) is not is_corrected
    assert held.legs[1].disconnected_source_at == moment(20 if is_corrected else ended)


@pytest.mark.parametrize(
    ("began", "cause", "has_left"),
    [(18.999, "singleStepTransfer", True), (19, "singleStepTransfer", False), (5, None, False)],
)
def test_a_phone_to_which_its_own_call_is_handed_on_in_one_step_had_left_it(
    began: float, cause: str | None, has_left: bool
) -> None:
    held = holding(call(party("2002", leg=1)), legs=(leg(began, device_id="2002"),))
    data: dict[str, Any] = {"cause": cause} if cause else {}
    said = handed(transferredToDeviceId="2002", **data)
    assert isinstance(said, Transferred)
    leave_before(held, 1, said)

    assert (held.legs[1].phase is LegPhase.CLOSED) is has_left


# --- what is handed on ---


@pytest.mark.parametrize(
    ("missed", "known", "root", "is_handed"),
    [
        (None, {}, 0, True),
        (5, {}, 0, False),
        (5, {"interaction_id": history((1, "I1"))}, 0, True),
        (5, {}, 905, False),
        (5, {}, 905.001, True),
    ],
)
def test_a_consultations_interaction_is_not_that_of_a_call_whose_own_may_have_been_missed(
    missed: float | None, known: dict[str, Any], root: float, is_handed: bool
) -> None:
    main = call(facts=known, born_at=root)
    consulted = other(facts={"interaction_id": history((11, "I2")), "queue_name": history((11, "Q"))})
    held = holding(main, consulted, source={"missed_gateway_at": None if missed is None else moment(missed)})
    said = handed()

    goes = handed_facts(held, consulted, main, said)
    assert ("interaction_id" in goes) is is_handed
    assert "queue_name" in goes
    own = handed_facts(held, replace(main, facts=consulted.facts), main, said)
    assert "interaction_id" in own
    now = without_doubtful(held, consulted, main, said).facts["interaction_id"]
    assert now == history((11, "I2"), *(() if is_handed else ((20.000001, ""),)))
    later = replace(consulted, facts={"interaction_id": history((20.001, "I2"))})
    assert without_doubtful(held, later, main, said) is later
    assert without_doubtful(held, main, main, said) is main


def test_a_leg_from_before_another_of_its_device_is_opened_and_ended_at_once() -> None:
    here = party(leg=1, ordinal=1, left_before=moment(15.75))
    held = holding(call(here), legs=(leg(16),))
    open_before(held, held.calls[1], here, made(15.55, heard=17), moment(15.75))

    first = held.legs[2]
    assert (first.connected_source_at, first.disconnected_source_at) == (moment(15.55), moment(15.75))
    assert (first.ordinal, first.disconnected_gateway_at) == (2, moment(17))
    assert held.calls[1].parties["2001"] == replace(here, ordinal=2, left_before=None)
