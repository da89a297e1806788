"""The XML of the switch's events, from ``monitorCrossRefID`` on, and the parts that a call repeats in each of them.

Order and spelling of the elements are those of ECMA-323; only names are free text and need escaping.
"""

from xml.sax.saxutils import escape

from simulators.pbx.people import Contact, SimulatedAgent

PRIVATE = "urn:qms-gateway:simulated-pbx:1"
NOT_REQUIRED = "<lastRedirectionDevice><notRequired/></lastRedirectionDevice>"


def connection(call_id: str, device: str) -> str:
    """Return a ConnectionID's content."""
    return f"<callID>{call_id}</callID><deviceID>{device}</deviceID>"


def device(element: str, number: str) -> str:
    """Return an element that names a device, or says that none is known."""
    if not number:
        return f"<{element}><notKnown/></{element}>"
    return f"<{element}><deviceIdentifier>{number}</deviceIdentifier></{element}>"


def redirection(number: str) -> str:
    """Return where a call came from."""
    if not number:
        return NOT_REQUIRED
    return f"<lastRedirectionDevice><numberDialed>{number}</numberDialed></lastRedirectionDevice>"


def linkage(unique: str, thread: str) -> str:
    """Return the content that ties a call to itself everywhere, and to its interaction."""
    return (
        "<globalCallData><globalCallSwitchingSubDomainName>PBX1</globalCallSwitchingSubDomainName><globalCallLinkageID>"
        f"<globallyUniqueCallLinkageID>{unique}</globallyUniqueCallLinkageID></globalCallLinkageID></globalCallData>"
        f"<threadData><threadLinkageID><globallyUniqueThreadID>{thread}</globallyUniqueThreadID></threadLinkageID>"
        "</threadData>"
    )


def private(**leaves: str) -> str:
    """Return extensions with private data of this site; without leaves nothing."""
    if not leaves:
        return ""
    inside = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in leaves.items())
    data = f'<simulated xmlns="{PRIVATE}">{inside}</simulated>'
    return f"<extensions><privateData><private>{data}</private></privateData></extensions>"


def caller(contact: Contact | None) -> str:
    """Return the caller's name as private data, if the PBX has one."""
    if contact is None or contact.name is None:
        return ""
    return private(callerName=contact.name, callerNameSource=contact.source or "unknown")


def hex_text(element: str, text: str) -> str:
    """Return correlator or user data."""
    return f"<{element}><string>{text.encode().hex().upper()}</string></{element}>"


def moved(new: str, old: str, endpoint: str, trunk_group: str) -> str:
    """Return an item of a connection list; ``old`` empty: it was never reported."""
    before = f"<oldConnection>{old}</oldConnection>" if old else ""
    network = f"<associatedNID><deviceID>{trunk_group}</deviceID></associatedNID>" if trunk_group else ""
    return (
        f"<connectionListItem><newConnection>{new}</newConnection>{before}"
        f"<endpoint><deviceID>{endpoint}</deviceID></endpoint>{network}</connectionListItem>"
    )


def agent_members(agent: SimulatedAgent, pending: str = "", **leaves: str) -> str:
    """Return the body of an agent's event."""
    awaited = f"<pendingAgentState>{pending}</pendingAgentState>" if pending else ""
    data = private(agentName=agent.name, **leaves)
    return (
        f"{device('agentDevice', agent.extension)}<agentID>{agent.agent_id}</agentID>"
        f"<acdGroup>{agent.queue.device}</acdGroup>{awaited}{data}"
    )
