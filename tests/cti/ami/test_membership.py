"""Who is at a phone, where memberships overlap, offers are answered elsewhere, and phones are shared."""

import pytest

from cti.events import AgentEvent, Established, LoggedOff, LoggedOn
from tests.cti.ami.pbx import Line, Pbx, block
from tests.cti.ami.test_field_cases import legs_of
from tests.cti.ami.traces import play


def names(pbx: Pbx) -> list[tuple[str, str]]:
    """Return extension and agent of the legs in the order of their beginning."""
    return [(leg.device_id, leg.agent_name) for leg in legs_of(play(pbx.data).events)]


def reported(pbx: Pbx) -> list[tuple[str, str | None]]:
    """Return the log-ons and log-offs at 2001, by kind and name."""
    events = [one for one in play(pbx.data).events if isinstance(one, AgentEvent) and one.data.device_id == "2001"]
    return [(type(one).__name__, one.data.agent_name) for one in events if isinstance(one, LoggedOn | LoggedOff)]


def leaves(pbx: Pbx, name: str, queue: str, interface: str = "PJSIP/2001") -> None:
    pbx.says("QueueMemberRemoved", Queue=queue, MemberName=name, Interface=interface, StateInterface=interface)


def queue_call(pbx: Pbx, name: str, *, queue: str = "support", interface: str = "", answerer: str = "2001") -> None:
    """A customer is connected with the phone of ``answerer``, which has no name of its own."""
    customer = pbx.customer()
    pbx.waits(customer, queue)
    agent = pbx.phone(answerer, like=customer)
    pbx.offers(customer, agent, name, queue, interface)
    pbx.passes(1)
    pbx.agent_answers(customer, agent, name, queue, interface)
    ended(pbx, customer, agent)


def ended(pbx: Pbx, *lines: Line) -> None:
    pbx.enters("b1", *lines)
    pbx.passes(3)
    pbx.leaves("b1", *lines)
    pbx.hangs_up(*lines)
    pbx.passes(5)


@pytest.mark.parametrize("second", ["PJSIP/2001", "Local/2001@from-queue/n"])
def test_of_two_agents_at_one_phone_none_is_named_until_one_leaves(second: str) -> None:
    pbx = Pbx()
    pbx.member("2001", "Alice Archer", "sales")
    pbx.member("2001", "Bob Baker", "support", interface=second)
    queue_call(pbx, "Bob Baker", interface=second)
    leaves(pbx, "Alice Archer", "sales")
    queue_call(pbx, "Bob Baker", interface=second)
    leaves(pbx, "Bob Baker", "support", second)
    queue_call(pbx, "", interface="PJSIP/2001")

    assert names(pbx) == [("2001", ""), ("2001", "Bob Baker"), ("2001", "")]
    assert reported(pbx)[:3] == [("LoggedOn", "Alice Archer"), ("LoggedOff", None), ("LoggedOn", "Bob Baker")]


def test_one_agent_in_two_queues_is_logged_on_once_and_leaves_with_the_last() -> None:
    pbx = Pbx()
    pbx.member("2001", "Alice Archer", "sales")
    pbx.member("2001", "Alice Archer", "support", interface="Local/2001@agents", state="hint:2001@agents")
    leaves(pbx, "Alice Archer", "sales")
    pbx.passes(1)
    leaves(pbx, "Alice Archer", "support", "Local/2001@agents")

    assert reported(pbx) == [("LoggedOn", "Alice Archer"), ("LoggedOff", None)]


def test_a_membership_that_only_an_offer_showed_ends_with_those_that_were_reported() -> None:
    """A queue that does not say who has left it names nobody for the phone's later calls."""
    pbx = Pbx()
    pbx.member("2001", "Alice Archer", "sales")
    queue_call(pbx, "Alice Archer", queue="support")
    leaves(pbx, "Alice Archer", "sales")
    queue_call(pbx, "PJSIP/2001", queue="billing", interface="PJSIP/2001")
    queue_call(pbx, "Alice Archer", queue="support")

    assert names(pbx) == [("2001", "Alice Archer"), ("2001", ""), ("2001", "Alice Archer")]
    assert reported(pbx) == [("LoggedOn", "Alice Archer"), ("LoggedOff", None), ("LoggedOn", "Alice Archer")]


def test_a_membership_that_was_reported_does_not_end_with_another_one() -> None:
    pbx = Pbx()
    pbx.member("2001", "Alice Archer", "sales")
    pbx.member("2001", "Alice Archer", "support")
    queue_call(pbx, "Alice Archer", queue="support")
    leaves(pbx, "Alice Archer", "sales")
    queue_call(pbx, "Alice Archer", queue="support")

    assert names(pbx) == [("2001", "Alice Archer"), ("2001", "Alice Archer")]
    assert reported(pbx) == [("LoggedOn", "Alice Archer")]


def test_a_member_who_leaves_is_logged_off_though_nothing_listed_the_membership_after_a_lost_link() -> None:
    pbx = Pbx()
    pbx.member("2003", "Cid Carter", "sales")
    leaves(pbx, "Alice Archer", "sales")

    assert reported(pbx) == [("LoggedOff", None)]


def test_who_is_a_member_of_another_queue_is_not_logged_off_with_a_membership_that_is_not_known() -> None:
    pbx = Pbx()
    pbx.member("2001", "Alice Archer", "sales")
    leaves(pbx, "Alice Archer", "support")

    assert reported(pbx) == [("LoggedOn", "Alice Archer")]


def test_an_agent_of_the_pool_is_logged_off_though_nothing_listed_the_log_on_after_a_lost_link() -> None:
    pbx = Pbx()
    line = pbx.phone("2001")
    pbx.says("AgentLogoff", block(line), Agent="1001", Logintime=5)

    events = [one.data for one in play(pbx.data).events if isinstance(one, LoggedOff)]
    assert [(one.agent_id, one.device_id) for one in events] == [("1001", "2001")]


def test_the_phones_own_name_is_not_taken_after_another_agent_used_it() -> None:
    """A phone at which agents of other names log on is a shared one."""
    pbx = Pbx()
    pbx.member("2001", "Bob Baker", "support")
    leaves(pbx, "Bob Baker", "support")
    caller = pbx.phone("2001", "Alice Archer", exten="2003")
    called = pbx.phone("2003", "Cid Carter", caller)
    pbx.dials(caller, called)
    ended(pbx, caller, called)

    assert sorted(names(pbx)) == [("2001", ""), ("2003", "Cid Carter")]


def test_a_call_that_another_phone_picks_up_names_nobody_there() -> None:
    """Pick-up by *8: the picker's channel takes the place of the one that rings."""
    pbx = Pbx()
    pbx.member("2001", "Alice Archer", "sales")
    customer = pbx.customer()
    pbx.waits(customer)
    rung = pbx.phone("2001", "Alice Archer", customer)
    pbx.offers(customer, rung, "Alice Archer")
    picker = pbx.phone("2002", exten="*8")
    name, other = picker.name, rung.name
    pbx.says("Rename", Channel=name, Newname=f"{name}<MASQ>", Uniqueid=picker.uid)
    pbx.says("Rename", Channel=other, Newname=name, Uniqueid=rung.uid)
    pbx.says("Rename", Channel=f"{name}<MASQ>", Newname=f"{other}<ZOMBIE>", Uniqueid=picker.uid)
    rung.name, picker.name = name, f"{other}<ZOMBIE>"
    pbx.hangs_up(picker)
    pbx.agent_answers(customer, rung, "Alice Archer", interface="PJSIP/2001")
    ended(pbx, customer, rung)
    caller = pbx.phone("2002", exten="2003")
    called = pbx.phone("2003", "Cid Carter", caller)
    pbx.dials(caller, called)
    ended(pbx, caller, called)

    assert sorted(names(pbx)) == [("2002", ""), ("2002", ""), ("2003", "Cid Carter")]


def test_a_member_whose_log_on_was_missed_is_known_once_she_answers_at_her_own_phone() -> None:
    pbx = Pbx()
    queue_call(pbx, "Alice Archer")

    assert names(pbx) == [("2001", "Alice Archer")]


def test_the_answer_of_another_member_at_a_phone_contradicts_who_was_known_there() -> None:
    pbx = Pbx()
    pbx.member("2001", "Alice Archer", "sales")
    queue_call(pbx, "Bob Baker")

    assert names(pbx) == [("2001", "")]


def test_a_member_whose_name_changed_without_a_log_on_is_not_named_until_the_new_one_answers() -> None:
    """A reload of the queues gives a static member another name, and only QueueMemberStatus shows it."""
    pbx = Pbx()
    pbx.member("2001", "Alice Archer", "sales")
    pbx.says("QueueMemberStatus", Queue="sales", MemberName="Bob Baker", Interface="PJSIP/2001", Status=1, Paused=0)
    caller, called = pbx.phone("2001", "Desk 1", exten="2003"), pbx.phone("2003", "Cid Carter")
    pbx.call(caller, called, "b0")
    ended(pbx, caller, called)
    queue_call(pbx, "Bob Baker")

    assert sorted(names(pbx)) == [("2001", ""), ("2001", "Bob Baker"), ("2003", "Cid Carter")]


def test_a_member_beyond_a_trunk_is_no_extension() -> None:
    pbx = Pbx()
    for interface in ("PJSIP/447700900555@nordtel", "SIP/nordtel/447700900556"):
        pbx.member("", "Home Worker", "sales", interface=interface)

    assert not [one for one in play(pbx.data).events if isinstance(one, AgentEvent)]


def test_a_doubled_first_member_of_a_bridge_loses_no_conversation() -> None:
    pbx = Pbx()
    caller = pbx.phone("2001", "Alice Archer", exten="2003")
    called = pbx.phone("2003", "Cid Carter", caller)
    pbx.dials(caller, called)
    pbx.enters("b1", called, called)
    ended(pbx, caller, called)

    assert sorted(names(pbx)) == [("2001", "Alice Archer"), ("2003", "Cid Carter")]


def test_an_agent_whose_name_the_pbx_has_lost_is_not_named() -> None:
    """What stands for a lost character is never passed on."""
    pbx = Pbx()
    pbx.member("2001", "Ren\ufffd Archer")
    customer, agent = pbx.queue_call("2001", "Ren\ufffd Archer")
    pbx.says("Hangup", block(agent), Cause=16)
    pbx.hangs_up(customer)
    events = play(pbx.data).events

    assert len([one for one in events if isinstance(one, Established)]) == 1
    assert not [one for one in events if "\ufffd" in repr(one)]
