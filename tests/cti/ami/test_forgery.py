"""A caller's number may carry line breaks. What is forged so changes no other call, and hides not even the caller's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.sources.asterisk_ami.messages import AmiMessageError, parse
from tests.cti.ami.folding import Fold
from tests.cti.ami.pbx import Line, Pbx, block
from tests.cti.ami.traces import Played, play


def attack(text: str) -> tuple[Pbx, Line, Line]:
    """A victim talks to one agent while a caller whose number carries ``text`` talks to another."""
    pbx = Pbx()
    victim, agent = pbx.queue_call()
    forged = text.format(agent=agent, victim=victim)
    caller = pbx.line("PJSIP/trunk", number=f"447{forged}", context="from-trunk", exten="441632960100")
    pbx.waits(caller)
    other = pbx.phone("2002", "Bob Baker", caller)
    other.connected = caller.number
    pbx.offers(caller, other, "Bob Baker")
    pbx.passes(1)
    pbx.agent_answers(caller, other, "Bob Baker")
    pbx.enters("b2", other, caller)
    pbx.passes(2)
    pbx.leaves("b2", other, caller)
    pbx.hangs_up(other, caller)
    pbx.passes(2)
    pbx.leaves("b1", victim, agent)
    pbx.hangs_up(victim, agent)
    return pbx, victim, caller


def ends(played: Played) -> dict[str, tuple[str, str, float]]:
    """Return call, queue and length of each extension's conversation."""
    fold = Fold(played.events)
    assert not fold.open
    lengths = {one.device: round(((one.end or one.start) - one.start).total_seconds()) for one in fold.done}
    return {one.device: (one.call_id, one.queue, lengths[one.device]) for one in fold.done}


HANGUP = "Event: Hangup\r\nPrivilege: call,all\r\nChannel: {agent.name}\r\nUniqueid: {agent.uid}\r\n"
LEAVE = "Event: BridgeLeave\r\nPrivilege: call,all\r\nBridgeUniqueid: b1\r\nChannel: {agent.name}\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "\r\nUniqueid: {agent.uid}",
        "\r\nUniqueid: 1.1\r\nLinkedid: {victim.uid}",
        "\r\nEvent: Hangup\r\nChannel: {agent.name}\r\nUniqueid: {agent.uid}",
        "\r\nQueue: vip\r\nMemberName: Mallory\r\nInterface: PJSIP/2001",
        "\r\nSwapUniqueid: {agent.uid}",
        "\r\nChannel: {agent.name}\r\n\r\n",
        "\r\nDestChannel: {agent.name}\r\n\r\nDestUniqueid: 1.1\r\n\r\n",
        "\r\n\r\n" + HANGUP,
        "\r\n\r\n" + HANGUP + "\r\n",
        "\r\n\r\n" + HANGUP + "\r\n" + LEAVE + "Uniqueid: {agent.uid}\r\n\r\n",
        "\r\n\r\n" + LEAVE + "Uniqueid: {agent.uid}\r\nLinkedid: {victim.uid}",
        "\r\n\r\nEvent: Newchannel\r\nChannel: PJSIP/2009-00000099\r\nUniqueid: 9.9\r\n",
    ],
)
def test_forged_keys_and_events_change_no_call(text: str) -> None:
    pbx, victim, caller = attack(text)

    assert ends(play(pbx.data)) == {"2001": (victim.uid, "sales", 8), "2002": (caller.uid, "sales", 2)}


def test_what_was_forged_is_kept_to_be_shown() -> None:
    played = play(attack("\r\n\r\n" + HANGUP + "\r\n")[0].data)

    assert played.refused
    assert all(one.kind == "message" and one.place.startswith("byte ") for one in played.refused)
    assert "forged" in played.refused[0].error


def test_a_message_about_a_channel_with_anothers_id_is_refused() -> None:
    pbx = Pbx()
    customer, agent = pbx.queue_call()
    pbx.says("Hangup", {**block(agent), "Uniqueid": customer.uid}, Cause=16)
    played = play(pbx.data)

    assert [one.error for one in played.refused] == ["Uniqueid is not that of Channel"]
    assert len(Fold(played.events).open) == 1


def test_a_bridge_of_channels_that_do_not_exist_makes_no_leg() -> None:
    pbx = Pbx()
    ghosts = [Line("PJSIP/2001-000000aa", "1.1", "1.1"), Line("PJSIP/trunk-000000ab", "1.2", "1.2")]
    pbx.enters("b1", *ghosts)

    assert not [event for event in play(pbx.data).events if "snapshot" not in str(type(event)).lower()]


def test_two_dialled_channels_in_one_message_are_refused() -> None:
    pbx = Pbx()
    _, agent = pbx.queue_call()
    caller = pbx.customer()
    phone = pbx.phone("2003", "Carol", caller)
    forged = {**block(caller), "DestChannel": agent.name, "DestUniqueid": agent.uid}
    pbx.says("DialBegin", forged, block(phone, "Dest"), DialString="2003")

    assert [one.error for one in play(pbx.data).refused] == ["DestChannel is named twice"]


@given(st.lists(st.tuples(st.sampled_from(["Channel", "Uniqueid", "Event", "BridgeUniqueid", "x"]), st.text())))
@settings(max_examples=200, deadline=None)
def test_the_first_of_a_repeated_key_wins(pairs: list[tuple[str, str]]) -> None:
    raw = "\r\n".join(f"{key}: {value}" for key, value in [("Event", "A"), *pairs]).encode("utf-8", "replace")

    assert parse(raw).get("Event") == "A"


def test_text_without_a_key_is_an_error() -> None:
    with pytest.raises(AmiMessageError, match="no line"):
        parse(b"nothing of use")
