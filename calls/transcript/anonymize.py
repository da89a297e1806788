"""Mask a call's events and legs: each name and number becomes another, the same one wherever it stands. Pure.

What is not known to be harmless is masked or left out; the kinds of events, times, causes and states stay.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from calls.core.state import LegData, LegState

_FORMS: dict[str, Callable[[int], str]] = {
    "call": lambda number: f"C{number}",
    "interaction": lambda number: f"I{number}",
    "extension": lambda number: str(2000 + number),
    "queue": lambda number: str(5000 + number),
    "outside": lambda number: f"T{number}",
    "number": lambda number: f"+99900000{number:04}",
    "agent": lambda number: f"A{number}",  # Never like a real one: those of many sites begin at 9101.
    "person": lambda number: f"Person {number}",
    "queue name": lambda number: f"Queue {number}",
    "wrap-up": lambda number: f"Wrap-up {number}",
    "value": lambda number: f"value {number}",
    "reason": lambda number: f"reason {number}",
    "recording": lambda number: f"R{number}",
}
#: Members of an event's data, on the wire, and what each names.
_KINDS = {
    "callId": "call",
    "primaryOldCallId": "call",
    "secondaryOldCallId": "call",
    "resultingCallId": "call",
    "interactionId": "interaction",
    "callingNumber": "number",
    "calledNumber": "number",
    "newDestination": "number",
    "transferringDeviceId": "number",
    "transferredToDeviceId": "number",
    "conferencingDeviceId": "number",
    "addedPartyId": "number",
    "deviceId": "number",
    "endpoint": "number",
    "callerName": "person",
    "agentName": "person",
    "agentId": "agent",
    "queueName": "queue name",
    "reason": "reason",
    "template": "wrap-up",
    "result": "wrap-up",
}
_KEPT = frozenset({"localState", "direction", "callerNameSource", "cause", "outside", "newSegment"})
_NESTED = frozenset({"connections", "new", "old", "wrapup"})
#: Values of one group are masked alike, whichever of its kinds meets them first.
_GROUPS = {"extension": "line", "queue": "line", "outside": "line", "number": "line", "queue name": "line"}


class Anonymizer:
    """One consistent disguise. ``know`` first what the devices are, so that each gets the form of its kind."""

    def __init__(self) -> None:
        self._masked: dict[tuple[str, str], str] = {}
        self._count: dict[str, int] = defaultdict(int)

    def know(self, kind: str, *values: str) -> None:
        """Say of what kind values are."""
        for value in values:
            self.text(kind, value)

    def text(self, kind: str, value: str) -> str:
        """Return the disguise of a value; an empty one stays empty."""
        if not value:
            return value
        key = (_GROUPS.get(kind, kind), value)
        if key not in self._masked:
            self._count[kind] += 1
            self._masked[key] = _FORMS[kind](self._count[kind])
        return self._masked[key]

    def data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the data of an event, as on the wire, masked; members that nobody knows are left out."""
        return {name: masked for name, value in data.items() if (masked := self._member(name, value)) is not None}

    def _member(self, name: str, value: Any) -> Any:
        if name in _KEPT:
            return value
        if name == "queryData":
            return {key: self.text("value", one) for key, one in value.items()}
        if name == "devices" and isinstance(value, list | tuple):
            return [self.text("number", one) for one in value]
        if name in _NESTED:
            return [self.data(one) for one in value] if isinstance(value, list | tuple) else self.data(value)
        return self.text(_KINDS[name], value) if name in _KINDS else None

    def leg(self, leg: LegState) -> LegState:
        """Return a leg masked."""
        return replace(
            leg,
            call_id=self.text("call", leg.call_id),
            device_id=self.text("extension", leg.device_id),
            agent_id=self.text("agent", leg.agent_id),
            agent_name=self.text("person", leg.agent_name),
            guid=self.text("recording", leg.guid),
            wrapup_template=self.text("wrap-up", leg.wrapup_template),
            wrapup_result=self.text("wrap-up", leg.wrapup_result),
            facts=self._facts(leg.facts),
            reason="",
            match_reason="",
            base_error="",
            wrapup_error="",
            trace=(),
        )

    def _facts(self, facts: LegData) -> LegData:
        return LegData(
            interaction_id=self.text("interaction", facts.interaction_id),
            queue_name=self.text("queue name", facts.queue_name),
            caller_name=self.text("person", facts.caller_name),
            caller_name_source=facts.caller_name_source,
            direction=facts.direction,
            calling_number=self.text("number", facts.calling_number),
            called_number=self.text("number", facts.called_number),
            query_data={key: self.text("value", value) for key, value in facts.query_data.items()},
            origins=facts.origins,
        )
