"""The world: what happens in each scenario, event by event, as ECMA-269 has it."""

import re
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from simulators.pbx.cast import Cast, CastAgent
from simulators.pbx.made_calls import hang_up_test_call, make_test_call
from simulators.pbx.people import TEST_PHONE, Contact, make_agents, make_supervisors
from simulators.pbx.plan import MIX, Plan, PlanError, enough_agents
from simulators.pbx.reports import SwitchMessage, SwitchReport, TrueLeg, UnansweredCall
from simulators.pbx.scenarios import day
from simulators.pbx.world import World

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parent / "data" / "csta-subset.xsd"))
ED4 = "http://www.ecma-international.org/standards/ecma-323/csta/ed4"


def whole_day(plan: Plan, seed: int = 1, seconds: float = 200) -> tuple[World, list[SwitchReport]]:
    """Let a day pass and the last calls end."""
    world = day(plan, seed)
    facts = list(world.run(seconds))
    world.close()
    return world, facts + list(world.run(seconds * 100))


def only(scenario: str, *, seed: int = 1, splits: bool = False, agent_count: int = 12) -> list[SwitchReport]:
    """Return the facts of a quiet day with one kind of call."""
    plan = Plan(agents=agent_count, calls_per_second=0.01, mix={scenario: 1}, splits_transfers=splits)
    return whole_day(plan, seed, 3000)[1]


def first_call(facts: list[SwitchReport]) -> list[SwitchMessage]:
    """Return the messages of the first interaction, those about agents and with data left out."""
    reported = [one for fact in facts for one in fact.messages if not one.name.startswith(("Agent", "CallInformation"))]
    thread = re.search("<globallyUniqueThreadID>([0-9A-F]+)<", reported[0].body)
    assert thread is not None
    return [message for message in reported if thread[1] in message.body]


def words(messages: list[SwitchMessage]) -> list[str]:
    """Return each message as a line: event, device, its local state, cause."""
    lines = []
    for message in messages:
        found = [re.search(f"<{name}>([^<]*)<", message.body) for name in ("localConnectionInfo", "cause")]
        lines.append(" ".join([message.name.removesuffix("Event"), message.device, *(one[1] for one in found if one)]))
    return lines


def legs(facts: list[SwitchReport]) -> list[TrueLeg]:
    return [leg for fact in facts for leg in fact.settled]


def test_a_reference_comes_back_as_soon_as_its_call_is_over_and_what_is_said_of_it_then_names_its_interaction() -> None:
    stock = ("100", "0100", "100a", "100A", "101")
    people = Cast(tuple(CastAgent(f"0{n}", f"9{n}", "Lea Li") for n in range(9)), (Contact("", None, None),), stock)
    facts = whole_day(Plan(agents=9, calls_per_second=0.1, cast=people, mix={"queue": 1}), 1, 2000)[1]
    lives = [(leg.call_refs[0], leg.connected_at, leg.disconnected_at or 0.0, leg) for leg in legs(facts)]

    assert len(lives) > 20 * len({reference for reference, *_ in lives})
    assert {reference for reference, *_ in lives} <= set(stock)
    for reference, connected, _, _ in lives:
        ended = [end for other, _, end, _ in lives if other == reference and end <= connected]
        assert not ended or connected - max(ended) >= 0.2
    said = [one.body for fact in facts for one in fact.messages if one.name == "CallInformationEvent"]
    assert said
    assert all("<globallyUniqueThreadID>" in body for body in said)
    assert "<callingDevice><notKnown/></callingDevice>" in first_call(facts)[0].body


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    plan = Plan()

    def reported(seed: int) -> list[tuple[float, str, str]]:
        return [(fact.at, one.device, one.body) for fact in whole_day(plan, seed)[1] for one in fact.messages]

    assert reported(1) == reported(1)
    assert reported(1) != reported(2)


def test_every_event_of_a_busy_day_satisfies_the_schema() -> None:
    names: Counter[str] = Counter()
    for fact in whole_day(Plan(agents=20, calls_per_second=1.5), seconds=400)[1]:
        for one in fact.messages:
            names[one.name] += 1
            xml = f'<{one.name} xmlns="{ED4}"><monitorCrossRefID>1</monitorCrossRefID>{one.body}</{one.name}>'
            assert SCHEMA.validate(etree.fromstring(xml)), f"{SCHEMA.error_log}\n{xml}"

    assert len(names) == 19


def test_a_queue_call_goes_from_the_group_to_an_agent_and_is_wrapped_up() -> None:
    facts = only("queue", seed=3)
    reported = words(first_call(facts))
    group, agent = reported[0].split()[1], reported[2].split()[1]

    assert reported[:4] == [
        f"Delivered {group} alerting enteringDistribution",
        f"Diverted {group} null distributed",
        f"Delivered {agent} alerting distributed",
        f"Established {agent} connected normal",
    ]
    assert reported[-1] == f"ConnectionCleared {agent} null normalClearing"
    states = [one.name for fact in facts for one in fact.messages if one.device == agent]
    after = states[states.index("AgentBusyEvent") :]
    assert [one for one in after if one.startswith("Agent")][:3] == [
        "AgentBusyEvent",
        "AgentWorkingAfterCallEvent",
        "AgentReadyEvent",
    ]


def test_the_far_end_that_hangs_up_first_is_seen_at_the_agents_monitor() -> None:
    ends = {tuple(words(first_call(only("queue", seed=seed)))[4:]) for seed in range(20)}
    lengths = {len(one) for one in ends}

    assert lengths == {1, 2}
    assert all("ConnectionCleared" in one[0] and one[0].split()[2] == "connected" for one in ends if len(one) == 2)


def test_a_call_waits_in_the_queue_when_no_agent_is_free() -> None:
    plan = Plan(agents=3, calls_per_second=1, mix={"queue": 1}, patience_seconds=10)
    facts = whole_day(plan)[1]
    reported = words([message for fact in facts for message in fact.messages])
    left = [one for fact in facts for one in fact.unanswered]

    assert any(re.fullmatch(r"Queued 500\d queued noAvailableAgents", one) for one in reported)
    assert {one.ended for one in left} == {"abandoned_in_queue"}
    assert legs(facts)


def test_a_blind_transfer_ends_the_first_leg_and_rings_in_a_new_call() -> None:
    facts = only("blind", seed=2)
    reported = first_call(facts)
    lines = words(reported)
    first = lines[2].split()[1]
    other = lines[5].split()[1]

    assert lines[3:7] == [
        f"Established {first} connected normal",
        f"Transferred {first} null singleStepTransfer",
        f"Delivered {other} alerting singleStepTransfer",
        f"Established {other} connected singleStepTransfer",
    ]
    assert "<secondaryOldCall>" not in reported[4].body
    assert reported[5].body.count(f"<numberDialed>{first}</numberDialed>") == 1
    handed, served = (leg for leg in legs(facts)[:2])
    assert {handed.ended, served.ended} & {"transferred"}


def test_an_attended_transfer_is_reported_at_both_ends_each_in_its_own_words() -> None:
    reported = first_call(only("attended", seed=2))
    lines = words(reported)
    first, other = lines[2].split()[1], lines[8].split()[1]

    assert lines[4:13] == [
        f"Held {first} hold consultation",
        f"ServiceInitiated {first} initiated consultation",
        f"Originated {first} connected consultation",
        f"Delivered {first} connected consultation",
        f"Delivered {other} alerting consultation",
        f"Established {first} connected normal",
        f"Established {other} connected normal",
        f"Transfered {first} null transfer",
        f"Transfered {other} connected transfer",
    ]
    merged = [one for one in reported if one.name == "TransferedEvent"]
    assert ["<secondaryOldCall>" in one.body for one in merged] == [True, False]
    assert [one.body.count("<connectionListItem>") for one in merged] == [2, 2]


def test_a_transfer_before_the_answer_leaves_the_destination_ringing_in_the_new_call() -> None:
    reported = first_call(only("attended", seed=1))
    lines = words(reported)
    first, other = lines[2].split()[1], lines[8].split()[1]

    assert lines[9:12] == [
        f"Transfered {first} null transfer",
        f"Transfered {other} alerting transfer",
        f"Established {other} connected transfer",
    ]


@pytest.mark.parametrize(("splits", "expected"), [(False, ["transferred"]), (True, ["consult_over", "transferred"])])
def test_an_attended_transfer_is_one_recording_at_its_destination_unless_the_recorder_splits(
    *, splits: bool, expected: list[str]
) -> None:
    reported = legs(only("attended", splits=splits))
    asked = next(leg for leg in reported if leg.direction == "internal" and leg.ended == "transferred")
    at_destination = [
        leg for leg in reported if leg.interaction == asked.interaction and leg.agent.extension == asked.called
    ]

    assert ["consult_over" if leg.ended == "consult_over" else "transferred" for leg in at_destination] == expected
    assert at_destination[0].connected_at == asked.connected_at
    assert at_destination[-1].connected_at == (asked.disconnected_at if splits else asked.connected_at)


def test_after_an_attended_transfer_the_destination_has_the_customers_data() -> None:
    facts = only("attended")
    last = [leg for leg in legs(facts) if leg.direction == "inbound" and len(leg.call_refs) == 2]

    assert last
    assert all(leg.queue_name and leg.contact and leg.calling == leg.contact.number for leg in last)


def test_a_conference_keeps_three_parties_until_one_drops_off() -> None:
    reported = first_call(only("conference"))
    merged = [one for one in reported if one.name == "ConferencedEvent"]
    rest = reported[reported.index(merged[-1]) + 1 :]
    dropped = re.search("<releasingDevice><deviceIdentifier>([^<]*)<", rest[0].body)

    assert [one.body.count("<connectionListItem>") for one in merged] == [3, 3]
    assert dropped is not None
    assert {one.device: words([one])[0].split()[2] for one in rest[:2]} == {
        **{one.device: "connected" for one in merged},
        dropped[1]: "null",
    }


def test_a_consultation_is_a_leg_at_each_end_in_the_same_interaction() -> None:
    facts = only("consult")
    interaction = legs(facts)[0].interaction
    mine = [leg for leg in legs(facts) if leg.interaction == interaction]

    assert [leg.ended for leg in mine].count("consult_over") == 2
    assert len(mine) == 3
    assert words(first_call(facts))[4].startswith("Held")
    assert any(line.startswith("Retrieved") for line in words(first_call(facts)))


def test_a_call_that_is_not_answered_goes_on_to_another_agent_and_makes_one_leg() -> None:
    facts = only("no_answer")
    reported = words(first_call(facts))
    lazy, other = reported[2].split()[1], reported[4].split()[1]

    assert reported[3:6] == [
        f"Diverted {lazy} null callForwardNoAnswer",
        f"Delivered {other} alerting callForwardNoAnswer",
        f"Established {other} connected callForwardNoAnswer",
    ]
    assert legs(facts)[0].agent.extension == other


def test_an_outbound_call_leaves_on_a_trunk_and_names_no_caller() -> None:
    facts = only("outbound")
    reported = words(first_call(facts))

    assert [line.split()[0] for line in reported[:5]] == [
        "ServiceInitiated",
        "Originated",
        "NetworkReached",
        "Delivered",
        "Established",
    ]
    assert all(leg.direction == "outbound" and leg.contact is None for leg in legs(facts))


def test_a_call_that_a_client_asks_for_in_a_quiet_moment_begins_then() -> None:
    world = day(Plan(agents=6, calls_per_second=0.001), 1)
    world.idle_until(30.0)
    call = make_test_call(world, TEST_PHONE, "4711")
    facts = list(world.run(40.0))
    world.idle_until(45.0)
    hang_up_test_call(world, call, TEST_PHONE)
    facts += world.run(50.0)

    taps = [(round(fact.at), one.is_connected) for fact in facts for one in fact.taps if one.extension == TEST_PHONE]
    assert taps == [(31, True), (45, False)]


def test_callers_who_give_up_leave_no_leg() -> None:
    facts = only("abandon")
    left: list[UnansweredCall] = [one for fact in facts for one in fact.unanswered]

    assert not legs(facts)
    assert {one.ended for one in left} == {"abandoned_in_queue", "abandoned_ringing"}


def test_a_personal_name_is_reported_by_the_switch_and_written_by_nobody() -> None:
    facts = only("queue")
    reported = "".join(message.body for fact in facts for message in fact.messages)
    personal = [leg for leg in legs(facts) if leg.contact and leg.contact.source == "personal"]

    assert "<callerNameSource>personal</callerNameSource>" in reported
    assert personal
    assert all(leg.contact is not None and leg.contact.writable_name is None for leg in personal)


@pytest.mark.parametrize("scenario", MIX)
@pytest.mark.parametrize("splits", [False, True])
def test_every_leg_is_settled_once_and_nothing_is_left_when_the_day_ends(scenario: str, *, splits: bool) -> None:
    plan = Plan(agents=6, calls_per_second=0.5, mix={scenario: 1}, splits_transfers=splits, patience_seconds=5)
    world, facts = whole_day(plan, seconds=300)
    closed = [leg.number for fact in facts for leg in fact.closed]
    settled = [leg.number for fact in facts for leg in fact.settled]

    assert world.next_at is None
    assert sorted(closed) == sorted(settled) == list(range(1, len(settled) + 1))
    assert not world.switchboard.calls
    assert not world.switchboard.legs
    assert not any(world.switchboard.at_device.values())
    assert {agent.state for agent in world.agents.values()} == {"agentReady"}
    assert sum(world.floor.take_any() is not None for _ in range(7)) == 6


def test_no_extension_has_two_conversations_but_one_held_and_its_consultation() -> None:
    world = day(Plan(agents=12, calls_per_second=1), 5)
    for _ in world.run(600):
        for agent in world.agents.values():
            states = [
                call.parties[agent.extension] for call in world.switchboard.at_device.get(agent.extension, {}).values()
            ]
            assert len(states) <= 1 or (len(states) == 2 and "hold" in states), states


def test_agents_have_the_names_and_numbers_that_the_simulated_qms_gives_them() -> None:
    agents = make_agents(23)

    assert [agents[0].extension, agents[0].agent_id, agents[0].name] == ["2001", "9101", "Alice Archer"]
    assert [agents[21].extension, agents[21].agent_id, agents[21].name] == ["2022", "9122", "Bob Chen"]


@pytest.mark.parametrize("count", [1, 899, 900, 3000, 3600])
def test_no_two_devices_share_a_number(count: int) -> None:
    numbers = [agent.extension for agent in (*make_agents(count), *make_supervisors(count))]

    assert len({*numbers, "5000", "5001", "5002"}) == count + 5 + 3


def test_agents_chosen_for_the_calls_are_enough() -> None:
    plan = Plan(agents=enough_agents(5, 1.5, 6, 3), calls_per_second=5)
    facts = whole_day(plan, seconds=300)[1]
    waited = sum(message.name == "QueuedEvent" for fact in facts for message in fact.messages)
    begun = sum(
        message.name == "DeliveredEvent" and "enteringDistribution" in message.body
        for fact in facts
        for message in fact.messages
    )

    assert waited < begun / 10


def test_a_day_that_cannot_be_says_why() -> None:
    with pytest.raises(PlanError, match="no scenario 'dance'"):
        Plan(mix={"dance": 1})
    with pytest.raises(PlanError, match="agents"):
        Plan(agents=100_000)
