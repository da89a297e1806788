"""A report as PDF."""

from django.utils import timezone
from fpdf.fonts import FontFace

from calls.report.figures import ReportFigures, ReportLine
from calls.report.files import headers
from calls.report.paper import NumberedPaper
from calls.report.text import change_text, percent_text, sentence, title

#: Maximum of lines printed in a PDF; the other formats hold all.
MAXIMUM_PRINTED = 500


def printed(report: ReportFigures) -> bytes:
    """Return a report as PDF."""
    pdf = NumberedPaper(title(report.query), is_landscape=True)
    pdf.set_font("text", size=14)
    pdf.add_page()
    pdf.multi_cell(0, 8, title(report.query), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("text", size=10)
    pdf.multi_cell(0, 6, _summary(report), new_x="LMARGIN", new_y="NEXT")
    pdf.ln(3)
    widths = (90, 25, 25, 30, 35, 40, 25)
    heading = FontFace(emphasis=None, fill_color=(235, 235, 235))
    with pdf.table(col_widths=widths, headings_style=heading, text_align=("LEFT", *["RIGHT"] * 6)) as table:
        table.row(headers(report))
        for line in (*report.lines[:MAXIMUM_PRINTED], report.total):
            table.row(_cells(line))
    return bytes(pdf.output())


def _summary(report: ReportFigures) -> str:
    zone = timezone.get_default_timezone_name()
    cut = len(report.lines) - MAXIMUM_PRINTED
    more = f" The first {MAXIMUM_PRINTED} of {len(report.lines):,} lines are printed." if cut > 0 else ""
    return f"{sentence(report)}\nDays by the clock of {zone}.{more}"


def _cells(line: ReportLine) -> tuple[str, ...]:
    tally = line.tally
    counts = (f"{tally.legs:,}", f"{tally.flagged:,}", f"{tally.unflagged:,}")
    return (line.name, *counts, percent_text(line.percent), percent_text(line.percent_before), change_text(line.change))
