"""The id that ties related calls together, from a message's call linkage data."""

from cti.sources.csta_xml.bounded_cache import BoundedCache
from cti.sources.csta_xml.parsing import XmlElement, descend, text_of

#: Causes with which a call is nobody's continuation, though its id may be one that was used before.
_FRESH = frozenset({"newcall", "makecall", "enteringdistribution"})


def thread_id(linkage: XmlElement | None) -> str:
    """Return the id that all calls of one contact share, where the switch keeps one."""
    return text_of(descend(linkage, "threadData", "threadLinkageID"))


def global_id(linkage: XmlElement | None) -> str:
    """Return the id of this call alone, unique everywhere; all zeros say that there is none."""
    text = text_of(descend(linkage, "globalCallData", "globalCallLinkageID"))
    return text if text.strip("0") else ""


class Interactions:
    """Names a call's interaction.

    Without thread data a call's own global id stands for it, but not for a consultation nor for what a transfer or
    conference made: those belong to the interaction of the call that they came from, which the core knows.
    """

    def __init__(self) -> None:
        self._related: BoundedCache[str, bool] = BoundedCache()

    def of(self, call: str, linkage: XmlElement | None, cause: str, *, begins: bool) -> str:
        """Return the interaction that a call's event names, or nothing. ``begins``: it may begin a call."""
        cause = cause.lower()
        if begins and cause == "consultation":
            self._related.put(call, True)
        elif begins and cause in _FRESH:
            self._related.drop(call)
        if linkage is None:
            return ""
        thread = thread_id(linkage)
        return thread or ("" if self._related.get(call) else global_id(linkage))

    def of_merged(self, call: str, listed: XmlElement | None) -> str:
        """Return the interaction of the call that a transfer or conference made, or nothing."""
        if call:
            self._related.put(call, True)
        return thread_id(descend(listed, "newCallLinkageData"))
