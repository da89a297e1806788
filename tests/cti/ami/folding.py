"""Fold events into conversations, so that they can be held against the truth."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cti.events import (
    QUEUE_CLEARED,
    AgentEvent,
    CallEvent,
    Conferenced,
    ConnectionCleared,
    Established,
    Event,
    Held,
    LoggedOff,
    LoggedOn,
    Retrieved,
    Transferred,
)


@dataclass
class Conversation:
    """One extension's part in one call."""

    device: str
    agent_name: str
    call_id: str
    start: datetime
    end: datetime | None = None
    queue: str = ""
    caller: str = ""
    called: str = ""
    name: str = ""
    interaction: str = ""
    direction: str = ""
    cause: str = ""
    holds: list[list[datetime]] = field(default_factory=list)


class Fold:
    """Established opens, ConnectionCleared and Transferred close. Raises ``AssertionError`` where events contradict."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.done: list[Conversation] = []
        self.open: dict[tuple[str, str], Conversation] = {}
        self.names: dict[str, str] = {}
        self.queues: dict[str, str] = {}
        for event in events:
            if isinstance(event, AgentEvent):
                self._agent(event)
            elif isinstance(event, CallEvent) and not event.data.outside:
                self._call(event)

    def _agent(self, event: AgentEvent) -> None:
        device = event.data.device_id or ""
        if isinstance(event, LoggedOn):
            self.names[device] = event.data.agent_name or ""
        elif isinstance(event, LoggedOff):
            self.names.pop(device, None)

    def _call(self, event: CallEvent) -> None:
        key = (event.data.call_id or "", event.data.device_id or "")
        if event.data.queue_name:
            self.queues[key[0]] = event.data.queue_name
        if event.data.cause == QUEUE_CLEARED:
            self.queues.pop(key[0], None)
        if isinstance(event, Established):
            assert key not in self.open, f"{key} is connected twice"
            self.open[key] = self._begun(event)
        elif isinstance(event, ConnectionCleared) and key in self.open:
            self._close(key, event.time)
        elif isinstance(event, Held):
            self.open[key].holds.append([event.time])
        elif isinstance(event, Retrieved):
            self.open[key].holds[-1].append(event.time)
        elif isinstance(event, Transferred):
            self._transferred(event)
        elif isinstance(event, Conferenced):
            self._conferenced(event)

    def _begun(self, event: Established) -> Conversation:
        data = event.data
        device = data.device_id or ""
        return Conversation(
            device,
            self.names.get(device, ""),
            data.call_id or "",
            event.time,
            queue=self.queues.get(data.call_id or "", ""),
            caller=data.calling_number or "",
            called=data.called_number or "",
            name=data.caller_name or "",
            interaction=data.interaction_id or "",
            direction=data.direction or "",
            cause=data.cause or "",
        )

    def _close(self, key: tuple[str, str], at: datetime) -> None:
        one = self.open.pop(key)
        one.end = at
        self.done.append(one)

    def _transferred(self, event: Transferred) -> None:
        leaver = event.data.transferring_device_id or ""
        for call in (event.data.primary_old_call_id, event.data.secondary_old_call_id):
            if (call or "", leaver) in self.open:
                self._close((call or "", leaver), event.time)
        self._moved(event, is_new=event.data.new_segment)

    def _conferenced(self, event: Conferenced) -> None:
        host, second = event.data.conferencing_device_id or "", event.data.secondary_old_call_id or ""
        if (second, host) in self.open:
            self._close((second, host), event.time)
        self._moved(event, is_new=False)

    def _moved(self, event: Transferred | Conferenced, *, is_new: bool) -> None:
        for item in event.data.connections:
            old = (item.old.call_id, item.old.device_id) if item.old else ("", "")
            if old in self.open and old[0] != item.new.call_id:
                before = self.open[old]
                if is_new:
                    self._close(old, event.time)
                    main = next((one for one in self.done if one.call_id == item.new.call_id), before)
                    caller = main.caller
                    self.open[item.new.call_id, item.new.device_id] = Conversation(
                        before.device,
                        before.agent_name,
                        item.new.call_id,
                        event.time,
                        caller=caller,
                        name=main.name,
                        interaction=event.data.interaction_id or "",
                    )
                else:
                    self.open[item.new.call_id, item.new.device_id] = self.open.pop(old)


def seconds(moment: datetime | None) -> float:
    """Return a moment as Unix time."""
    assert moment is not None, "it has not ended"
    return moment.timestamp()


def matches(one: Conversation, true: dict[str, Any]) -> bool:
    """Say whether a conversation is a true one, within half a second."""
    is_same = one.device == true["agent"] and one.agent_name == true["agent_name"]
    is_then = abs(seconds(one.start) - true["from"]) <= 0.5 and abs(seconds(one.end) - true["to"]) <= 0.5
    return is_same and is_then and is_with(one, true) and (true["kind"] != "queue" or one.queue == true["queue"])


def is_with(one: Conversation, true: dict[str, Any]) -> bool:
    """Say whether a conversation has the true partner."""
    customers = [who["party"] for who in true["with"] if who["role"] == "customer"]
    if not customers:
        return true["kind"] in ("consult", "internal")
    number = "" if customers[0] == "anonymous" else customers[0]
    return number in (one.caller, one.called)


def unmatched(found: list[Conversation], true: list[dict[str, Any]]) -> tuple[list[Conversation], list[dict[str, Any]]]:
    """Return the conversations that are not true, and the true ones that were not found."""
    left, missing = list(found), []
    for one in true:
        hit = next((conversation for conversation in left if matches(conversation, one)), None)
        if hit is None:
            missing.append(one)
        else:
            left.remove(hit)
    return left, missing
