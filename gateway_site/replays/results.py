"""What a replay of one source came to, as it is kept and shown."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from calls.api import PeriodComparison


class ExampleLeg(msgspec.Struct, frozen=True):
    """A leg that would be different; 0: there was none."""

    leg_id: int
    extension: str
    connected_at: datetime


class ResultGroup(msgspec.Struct, frozen=True):
    """Differences of one kind, cause and subject."""

    kind: str
    cause: str
    subject: str
    was: str
    would_be: str
    count: int
    examples: list[ExampleLeg]


class SourceResult(msgspec.Struct, frozen=True, kw_only=True):
    """A source's result. ``covered_from``: the first event that is still there; None: there is none.

    ``untried``: settings that were to be tried, and that a replay cannot try; ``unfolded_from``: when the first event
    was that the gateway had not folded yet.
    """

    slug: str
    events: int
    seconds: float
    unreadable: int = 0
    failures: int = 0
    gaps: int = 0
    compared: int = 0
    different: int = 0
    canaries: int = 0
    covered_from: datetime | None = None
    unfolded_from: datetime | None = None
    apart: dict[str, int] = {}
    groups: list[ResultGroup] = []
    untried: list[str] = []


def kept_result(slug: str, seconds: float, found: PeriodComparison, untried: Sequence[str] = ()) -> SourceResult:
    """Return what is kept of a comparison; it is bounded as the comparison is."""
    groups = [
        ResultGroup(
            kind=str(one.kind),
            cause=str(one.cause),
            subject=one.subject,
            was=one.was,
            would_be=one.would_be,
            count=one.count,
            examples=[ExampleLeg(leg.leg_id, leg.extension, leg.connected_at) for leg in one.examples],
        )
        for one in found.sorted_groups()
    ]
    return SourceResult(
        slug=slug,
        events=found.events,
        seconds=seconds,
        unreadable=found.unreadable,
        failures=found.failures,
        gaps=found.gaps,
        compared=found.compared,
        different=found.different,
        canaries=found.canaries,
        covered_from=found.covered_from,
        unfolded_from=found.unfolded_from,
        apart=dict(found.apart),
        groups=groups,
        untried=list(untried),
    )


def as_json(results: list[SourceResult]) -> object:
    """Return results as a column holds them."""
    return msgspec.to_builtins(results)


def of_json(column: object) -> list[SourceResult]:
    """Read the results of a column."""
    return msgspec.convert(column, list[SourceResult], strict=False)
