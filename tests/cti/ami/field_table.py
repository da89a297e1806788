"""A table of cases: a PBX of the field, and the legs that are right for what it does."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from calls.core.state import LegState
from cti.events import CallCleared, CallEvent, Event
from devtools.disturb.trace import RecordedTrace, read
from tests.cti.ami.field_pbx import FieldPbx, Leg
from tests.cti.ami.test_field_cases import legs_of, shown
from tests.cti.ami.traces import play, source

Result = tuple[FieldPbx, list[Leg]]


class CaseTable:
    """Cases by name; each function may give several."""

    def __init__(self) -> None:
        self._cases: dict[str, Callable[[], Result]] = {}

    @property
    def names(self) -> list[str]:
        """Return the names of the cases."""
        return list(self._cases)

    def case(self, name: str, *variants: object) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
        """Add cases; ``variants``: what the function is called with, each a case of its own."""

        def add(function: Callable[..., Result]) -> Callable[..., Result]:
            for variant in variants or ((),):
                words = variant if isinstance(variant, tuple) else (variant,)
                self._cases[f"{name}{': ' if words else ''}{', '.join(map(str, words))}"] = _bound(function, words)
            return function

        return add

    def trace(self, name: str) -> RecordedTrace:
        """Return a case as a trace whose truth is what it comes to undisturbed."""
        pbx, _ = self._cases[name]()
        legs = legs_of(play(pbx.data, config=source(**pbx.options)).events)
        truth = {"conversations": [_conversation(one) for one in legs], "agents": {}}
        return replace(read(name, pbx.data, truth), options=pbx.options)

    def check(self, name: str) -> None:
        """Hold a case: its legs and no other, nothing refused, and no call that stays open."""
        pbx, right = self._cases[name]()
        played = play(pbx.data, config=source(**pbx.options))

        assert _ordered(_found(played.events, right)) == _ordered(right)
        assert (_open_calls(played.events), played.refused) == (set(), [])


def _bound(function: Callable[..., Result], words: tuple[object, ...]) -> Callable[[], Result]:
    return lambda: function(*words)


def _conversation(leg: LegState) -> dict[str, Any]:
    assert leg.disconnected_source_at is not None
    role = "agent" if leg.facts.direction == "internal" else "customer"
    return {
        "agent": leg.device_id,
        "agent_name": leg.agent_name,
        "kind": "queue",
        "queue": leg.facts.queue_name or None,
        "with": [{"role": role, "party": "", "uniqueid": leg.call_id}],
        "from": leg.connected_source_at.timestamp(),
        "to": leg.disconnected_source_at.timestamp(),
    }


def _found(events: list[Event], right: list[Leg]) -> Iterator[Leg]:
    """Yield the legs that came, with the facts that are held against them."""
    for one in legs_of(events):
        seen = shown(one)
        yield {key: seen[key] for key in right[0]}


def _ordered(legs: Iterator[Leg] | list[Leg]) -> list[Leg]:
    return sorted(legs, key=lambda one: (one["call"], one["extension"]))


def _open_calls(events: list[Event]) -> set[str | None]:
    calls = {one.data.call_id for one in events if isinstance(one, CallEvent)}
    return calls - {one.data.call_id for one in events if isinstance(one, CallCleared)}
