"""From a leg to where the value of each of its flags is from: the event that stated it, and the rule. Pure."""

import msgspec

from calls.core.call_facts import QUERY
from calls.core.origins import Origin, OriginRule
from calls.core.state import LegState

_LABELS = {
    "caller_name": "Caller",
    "calling_number": "Calling number",
    "called_number": "Called number",
    "direction": "Direction",
    "interaction_id": "Interaction",
    "queue_name": "Queue",
}
_SENTENCES = {
    OriginRule.STATED: "Stated by {event}.",
    OriginRule.QUEUE_DEVICE: "The queue's device, for no name was stated: {event}.",
    OriginRule.CONSULTATION: "The interaction of the call on hold when the extension dialled: {event}.",
    OriginRule.HANDED_ON: "Handed on by a transfer or conference; stated by {event}.",
    OriginRule.CONNECTED: "The call in which the extension was connected: {event}.",
    OriginRule.MOVED: "The call that went on after a transfer or conference: {event}.",
    OriginRule.ANSWERED: "Named as the extension answered: {event}.",
    OriginRule.LOG_ON: "Logged on at the extension: {event}.",
    OriginRule.SNAPSHOT: "Logged on at the extension according to a snapshot: {event}.",
    OriginRule.STATE: "At the extension according to the report of a state: {event}.",
}
_OWN = "Made by the gateway: no event stated an interaction."


class FlagOrigin(msgspec.Struct, frozen=True):
    """A value by its label and where it is from. ``origin`` None: the gateway made the value."""

    label: str
    origin: Origin | None

    def sentence(self, when: str) -> str:
        """Return rule and event as a sentence. ``when``: the event's time as the reader is shown times."""
        if self.origin is None:
            return _OWN
        named = " ".join(part for part in (self.origin.event, self.origin.id) if part)
        return _SENTENCES[self.origin.rule].format(event=f"{named} at {when}")


def flag_origins(leg: LegState) -> list[FlagOrigin]:
    """Return where a leg's values are from; none of a leg that an earlier release saved, which did not keep it."""
    own = [("Agent", leg.agent_origin), ("Call reference", leg.call_origin), ("Wrap-up", leg.wrapup_origin)]
    found = [FlagOrigin(label, origin) for label, origin in own if origin is not None]
    found += [FlagOrigin(_label(name), origin) for name, origin in leg.facts.origins.items()]
    if leg.call_origin is not None and leg.facts.interaction_id and "interaction_id" not in leg.facts.origins:
        found.append(FlagOrigin("Interaction", None))
    return sorted(found, key=lambda one: one.label)


def _label(name: str) -> str:
    return f"Query data {name.removeprefix(QUERY)}" if name.startswith(QUERY) else _LABELS.get(name, name)
