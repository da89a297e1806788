"""Build the events: cut values that are too long for the vocabulary, omit empty ones."""

from typing import Any

from cti.events import AgentData, AgentEvent, CallData, CallEvent, Event, LinkData, LinkEvent
from cti.sources.asterisk_ami.values import CANARY_CHANNEL, EventTime
from cti.sources.character_sets import LOST
from cti.sources.port import Stamp

# Maximum lengths, in characters, and the maximum number of values.
_TEXT, _NAME, _LONG, _MANY = 255, 1024, 4096, 64


class EventBuilder:
    """Collect events in order until they are taken."""

    def __init__(self, stamp: Stamp) -> None:
        self._stamp = stamp
        self._events: list[Event] = []

    def call(self, kind: type[CallEvent], moment: EventTime, **data: Any) -> None:
        """Add a call event; empty members are left out."""
        fit = {name: _fitting(name, value) for name, value in data.items() if value or name == "call_id"}
        fit = {name: value for name, value in fit.items() if value != "" or name == "call_id"}
        if fit["call_id"].startswith(CANARY_CHANNEL):
            fit["is_canary"] = True
        held, made = moment.held_since, CallData(**fit)
        self._events.append(self._stamp.call(kind, made, received=moment.received, time=moment.time, held_since=held))

    def agent(self, kind: type[AgentEvent], moment: EventTime, **data: str) -> None:
        """Add an agent event; empty members are left out."""
        fit = {name: value[:_TEXT] for name, value in data.items() if value}
        self._events.append(self._stamp.agent(kind, AgentData(**fit), received=moment.received, time=moment.time))

    def link(self, kind: type[LinkEvent], moment: EventTime, data: LinkData | None = None) -> None:
        """Add an event about the link."""
        self._events.append(self._stamp.link(kind, data, received=moment.received))

    def taken(self) -> list[Event]:
        """Return the events since the last call."""
        taken, self._events = self._events, []
        return taken


def _fitting(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if LOST in value and not name.endswith("_id"):
            return ""
        return value[: _NAME if name == "caller_name" else _TEXT]
    if isinstance(value, dict):
        kept = list(value.items())[:_MANY]
        return {key[:_TEXT]: text[:_LONG] for key, text in kept}
    return value[:_MANY] if isinstance(value, tuple) else value
