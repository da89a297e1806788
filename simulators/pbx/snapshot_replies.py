"""What the switch answers: snapshots and agents' states, from what truly stands on the board."""

from xml.sax.saxutils import escape

from simulators.pbx.call import SimulatedCall
from simulators.pbx.messages import connection, device
from simulators.pbx.people import SimulatedAgent


def device_snapshot(where: str, calls: list[SimulatedCall]) -> str:
    """Return which calls are at a device; of its states its own comes first."""
    infos = "".join(_at_device(where, call) for call in calls)
    return f"<crossRefIDorSnapshotData><snapshotData>{infos}</snapshotData></crossRefIDorSnapshotData>"


def _at_device(where: str, call: SimulatedCall) -> str:
    others = [state for party, state in call.parties.items() if party != where]
    states = "".join(
        f"<localConnectionState>{state}</localConnectionState>" for state in (call.parties[where], *others)
    )
    return (
        f"<snapshotDeviceResponseInfo><connectionIdentifier>{call.at(where)}</connectionIdentifier>"
        f"{device('endpointDevice', where)}"
        f"<localCallState><compoundCallState>{states}</compoundCallState></localCallState>"
        f"<callLinkageData>{call.linkage}</callLinkageData></snapshotDeviceResponseInfo>"
    )


def call_snapshot(call: SimulatedCall) -> str:
    """Return who is in a call, and what is known of it."""
    parties = "".join(
        f"<snapshotCallResponseInfo>{device('deviceOnCall', call.number_of(party))}"
        f"<callIdentifier>{connection(call.id, party)}</callIdentifier>"
        f"<localConnectionState>{state}</localConnectionState></snapshotCallResponseInfo>"
        for party, state in call.parties.items()
    )
    trunk = {
        "inbound": device("associatedCallingDevice", call.trunk_group),
        "outbound": device("associatedCalledDevice", call.trunk_group),
        "internal": "",
    }[call.direction]
    return (
        f"<crossRefIDorSnapshotData><snapshotData>{parties}</snapshotData></crossRefIDorSnapshotData>"
        f"{call.traits}{call.ends}{trunk}<callLinkageData>{call.linkage}</callLinkageData>{call.shown_caller}"
    )


def agent_states(agents: list[SimulatedAgent]) -> str:
    """Return who is logged on."""
    entries = "".join(
        f"<agentStateEntry><agentID>{escape(agent.agent_id)}</agentID><loggedOnState>true</loggedOnState><agentInfo>"
        f"<agentInfoItem><acdGroup>{agent.queue.device}</acdGroup><agentState>{agent.state}</agentState></agentInfoItem>"
        "</agentInfo></agentStateEntry>"
        for agent in agents
    )
    return f"<agentStateList>{entries}</agentStateList>"
