"""What an AMI user may not see, as the answers show it, and the line of manager.conf that gives it. Pure.

AMI does not say which classes of events a user gets: without a class its events just do not come.
"""

from collections.abc import Iterable

from cti.sources.asterisk_ami.messages import AmiMessage
from cti.sources.port import MonitorRefusal

READ = "read = system,call,agent,user,dialplan,reporting"
WRITE = "write = system,call,agent,reporting"
#: What is not seen without the answer to an action.
_COSTS = {
    "CoreShowChannels": "calls in progress when the link comes up",
    "QueueStatus": "the members of queues, and so the agents who are logged on already",
    "BridgeList": "who is connected when the link comes up",
    "Agents": "the agents of app_agent_pool who are logged on already",
}


def is_denied(response: AmiMessage | None) -> bool:
    """Say whether an action was refused for want of a right."""
    return response is not None and "permission denied" in response.get("Message").lower()


def denied(actions: Iterable[str], user: str) -> MonitorRefusal | None:
    """Return what is missed because actions were refused; None where none was."""
    refused = list(actions)
    if not refused:
        return None
    costs = "; ".join(_COSTS.get(one, "more about bridges") for one in refused)
    reason = f"The PBX refuses {', '.join(refused)} to this user (Permission denied), so it does not show: {costs}"
    return MonitorRefusal(reason, remedy=_remedy(WRITE, user))


def unheard(listed: Iterable[AmiMessage], known: Iterable[str], user: str) -> MonitorRefusal | None:
    """Return that calls go on of which no event comes; ``known``: the Uniqueids of which something was heard."""
    new = {one.last("Uniqueid") for one in listed} - {"", *known}
    if not new:
        return None
    reason = "The PBX lists calls of which it sends no event: this user gets no events of the class call"
    return MonitorRefusal(reason, remedy=_remedy(READ, user))


def _remedy(line: str, user: str) -> str:
    return f"In manager.conf, give the user {user[:60]} the line {line}, and run: asterisk -rx 'manager reload'"
