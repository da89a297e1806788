"""The benches by name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bench:
    """Where a bench is: a function of a ``Load`` that returns results, in a module that is loaded when it runs.

    ``is_whole``: it starts the whole gateway as processes with its own servers; the others find an empty Redis and an
    empty, migrated database.
    """

    module: str
    function: str
    is_whole: bool = False


BENCHES = {
    "consume": Bench("devtools.bench.consume", "consume"),
    "intake": Bench("devtools.bench.intake", "intake"),
    "soap": Bench("devtools.bench.soap", "soap"),
    "sources": Bench("devtools.bench.sources", "sources"),
    "pages": Bench("devtools.bench.pages", "pages"),
    "open": Bench("devtools.bench.open_legs", "open_legs"),
    "day": Bench("devtools.bench.day", "day"),
    "scale": Bench("devtools.bench.scale", "scale"),
    "backlog": Bench("devtools.bench.backlog", "backlog"),
    "quiet": Bench("devtools.bench.quiet", "quiet", is_whole=True),
    "flood": Bench("devtools.bench.flood", "flood", is_whole=True),
    "flood-third": Bench("devtools.bench.flood", "flood_third", is_whole=True),
    "flood-tenth": Bench("devtools.bench.flood", "flood_tenth", is_whole=True),
    "evidence": Bench("devtools.bench.evidence", "evidence"),
    "reconcile": Bench("devtools.bench.reconcile", "reconcile"),
    "replay": Bench("devtools.bench.replay", "replay"),
    "gaps": Bench("devtools.bench.gaps", "gaps", is_whole=True),
    "calls": Bench("devtools.bench.calls", "calls", is_whole=True),
    "latency": Bench("devtools.bench.calls", "latency", is_whole=True),
}
