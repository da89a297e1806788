"""Whether a name, stated as that of who calls, is of an agent whose phone had the call, and who does not call."""

from collections.abc import Sequence

from calls.core.call_facts import is_dialled_by
from calls.core.state import CallState
from calls.core.unit_of_work import UnitOfWork

#: Maximum number of agents of a call that are kept by name.
MAXIMUM_NAMES = 8


def is_name_of_agent(work: UnitOfWork, own: Sequence[CallState], joined: Sequence[CallState], name: str) -> bool:
    """Say whether a name is that of an agent at a phone of a call that was handed on, which has not dialled that.

    ``own``: the customer's call, and what it became; ``joined``: what was joined with it. Example: 2001, where Ann is
    logged on, hands Uma on without a word; as 2002 rings, the PBX states Ann as caller and no number.
    """
    if not name:
        return False
    phones = {device for call in (*own, *joined) for device, party in call.parties.items() if not party.outside}
    phones = {one for one in phones if not any(is_dialled_by(call, one) for call in own)}
    return any(name in call.handed_by for call in own) or any(name in _names_at(work, one) for one in phones)


def handed_by(work: UnitOfWork, main: CallState, device_id: str) -> tuple[str, ...]:
    """Return the names of the agents who have handed a call on, with that of who does now from a device.

    Who dialled it calls, and is its caller still. The agent may log off, and the leg be settled, while a phone rings.
    """
    names = set() if is_dialled_by(main, device_id) else _names_at(work, device_id)
    return tuple(dict.fromkeys((*main.handed_by, *sorted(names))))[-MAXIMUM_NAMES:]


def _names_at(work: UnitOfWork, device_id: str) -> set[str]:
    """Return the names of who is logged on at a phone, and of who was the agent of its calls."""
    session = work.sessions.get(device_id)
    names = {leg.agent_name for leg in work.legs_at(device_id)} | {session.agent_name if session is not None else ""}
    return names - {""}
