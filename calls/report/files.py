"""A report as CSV, XLSX or PDF."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.utils import timezone

from calls.export.writers import Cell, SheetFormat, open_writer
from calls.report.figures import ReportFigures
from calls.report.query import Breakdown

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
#: Widths of the columns of a sheet, in characters.
_WIDTHS = (44, 12, 12, 14, 16, 12, 12)


def report_file(report: ReportFigures, kind: str) -> bytes:
    """Return a report as a file of a kind of ``CONTENT_TYPES``."""
    if kind != "pdf":
        return _sheet(report, kind)
    from calls.report.printing import printed  # noqa: PLC0415  (18 MiB that most processes never need)

    return printed(report)


def headers(report: ReportFigures) -> tuple[str, ...]:
    """Return the column headers of a report's table."""
    percent = "Share of all, %" if report.query.by is Breakdown.CAUSE else "Flagged, %"
    return (report.query.by.value.capitalize(), "Legs", "Flagged", "Not flagged", percent, "Before, %", "Change")


def _rows(report: ReportFigures) -> Iterator[tuple[Cell, ...]]:
    for line in (*report.lines, report.total):
        tally = line.tally
        yield (line.name, tally.legs, tally.flagged, tally.unflagged, line.percent, line.percent_before, line.change)


def _sheet(report: ReportFigures, kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"report.{kind}"
        writer = open_writer(kind, path, SheetFormat(headers(report), timezone.get_current_timezone(), _WIDTHS))
        writer.write(_rows(report))
        writer.close()
        return path.read_bytes()
