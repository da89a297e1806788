"""What an AMI user may not see, as the answers show it, and the line of manager.conf that gives it. Pure.

AMI does not say which classes of events a user gets: without a class its events just do not come.
"""

from collections import Counter
from collections.abc import Container, Iterable
from datetime import datetime, timedelta

from cti.sources.asterisk_ami.messages import AmiMessage
from cti.sources.asterisk_ami.snapshot import Lists
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


#: Signs that an event should have come before it is said to be missing on a link.
ENOUGH = 5


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


class RightsWatch:
    """Compares what the PBX lists with the events that come, until one of each class has come.

    What was listed is judged an interval later: an answer may overtake events that the PBX sent before it.
    """

    def __init__(self, user: str, interval: timedelta) -> None:
        self._user, self._interval = user, interval
        self._due: datetime | None = None
        self._has_calls = self._has_agents = False
        #: How often an event came, or something that shows it should have come.
        self._signs: Counter[str] = Counter()
        self._came: set[str] = set()
        self._is_said = False
        self._taken: dict[tuple[str, str], int] = {}
        self._waiting: frozenset[str] = frozenset()

    @property
    def actions(self) -> list[str]:
        """Return the actions whose answers are needed now."""
        wanted = (("CoreShowChannels", not self._has_calls), ("QueueStatus", not self._has_agents))
        return [action for action, is_wanted in wanted if is_wanted]

    def hear(self, message: AmiMessage, known: Container[str]) -> None:
        """Note that an event of a class has come. ``known``: the Uniqueids of the channels that exist."""
        self._has_calls = self._has_calls or "Uniqueid" in message.first
        self._has_agents = self._has_agents or message.get("Event").startswith(("Queue", "Agent"))
        if not self._is_said:
            self._signs[_sign(message, known)] += 1
            self._came.add(message.get("Event"))

    def dropped(self, enough: int = ENOUGH) -> MonitorRefusal | None:
        """Return, once, which event is missing that calls cannot be followed without; None where all come."""
        if self._is_said or not self._has_calls:
            return None
        for event, sign, what in _NEEDED:
            if self._signs[sign] >= enough and event not in self._came:
                self._is_said = True
                return _filtered(what, event, self._user)
        return None

    def is_due(self, now: datetime) -> bool:
        """Say, once at each interval, that it is time to compare and to ask again."""
        if not self.actions or (self._due is not None and now < self._due):
            return False
        self._due = now + self._interval
        return True

    def compared(self, lists: Lists, known: Iterable[str]) -> MonitorRefusal | None:
        """Return the class of which events are missing. ``known``: the Uniqueids of which something was heard."""
        listed = {one.last("Uniqueid") for one in lists.of("CoreShowChannel")}
        if not self._has_calls and listed - {"", *known}:
            return _unheard("calls of which it sends no event", "call", self._user)
        if self._have_queues_moved(lists) and not self._has_agents:
            return _unheard("queues at work of which it sends no event", "agent", self._user)
        return None

    def _have_queues_moved(self, lists: Lists) -> bool:
        """Say whether members took calls since the last list, or a caller waits who waited then."""
        taken = {
            (one.get("Queue"), one.get("Location")): int(one.get("CallsTaken"))
            for one in lists.of("QueueMember")
            if one.get("CallsTaken").isdecimal()
        }
        waiting = frozenset(one.last("Uniqueid") for one in lists.of("QueueEntry")) - {""}
        has_moved = any(count > self._taken.get(member, count) for member, count in taken.items())
        has_moved = has_moved or bool(waiting & self._waiting)
        self._taken, self._waiting = taken, waiting
        return has_moved


#: Events that no call can be followed without, what shows that they should have come, and that in words.
_NEEDED = (
    ("BridgeEnter", "answered", "Calls are answered"),
    ("Newchannel", "unknown", "Channels are connected that were not heard of before"),
)


def _sign(message: AmiMessage, known: Container[str]) -> str:
    """Return what a message is a sign of: its name, or that another should have come."""
    name = message.get("Event")
    if name == "BridgeEnter" and message.last("Uniqueid") not in known:
        return "unknown"
    is_answered = name == "AgentConnect" or (name == "DialEnd" and message.last("DialStatus") == "ANSWER")
    return "answered" if is_answered and "Channel" in message.first else name


def _filtered(what: str, event: str, user: str) -> MonitorRefusal:
    remedy = f"In manager.conf, take what drops {event} out of the eventfilter of the user {user[:60]}".rstrip()
    return MonitorRefusal(f"{what}, but no {event} comes", remedy=f"{remedy}, and run: asterisk -rx 'manager reload'")


def _unheard(what: str, events: str, user: str) -> MonitorRefusal:
    reason = f"The PBX lists {what}: this user gets no events of the class {events}"
    return MonitorRefusal(reason, remedy=f"{_remedy(READ, user)}; no eventfilter may drop them")


def originate_remedy(user: str) -> str:
    """Return what gives a user the right to make calls."""
    return _remedy(f"{WRITE},originate", user)


def _remedy(line: str, user: str) -> str:
    return f"In manager.conf, give the user {user[:60]} the line {line}, and run: asterisk -rx 'manager reload'"
