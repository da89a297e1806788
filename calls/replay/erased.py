"""What is left of calls from whose events an erased caller was taken out."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from calls.replay.difference import LegAccount, paired
from calls.replay.nearby import is_beside
from cti.api import ErasedCalls

#: Maximum time between a leg and an event of its call: while it waits in a queue before, and is wrapped up after.
AROUND = timedelta(hours=1)


def without_remains(
    again: Sequence[LegAccount], recorded: Sequence[LegAccount], erased: Sequence[LegAccount]
) -> list[LegAccount]:
    """Return the legs that would be, without what the remains of erased ones fold to.

    That is a leg of the same call that knows no caller, and one that was not there then, and is beside an erased one.
    """
    gone = {(leg.extension, leg.call_id) for leg in erased}
    kept = [leg for leg in again if (leg.extension, leg.call_id) not in gone or knows_caller(leg)]
    remains = [leg for leg in paired(recorded, kept).extra if is_beside(leg, erased)]
    return [leg for leg in kept if not any(leg is one for one in remains)]


class ErasedEvents:
    """Of which calls and interactions events were erased, as far as the archive and the journal know it."""

    def __init__(self) -> None:
        self._spans: defaultdict[tuple[str, str], list[ErasedCalls]] = defaultdict(list)

    def add(self, erased: ErasedCalls) -> None:
        """Take a note of what was erased."""
        for call in erased.calls:
            self._spans["call", call].append(erased)
        for interaction in erased.interactions:
            self._spans["interaction", interaction].append(erased)

    def concern(self, leg: LegAccount) -> bool:
        """Say whether events of a leg's call or interaction were erased, whatever the leg knows of its caller.

        An id names another call at another time.
        """
        if not self._spans:
            return False
        begin, end = leg.began_at - AROUND, (leg.disconnected_at or leg.connected_at) + AROUND
        named = (("call", leg.call_id), ("interaction", leg.facts.interaction_id))
        spans = (span for key in named if key in self._spans for span in self._spans[key])
        return any(begin <= span.end and span.begin <= end for span in spans)


def knows_caller(leg: LegAccount) -> bool:
    """Say whether a leg knows anything of its caller."""
    facts = leg.facts
    return any((facts.caller_name, facts.calling_number, facts.called_number, facts.query_data))
