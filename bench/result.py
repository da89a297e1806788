"""What a bench found."""

import msgspec


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One measured rate. ``against`` and ``ratio``: what it is compared with in the same run, if with anything."""

    bench: str
    what: str
    rate: float
    unit: str
    cpu_seconds: float
    against: str = ""
    ratio: float | None = None


HEADS = ("bench", "what", "rate", "unit", "CPU s", "against", "ratio")


def table(results: list[Result]) -> str:
    """Return the results as a table to read."""
    rows = [HEADS, *(_row(one) for one in results)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADS))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)) for row in rows)


def _row(one: Result) -> tuple[str, ...]:
    ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
    return (one.bench, one.what, f"{one.rate:,.0f}", one.unit, f"{one.cpu_seconds:.1f}", one.against, ratio)
