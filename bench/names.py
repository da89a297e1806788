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
    "consume": Bench("bench.consume", "consume"),
    "intake": Bench("bench.intake", "intake"),
    "soap": Bench("bench.soap", "soap"),
    "sources": Bench("bench.sources", "sources"),
    "pages": Bench("bench.pages", "pages"),
    "open": Bench("bench.open_legs", "open_legs"),
    "day": Bench("bench.day", "day"),
    "scale": Bench("bench.scale", "scale"),
    "backlog": Bench("bench.backlog", "backlog"),
    "calls": Bench("bench.calls", "calls", is_whole=True),
    "latency": Bench("bench.calls", "latency", is_whole=True),
}
