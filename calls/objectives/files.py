"""The monthly report as HTML that stands alone, and as PDF."""

from collections.abc import Sequence
from functools import partial

from django.template.loader import render_to_string
from fpdf import FPDF
from fpdf.fonts import FontFace
from msgspec.structs import replace

from calls.objectives.comparison_text import ComparisonLine, comparison_lines, not_compared_texts
from calls.objectives.promises import MonthReport, PastMonth
from calls.objectives.text import (
    PROMISE_HEADS,
    WORDS,
    YARDSTICK,
    PromiseLine,
    action_text,
    first_line,
    late_texts,
    made_text,
    month_name,
    nothing_lost_text,
    past_text,
    promise_heading,
    promise_lines,
    promise_text,
    spent_text,
    standing_text,
    uncounted_text,
)
from calls.report.links import public_link
from calls.report.paper import NumberedPaper, together

CONTENT_TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
#: The word stands there; the colour only makes it quick to find.
_BROKEN = FontFace(color=(176, 0, 32))


def month_file(report: MonthReport, kind: str, link: str = "") -> bytes:
    """Return a month as a file of a kind of ``CONTENT_TYPES``; HTML leads to the page at ``link``, where it has one."""
    if kind == "pdf":
        return _printed(report)
    context = {**shown(report), "link": link, "comparison": _comparison(report)}
    return render_to_string("calls/month_report.html", context).encode()


def shown(report: MonthReport) -> dict[str, object]:
    """Return what page and report show."""
    names = [promise_heading(one.objective) for one in report.standings]
    return {
        "month": report,
        "heading": month_name(report.month),
        "first_line": first_line(report),
        "promises": [
            (one, promise_heading(one.objective), promise_text(one.objective), standing_text(one))
            for one in report.standings
        ],
        "parts": [(name, [(one, spent_text(one.standing)) for one in parts]) for name, parts in report.parts if parts],
        "promise_names": names,
        "trend": [(one.month, list(zip(names, _past_cells(report, one), strict=True))) for one in report.trend],
        "promise_heads": PROMISE_HEADS,
        "promise_lines": promise_lines(report),
        "late": late_texts(report),
        "losses": [(one, action_text(one)) for one in report.losses],
        "nothing_lost": nothing_lost_text(report),
        "uncounted": uncounted_text(report),
        "comparison": comparison_lines(report.comparison),
        "not_compared": not_compared_texts(report.comparison),
        "yardstick": YARDSTICK,
        "words": WORDS,
        "made": made_text(report),
    }


def _printed(report: MonthReport) -> bytes:
    title = f"Flags of recordings, {month_name(report.month)}"
    pdf = NumberedPaper(title, note=made_text(report))
    pdf.add_page()
    _line(pdf, title, 16)
    _line(pdf, first_line(report), 13)
    lines = promise_lines(report)
    _table(pdf, PROMISE_HEADS, [one.cells for one in lines], (23, 52, 30, 22, 16, 27, 20), is_judged=True)
    for one in _comparison(report):
        _line(pdf, one.text, 10, one.path)
    for text in not_compared_texts(report.comparison):
        _line(pdf, text, 9)
    together(pdf, partial(_losses, report=report))
    for text in filter(None, (*late_texts(report), uncounted_text(report))):
        _line(pdf, text, 9)
    together(pdf, partial(_trend, report=report, lines=lines))
    return bytes(pdf.output())


def _trend(pdf: FPDF, report: MonthReport, lines: Sequence[PromiseLine]) -> None:
    """Draw the months before, with the notes below."""
    _line(pdf, "The last 13 months", 12)
    heads = ("Month", *(one.name for one in lines))
    rows = [(f"{one.month:%Y-%m}", *map(_judged, _past_cells(report, one))) for one in report.trend]
    _table(pdf, heads, rows, is_judged=True)
    _line(pdf, YARDSTICK, 9)
    _line(pdf, WORDS, 8)


def _losses(pdf: FPDF, report: MonthReport) -> None:
    _line(pdf, "What was lost, why, and what is being done", 12)
    if not report.losses:
        _line(pdf, nothing_lost_text(report), 10)
        return
    rows = [(one.name, f"{one.legs:,}", f"{one.percent:.0f} %", action_text(one)) for one in report.losses]
    _table(pdf, ("Cause", "Legs", "Of the lost", "Being done, or advised"), rows, (55, 16, 22, 97))


def _past_cells(report: MonthReport, month: PastMonth) -> list[tuple[str, bool]]:
    """Return how each promise stood in a month of the trend, and whether it was broken."""
    pairs = zip(month.standings, report.standings, strict=True)
    return [(past_text(one, now.objective), one.is_kept is False) for one, now in pairs]


def _judged(cell: tuple[str, bool]) -> str:
    text, is_broken = cell
    return f"{text} broken" if is_broken else text


def _comparison(report: MonthReport) -> list[ComparisonLine]:
    """Return what the comparison found, each with the whole address of its findings, where it is known."""
    lines = comparison_lines(report.comparison)
    return [replace(one, path=public_link(one.path) if one.path else "") for one in lines]


def _line(pdf: FPDF, text: str, size: int, link: str = "") -> None:
    pdf.set_font("text", size=size)
    pdf.multi_cell(0, size * 0.55, text, align="L", new_x="LMARGIN", new_y="NEXT", link=link)
    pdf.ln(2)


def _table(
    pdf: FPDF,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: tuple[int, ...] | None = None,
    *,
    is_judged: bool = False,
) -> None:
    """Draw a table; where it ``is_judged``, cells that end with the word are verdicts."""
    pdf.set_font("text", size=9)
    heading = FontFace(emphasis=None, fill_color=(235, 235, 235))
    with pdf.table(
        col_widths=widths,
        headings_style=heading,
        text_align="LEFT",
        v_align="TOP",
        borders_layout="HORIZONTAL_LINES",
        line_height=4.4,
        padding=(0.6, 1),
    ) as table:
        for row in (heads, *rows):
            cells = table.row()
            for text in row:
                cells.cell(text, style=_BROKEN if is_judged and text.lower().endswith("broken") else None)
    pdf.ln(3)
