"""The PBX's clock may differ from the gateway's: what a snapshot says bears the time that the events after it bear."""

from datetime import UTC, datetime, timedelta

import pytest

from cti.events import Established, LoggedOn, SnapshotBegan
from cti.sources.asterisk_ami.messages import AmiMessage
from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.asterisk_ami.reading import Heard, Reader
from cti.sources.asterisk_ami.snapshot import ACTIONS, Lists, take
from cti.sources.port import Stamp
from tests.cti.ami.pbx import START, Pbx
from tests.cti.ami.traces import source

MEMBER = [("Event", "QueueMember"), ("Queue", "sales"), ("Name", "Alice Archer"), ("Location", "PJSIP/2001")]
PBX_NOW = datetime.fromtimestamp(START, UTC)


def followed(ahead: float, *, is_pinged: bool, is_stamped: bool = True) -> PbxState:
    """Return a state that took a snapshot and then heard an agent's call. ``ahead``: of the PBX's clock, in seconds."""
    gateway_now = PBX_NOW - timedelta(seconds=ahead)
    state = PbxState(source(), Stamp("pbx", "1"))
    if is_pinged:
        state.clock.pinged(PBX_NOW, gateway_now)
    lists = Lists(complete=set(ACTIONS))
    lists.add(AmiMessage(MEMBER))
    take(state, lists, state.clock.now(gateway_now))
    pbx = Pbx()
    pbx.queue_call()
    data = (
        pbx.data if is_stamped else b"\r\n".join(line for line in pbx.data.split(b"\r\n") if b"Timestamp" not in line)
    )
    for heard in Reader(state).feed(data):
        assert isinstance(heard, Heard)
        state.hear(heard.message, gateway_now + timedelta(seconds=1))
    return state


@pytest.mark.parametrize("is_stamped", [True, False])
@pytest.mark.parametrize("ahead", [-3600.0, -3.0, 0.0, 3.0, 3600.0])
def test_an_agent_of_the_snapshot_was_there_before_the_calls_that_follow(ahead: float, *, is_stamped: bool) -> None:
    events = followed(ahead, is_pinged=True, is_stamped=is_stamped).taken()
    (agent,) = [one for one in events if isinstance(one, LoggedOn)]
    (call,) = [one for one in events if isinstance(one, Established) and one.data.device_id == "2001"]

    assert agent.time <= call.time


def test_the_snapshot_itself_bears_the_gateways_time() -> None:
    events = followed(-3600.0, is_pinged=True).taken()

    assert [one.time for one in events if isinstance(one, SnapshotBegan)] == [PBX_NOW + timedelta(hours=1)]


def test_a_decision_waits_as_long_by_a_clock_that_is_behind() -> None:
    """The bridge is left: whether the leg is over is decided a second later."""
    gateway_now = PBX_NOW + timedelta(hours=1)
    state, pbx = PbxState(source(), Stamp("pbx", "1")), Pbx()
    customer, agent = pbx.queue_call()
    pbx.leaves("b1", customer)
    for heard in Reader(state).feed(pbx.data):
        assert isinstance(heard, Heard)
        state.hear(heard.message, gateway_now)
    state.taken()
    state.wait(gateway_now + timedelta(milliseconds=100))
    sooner = state.taken()
    state.wait(gateway_now + timedelta(seconds=2))

    assert agent.name
    assert sooner == []
    assert state.taken() != []
