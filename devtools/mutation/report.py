"""The results as people read them, and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import msgspec

from devtools.mutation.mutants import Fate
from devtools.mutation.run import MutantResult, MutationOutcome


@dataclass(frozen=True)
class FileRow:
    """The figures of one file, or of all.

    ``run`` counts what was run. A mutant that the tests did not survive in time counts as noticed; known equivalents
    were not run and count nowhere.
    """

    path: str
    run: int
    killed: int
    survived: int
    timeout: int
    equivalent: int

    @property
    def percent(self) -> float | None:
        """Return the share of the noticed among those that were run, rounded down to a tenth; None without any."""
        return (self.killed + self.timeout) * 1000 // self.run / 10 if self.run else None


def _row(path: str, results: Sequence[MutantResult]) -> FileRow:
    number = {fate: sum(one.fate is fate for one in results) for fate in Fate}
    equivalent = number[Fate.EQUIVALENT]
    return FileRow(
        path, len(results) - equivalent, number[Fate.KILLED], number[Fate.SURVIVED], number[Fate.TIMEOUT], equivalent
    )


def total(outcome: MutationOutcome) -> FileRow:
    """Return the figures of all files together."""
    return _row("all", outcome.results)


def rows(outcome: MutationOutcome) -> list[FileRow]:
    """Return the figures by file, in order of the paths."""
    paths = sorted({one.mutant.path for one in outcome.results})
    return [_row(path, [one for one in outcome.results if one.mutant.path == path]) for path in paths]


def _table(lines: Sequence[FileRow]) -> list[str]:
    width = max(len(one.path) for one in lines)
    head = f"{'file':<{width}}  {'run':>5}  {'killed':>6}  {'survived':>8}  {'timeout':>7}  {'equivalent':>10}  percent"
    return [head, *(_line(one, width) for one in lines)]


def _line(row: FileRow, width: int) -> str:
    percent = "-" if row.percent is None else f"{row.percent:.1f}"
    figures = f"{row.run:>5}  {row.killed:>6}  {row.survived:>8}  {row.timeout:>7}  {row.equivalent:>10}"
    return f"{row.path:<{width}}  {figures}  {percent:>7}"


def _survivors(outcome: MutationOutcome) -> list[str]:
    lines = []
    for one in sorted(outcome.results, key=lambda result: (result.mutant.path, result.mutant.start)):
        if one.fate is Fate.SURVIVED:
            lines += ["", one.diff, *([f"  ({one.note})"] if one.note else [])]
    return ["", "Survivors:", *lines] if lines else []


def text(outcome: MutationOutcome) -> str:
    """Return the table by file, the survivors as diffs, and what else a person should know."""
    ran = total(outcome).run
    speed = ran / outcome.seconds * 60 if outcome.seconds else 0
    lines = [*_survivors(outcome), "", *_table([*rows(outcome), total(outcome)]), ""]
    lines += [f"Note: {one}" for one in outcome.notices]
    lines += [f"Equivalent of the table fits no mutant any more: {one.path}: {one.line}" for one in outcome.outdated]
    last = f"{ran} of {outcome.possible} possible mutants in {outcome.seconds:.0f} s, {speed:.0f} a minute."
    return "\n".join([*lines, last])


def _told(row: FileRow) -> dict[str, object]:
    return asdict(row) | {"percent": row.percent}


def _result(one: MutantResult) -> dict[str, object]:
    mutant = one.mutant
    return {
        "path": mutant.path, "line_number": mutant.line, "within": mutant.within, "kind": mutant.kind, "fate": one.fate,
        "line": one.before, "mutation": one.after, "seconds": one.seconds, "note": one.note, "server": one.server,
        "noticed_by": one.noticing,
    }  # fmt: skip


def as_json(outcome: MutationOutcome) -> bytes:
    """Return everything as JSON; ``line`` and ``mutation`` are what the table of equivalents wants."""
    return msgspec.json.format(
        msgspec.json.encode({
            "possible": outcome.possible, "seconds": round(outcome.seconds, 1), "total": _told(total(outcome)),
            "files": [_told(row) for row in rows(outcome)], "mutants": [_result(one) for one in outcome.results],
            "outdated": [asdict(one) for one in outcome.outdated], "notices": outcome.notices,
        }),
        indent=2,
    )  # fmt: skip
