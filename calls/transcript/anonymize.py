"""Mask a call's events and legs: each name and number becomes another, the same one wherever it stands. Pure.

What is not known to be harmless is masked or left out; the kinds of events, times, causes and states stay. A value
that stands in several places, as the caller's number that a program writes into the query data, is masked alike in all.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from calls.core.call_facts import QUERY
from calls.core.state import LegData, LegState

_FORMS: dict[str, Callable[[int], str]] = {
    "call": lambda number: f"C{number}",
    "interaction": lambda number: f"I{number}",
    # Never like a real one: the extensions of many sites begin at 2001, their agents at 9101.
    "extension": lambda number: f"E{number}",
    "queue": lambda number: f"Q{number}",
    "outside": lambda number: f"T{number}",
    "number": lambda number: f"+99900000{number:04}",
    "agent": lambda number: f"A{number}",
    "person": lambda number: f"Person {number}",
    "queue name": lambda number: f"Queue {number}",
    "wrap-up": lambda number: f"Wrap-up {number}",
    "key": lambda number: f"key {number}",
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
_KEPT = frozenset({"agentsTold", "localState", "direction", "callerNameSource", "outside", "newSegment"})
_NESTED = frozenset({"connections", "new", "old", "wrapup"})
#: Words of a protocol, which are kept; anything else in their place may be a text of the source's own.
_WORDS = {"cause": re.compile(r"[a-z][A-Za-z]{0,40}"), "knownBy": re.compile(r"[a-z]{1,20}")}


class Anonymizer:
    """One consistent disguise. ``know`` first what the devices are, so that each gets the form of its kind."""

    def __init__(self) -> None:
        self._masked: dict[str, str] = {}
        self._count: dict[str, int] = defaultdict(int)

    def know(self, kind: str, *values: str) -> None:
        """Say of what kind values are."""
        for value in values:
            self.text(kind, value)

    def text(self, kind: str, value: str) -> str:
        """Return the disguise of a value, by the kind of the place where it was met first; an empty one stays empty."""
        if not value:
            return value
        if value not in self._masked:
            self._count[kind] += 1
            self._masked[value] = _FORMS[kind](self._count[kind])
        return self._masked[value]

    def data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the data of an event, as on the wire, masked; members that nobody knows are left out."""
        return {name: masked for name, value in data.items() if (masked := self._member(name, value)) is not None}

    def _member(self, name: str, value: Any) -> Any:
        if name in _KEPT:
            return value
        if name in _WORDS:
            return value if _WORDS[name].fullmatch(value) else None
        if name == "queryData":
            return self._query_data(value)
        if name == "devices" and isinstance(value, list | tuple):
            return [self.text("number", one) for one in value]
        if name in _NESTED:
            return [self.data(one) for one in value] if isinstance(value, list | tuple) else self.data(value)
        return self.text(_KINDS[name], value) if name in _KINDS else None

    def _query_data(self, data: dict[str, str]) -> dict[str, str]:
        return {self.text("key", key): self.text("value", value) for key, value in data.items()}

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

    def _origin(self, name: str) -> str:
        is_query = name.startswith(QUERY)
        return QUERY + self.text("key", name.removeprefix(QUERY)) if is_query else name

    def _facts(self, facts: LegData) -> LegData:
        return LegData(
            interaction_id=self.text("interaction", facts.interaction_id),
            queue_name=self.text("queue name", facts.queue_name),
            caller_name=self.text("person", facts.caller_name),
            caller_name_source=facts.caller_name_source,
            direction=facts.direction,
            calling_number=self.text("number", facts.calling_number),
            called_number=self.text("number", facts.called_number),
            query_data=self._query_data(facts.query_data),
            origins={self._origin(name): origin for name, origin in facts.origins.items()},
        )
