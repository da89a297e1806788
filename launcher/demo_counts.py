"""The demo's counts, from the database: what was seen, what was flagged, what was not and why."""

from collections import Counter

import msgspec

from calls.core.outcomes import Outcome
from calls.models import Leg


class DemoCounts(msgspec.Struct, frozen=True):
    """Legs by what became of them. ``reasons``: "outcome: reason" to how many legs, without the flagged."""

    calls: int
    legs: int
    flagged: int
    waiting: int
    reasons: dict[str, int]

    @property
    def unflagged(self) -> int:
        """Return how many legs ended without (all of) their flags."""
        return sum(self.reasons.values())


def tally() -> DemoCounts:
    """Count; canary calls are in no count."""
    legs = list(Leg.objects.filter(is_canary=False).values_list("call_id", "outcome", "reason"))
    outcomes = Counter(outcome for _, outcome, _ in legs)
    ended = [row for row in legs if row[1] not in (Outcome.FLAGGED, Outcome.WAITING)]
    return DemoCounts(
        calls=len({call for call, _, _ in legs}),
        legs=len(legs),
        flagged=outcomes[Outcome.FLAGGED],
        waiting=outcomes[Outcome.WAITING],
        reasons=dict(Counter(f"{outcome}: {reason}" for _, outcome, reason in ended).most_common()),
    )


def counts_text(now: DemoCounts) -> str:
    """Say in one line how it goes."""
    why = Counter[str]()
    for reason, count in now.reasons.items():
        why[reason.partition(":")[0]] += count
    reasons = f" ({', '.join(f'{count} {name}' for name, count in why.items())})" if why else ""
    return (
        f"{_counted(now.calls, 'call')}, {_counted(now.legs, 'leg')}: {now.flagged} flagged, "
        f"{now.waiting} waiting or in progress, {now.unflagged} not flagged{reasons}"
    )


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def summary(end: DemoCounts) -> str:
    """Say at the end what was seen, and why what was not flagged was not."""
    lines = [f"Seen: {_counted(end.calls, 'call')} with {_counted(end.legs, 'leg')}."]
    lines.append(f"Flagged: {_counted(end.flagged, 'leg')}.")
    if end.waiting:
        lines.append(f"Still waiting when stopped: {_counted(end.waiting, 'leg')}.")
    lines.append(f"Not flagged: {_counted(end.unflagged, 'leg')}{':' if end.reasons else '.'}")
    lines += [f"  {count:>4}  {reason}" for reason, count in end.reasons.items()]
    return "\n".join(lines)
