"""The id that ties related calls together, from a message's call linkage data."""

import msgspec

from cti.events import (
    CallEvent,
    ConnectionCleared,
    Delivered,
    Diverted,
    Established,
    Held,
    Originated,
    Retrieved,
    ServiceInitiated,
)
from cti.sources.csta_xml.bounded_cache import BoundedCache
from cti.sources.csta_xml.parsing import XmlElement, descend, text_of

_BEGINNINGS = (ServiceInitiated, Originated, Delivered, Established)
_DIALLING = (ServiceInitiated, Originated)
_ENDS = (Retrieved, ConnectionCleared, Diverted)
_CONSULTATION, _QUEUED = "consultation", "enteringdistribution"
#: The cause of what a snapshot finds.
SNAPSHOT = "snapshot"
#: Causes with which a call is nobody's continuation, though its id may be one that was used before.
_FRESH = frozenset({"newcall", "makecall", _QUEUED})


def thread_id(linkage: XmlElement | None) -> str:
    """Return the id that all calls of one contact share, where the switch keeps one."""
    return text_of(descend(linkage, "threadData", "threadLinkageID"))


def global_id(linkage: XmlElement | None) -> str:
    """Return the id of this call alone, unique everywhere; all zeros say that there is none."""
    text = text_of(descend(linkage, "globalCallData", "globalCallLinkageID"))
    return text if text.strip("0") else ""


class _Consulting(msgspec.Struct, frozen=True):
    """A device that holds a call in order to consult, and the call that it made for that, once it did."""

    held: str
    made: str = ""


class Interactions:
    """Names a call's interaction.

    Without thread data a call's own global id stands for it, but not for a consultation nor for what a transfer or
    conference made: those belong to the interaction of the call that they came from, which the core knows. Whose word
    makes a call a consultation is that of the device that dials it, or holds the other call for it; a cause by which
    another device calls it a new call ends that only with another global id.
    """

    def __init__(self) -> None:
        #: The calls of another's interaction, each with its own global id, empty where that is not known.
        self._related: BoundedCache[str, str] = BoundedCache()
        self._consulting: BoundedCache[str, _Consulting] = BoundedCache()

    def of(self, kind: type[CallEvent], call: str, device: str, linkage: XmlElement | None, cause: str) -> str:
        """Return the interaction that a call's event names, or nothing."""
        own, cause = global_id(linkage), cause.lower()
        known = self._related.get(call)
        if self._is_consultation(kind, call, device, cause):
            self._related.put(call, own or ("" if kind is ServiceInitiated else known or ""))
        elif known is not None and _is_another(kind, cause, own, known):
            self._related.drop(call)
        elif known == "" and own:
            self._related.put(call, own)
        return thread_id(linkage) or ("" if self._related.get(call) is not None else own)

    def of_merged(self, call: str, listed: XmlElement | None, actor: str) -> str:
        """Return the interaction of the call that a transfer or conference by a device made, or nothing."""
        self._consulting.drop(actor)
        linkage = descend(listed, "newCallLinkageData")
        if call:
            self._related.put(call, global_id(linkage))
        return thread_id(linkage)

    def _is_consultation(self, kind: type[CallEvent], call: str, device: str, cause: str) -> bool:
        """Say whether an event makes its call a consultation: by its own cause, or by that of the call held for it."""
        if kind is Held and cause == _CONSULTATION:
            self._consulting.put(device, _Consulting(call))
        consulting = self._consulting.get(device) if device else None
        if consulting is not None and kind in _ENDS and call in (consulting.held, consulting.made):
            self._consulting.drop(device)
        if kind not in _BEGINNINGS:
            return False
        if cause == _CONSULTATION:
            return True
        if consulting is None or kind not in _DIALLING or call == consulting.held:
            return False
        if consulting.made not in ("", call):
            return False
        self._consulting.put(device, _Consulting(consulting.held, call))
        return True


def _is_another(kind: type[CallEvent], cause: str, own: str, known: str) -> bool:
    """Say whether an event is of a new call under the id of one that belonged to another's interaction."""
    if cause == SNAPSHOT:
        return bool(own and known) and own != known
    if kind not in _BEGINNINGS or cause not in _FRESH:
        return False
    if own:
        return own != known
    return not known or kind in _DIALLING or cause == _QUEUED
