"""Which queue a message names, by what is known of the call: docs/csta.md, "Which queue a message names"."""

import msgspec
from msgspec.structs import replace

from cti.events import (
    QUEUE_CLEARED,
    CallCleared,
    CallEvent,
    CallInformation,
    ConnectionCleared,
    Diverted,
    Established,
    Failed,
)
from cti.sources.csta_xml.bounded_cache import BoundedCache

_LEAVING = (CallCleared, ConnectionCleared, Diverted, Failed)


class QueuesOfCall(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the queues of one call.

    ``current``: the one that the call is of, empty where it is of none or that is not known; ``seen``: all it was in;
    ``left``: those of them that cannot be where an agent has the call from; ``offered_to``: the phone to which the
    current one offers the call; ``phones``: who is in the call beside the queues; ``interaction``: empty where none
    is stated, or a transfer or conference may have given it another.
    """

    current: str = ""
    seen: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    is_waiting: bool = False
    offered_to: str = ""
    phones: frozenset[str] = frozenset()
    interaction: str = ""

    def entered(self, queue: str) -> "QueuesOfCall":
        """Return it in another queue; after an answer, in that one alone."""
        left = self.left if self.is_waiting or not self.current else self.left | {self.current}
        return replace(
            self, current=queue, seen=self.seen | {queue}, left=left - {queue}, is_waiting=True, offered_to=""
        )

    def gone_from(self, queue: str) -> "QueuesOfCall":
        """Return it out of a queue that no agent of which has it."""
        current = "" if self.current == queue else self.current
        return replace(self, current=current, seen=self.seen | {queue}, left=self.left | {queue})

    def offered(self, queue: str, phone: str) -> "QueuesOfCall":
        """Return it on its way from a queue to a phone."""
        return replace(self, current=queue, seen=self.seen | {queue}, offered_to=phone)

    def may_be_offered_by(self, queue: str, phone: str) -> bool:
        """Say whether a queue that the call leaves for a phone is the one that has it answered there."""
        if queue in self.left:
            return False
        is_first_there = self.is_waiting and phone not in ("", self.offered_to)
        return self.current in ("", queue) or is_first_there

    def joined(self, other: "QueuesOfCall") -> "QueuesOfCall":
        """Return the call that two became; where both are of a queue, which is the one's is not known."""
        known = {self.current, other.current} - {""}
        return QueuesOfCall(
            current=known.pop() if len(known) == 1 else "",
            seen=self.seen | other.seen,
            left=self.left | other.left,
            is_waiting=self.is_waiting or other.is_waiting,
            offered_to=self.offered_to or other.offered_to,
            phones=self.phones | other.phones,
        )


class CallQueues:
    """Says which queue each message names, and remembers of each call what that depends on, until it is over.

    Queues are the site's device numbers. What is forgotten costs a name at most: nothing is stated from memory alone.
    """

    def __init__(self) -> None:
        self._known: BoundedCache[str, QueuesOfCall] = BoundedCache()

    def follow(self, call: str, interaction: str) -> None:
        """Forget the former call of an id: what brings in a phone or a queue states another interaction."""
        known = self._known.get(call)
        if known is not None and interaction and known.interaction not in ("", interaction):
            self._known.drop(call)

    def enter(self, call: str, queue: str) -> str:
        """Return the queue of a message about a call at the queue itself."""
        self._known.put(call, self._of(call).entered(queue))
        return queue

    def leave(self, call: str, queue: str, cause: str, *, to: str, is_to_queue: bool) -> str:
        """Return the queue that a Diverted of a queue names, or nothing.

        A call that is of another queue is not without a queue when this one is cleared of it.
        """
        known = self._of(call)
        if cause == QUEUE_CLEARED or is_to_queue:
            self._known.put(call, known.gone_from(queue))
            return known.current if known.current != queue and cause == QUEUE_CLEARED else ""
        if not known.may_be_offered_by(queue, to):
            return ""
        self._known.put(call, known.offered(queue, to))
        return queue

    def at_phone(self, call: str, phone: str, last: str, called: str, *, is_snapshot: bool) -> str:
        """Return the queue that a message about a phone names: ``last`` and ``called`` are queues, or empty."""
        known = self._known.get(call)
        if last and (known is None or last not in known.left):
            self._known.put(call, self._of(call).offered(last, phone))
            return last
        if known is None or known.current == called or (is_snapshot and called not in known.seen):
            return called
        return ""

    def note(
        self, kind: type[CallEvent], call: str, device: str, *, is_phone: bool, outside: bool, interaction: str = ""
    ) -> None:
        """Follow who is in a call of which a queue is known; with the last of them it is over.

        Data about a call puts nobody in it: a wrap-up comes when its phone has left, and the id may name the next one.
        """
        known = self._known.get(call)
        if known is None:
            return
        if kind is Established and is_phone:
            known = replace(known, is_waiting=False)
        if kind is ConnectionCleared and outside:
            known = replace(known, is_waiting=False)
        if issubclass(kind, _LEAVING) or not is_phone:
            phones = known.phones - {device}
        else:
            phones = known.phones if kind is CallInformation else known.phones | {device}
        is_over = kind is ConnectionCleared and not phones and not (is_phone and known.is_waiting)
        if is_over or kind is CallCleared:
            self._known.drop(call)
        else:
            self._known.put(call, replace(known, phones=phones, interaction=known.interaction or interaction))

    def merge(
        self, olds: tuple[str, ...], resulting: str, *, phones: frozenset[str], left: str, interaction: str = ""
    ) -> None:
        """Let the call that a transfer or conference made be what is known of the calls that it is made of."""
        if resulting not in olds:
            self.follow(resulting, interaction)
        calls = [one for name in dict.fromkeys((*olds, resulting)) if (one := self._known.get(name))]
        for name in olds:
            self._known.drop(name)
        if not calls or not resulting:
            return
        merged = calls[0]
        for one in calls[1:]:
            merged = merged.joined(one)
        phones = (merged.phones | phones) - {left}
        self._known.put(resulting, replace(merged, phones=phones, interaction=interaction))

    def _of(self, call: str) -> QueuesOfCall:
        return self._known.get(call) or QueuesOfCall()
