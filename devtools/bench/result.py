"""What a bench found, and the tables that show it."""

import math
from collections.abc import Iterable, Sequence

import msgspec

#: Durations below this are shown to the microsecond.
SHORT = 0.010


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took, in seconds, so often."""

    what: str
    count: int
    p50: float
    p95: float
    p99: float
    longest: float


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of a kind took: of the CPU, and of the memory (shared pages counted in parts)."""

    kind: str
    cpu_per_1000_calls: float
    cores: float
    first_mib: float
    last_mib: float
    peak_mib: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One measured rate. ``against`` and ``ratio``: what it is compared with in the same run, if with anything.

    ``notes`` say what figures do not; ``is_broken``: the gateway did not do what it must, however fast.
    """

    bench: str
    what: str
    rate: float
    unit: str
    cpu_seconds: float
    against: str = ""
    ratio: float | None = None
    latencies: list[Latency] = []
    usage: list[Usage] = []
    notes: list[str] = []
    is_broken: bool = False


def latency(what: str, seconds: Iterable[float]) -> Latency:
    """Return what stands behind the percentiles of some durations; zeros where there are none."""
    found = sorted(seconds)
    p50, p95, p99, longest = (_percentile(found, part) for part in (0.50, 0.95, 0.99, 1.0))
    return Latency(what=what, count=len(found), p50=p50, p95=p95, p99=p99, longest=longest)


def _percentile(found: Sequence[float], part: float) -> float:
    return found[max(math.ceil(len(found) * part) - 1, 0)] if found else 0.0


def table(results: Sequence[Result]) -> str:
    """Return the results as tables to read."""
    lines = _columns(("bench", "what", "rate", "unit", "CPU s", "against", "ratio"), [_row(one) for one in results])
    for one in results:
        if one.latencies or one.usage or one.notes:
            lines += ["", f"{one.bench}: {one.what}", *_details(one)]
    return "\n".join(lines)


def _row(one: Result) -> Sequence[str]:
    ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
    return (one.bench, one.what, f"{one.rate:,.0f}", one.unit, f"{one.cpu_seconds:.1f}", one.against, ratio)


def _details(one: Result) -> list[str]:
    lines = [f"  {note}" for note in one.notes]
    if one.latencies:
        heads = ("ms", "count", "p50", "p95", "p99", "max")
        lines += ["", *_columns(heads, [_latency_row(each) for each in one.latencies])]
    if one.usage:
        heads = ("processes", "CPU s/1,000 calls", "cores", "MiB first", "MiB last", "MiB peak")
        lines += ["", *_columns(heads, [_usage_row(each) for each in one.usage])]
    return lines


def _latency_row(one: Latency) -> Sequence[str]:
    parts = (one.p50, one.p95, one.p99, one.longest)
    return (one.what, f"{one.count:,}", *map(_milliseconds, parts))


def _milliseconds(seconds: float) -> str:
    """Return a duration to read; short ones to the microsecond."""
    return f"{seconds * 1000:,.0f}" if seconds >= SHORT else f"{seconds * 1000:.3f}"


def _usage_row(one: Usage) -> Sequence[str]:
    sizes = (one.first_mib, one.last_mib, one.peak_mib)
    return (one.kind, f"{one.cpu_per_1000_calls:.2f}", f"{one.cores:.3f}", *(f"{size:,.0f}" for size in sizes))


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    return [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in (heads, *rows)
    ]
