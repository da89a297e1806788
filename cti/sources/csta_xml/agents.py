"""Who is logged on: the answer to GetAgentState."""

import msgspec

from cti.events import AgentEvent, Busy, NotReady, Ready, WorkingAfterCall
from cti.sources.csta_xml.parsing import XmlElement, children, descend, local, members, text_of

_STATES: dict[str, type[AgentEvent]] = {
    "agentready": Ready,
    "agentnotready": NotReady,
    "agentbusy": Busy,
    "agentworkingaftercall": WorkingAfterCall,
}


class AgentAt(msgspec.Struct, frozen=True):
    """An agent who is logged on, and what the agent is doing if the server says so."""

    agent_id: str
    doing: type[AgentEvent] | None


def read_agent_states(root: XmlElement) -> list[AgentAt]:
    """Return the agents that an answer shows to be logged on."""
    listed = members(descend(root, "agentStateList"))
    found = [_read(entry) for entry in listed if local(entry.tag) == "agentStateEntry"]
    return [one for one in found if one is not None]


def _read(entry: XmlElement) -> AgentAt | None:
    parts = children(entry)
    agent, logged_on = text_of(parts.get("agentID")), text_of(parts.get("loggedOnState")).lower()
    state = text_of(descend(parts.get("agentInfo"), "agentInfoItem", "agentState")).lower()
    if not agent or (logged_on not in ("true", "1") and not (logged_on == "" and state in _STATES)):
        return None
    return AgentAt(agent, _STATES.get(state))
