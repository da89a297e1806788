"""The demo's counts, from the database: what was seen, what was flagged, what was not and why."""

from collections import Counter

import msgspec

from calls.core.outcomes import UNCOUNTED, Outcome
from calls.models import Leg


class DemoCounts(msgspec.Struct, frozen=True):
    """Legs by what became of them. ``reasons``: "outcome: reason" to how many legs that ended without their flags.

    ``shadow``: legs of which nothing may be written (shadow mode); they are neither flagged nor among the reasons.
    """

    calls: int
    legs: int
    flagged: int
    waiting: int
    shadow: int
    reasons: dict[str, int]

    @property
    def unflagged(self) -> int:
        """Return how many legs ended without (all of) their flags."""
        return sum(self.reasons.values())


def tally() -> DemoCounts:
    """Count; canary calls are in no count."""
    legs = list(Leg.objects.filter(is_canary=False).values_list("call_id", "outcome", "reason"))
    outcomes = Counter(outcome for _, outcome, _ in legs)
    ended = [row for row in legs if row[1] not in (Outcome.FLAGGED, *UNCOUNTED)]
    return DemoCounts(
        calls=len({call for call, _, _ in legs}),
        legs=len(legs),
        flagged=outcomes[Outcome.FLAGGED],
        waiting=outcomes[Outcome.WAITING],
        shadow=outcomes[Outcome.SHADOW],
        reasons=dict(Counter(f"{outcome}: {reason}" for _, outcome, reason in ended).most_common()),
    )


def counts_text(now: DemoCounts) -> str:
    """Say in one line how it goes."""
    why = Counter[str]()
    for reason, count in now.reasons.items():
        why[reason.partition(":")[0]] += count
    reasons = f" ({', '.join(f'{count} {name}' for name, count in why.items())})" if why else ""
    shadow = f"{now.shadow} in shadow mode, " if now.shadow else ""
    return (
        f"{counted(now.calls, 'call')}, {counted(now.legs, 'leg')}: {now.flagged} flagged, {shadow}"
        f"{now.waiting} waiting or in progress, {now.unflagged} not flagged{reasons}"
    )


def counted(count: int, thing: str) -> str:
    """Return a number of things in words."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def summary(end: DemoCounts) -> str:
    """Say at the end what was seen, and why what was not flagged was not."""
    lines = [f"Seen: {counted(end.calls, 'call')} with {counted(end.legs, 'leg')}."]
    lines.append(f"Flagged: {counted(end.flagged, 'leg')}.")
    if end.shadow:
        lines.append(f"In shadow mode: {counted(end.shadow, 'leg')}, of which this gateway writes nothing.")
    if end.waiting:
        lines.append(f"Still waiting when stopped: {counted(end.waiting, 'leg')}.")
    lines.append(f"Not flagged: {counted(end.unflagged, 'leg')}{':' if end.reasons else '.'}")
    lines += [f"  {count:>4}  {reason}" for reason, count in end.reasons.items()]
    return "\n".join(lines)
