"""The paper of reports as PDF: numbered pages, and what stays together on one."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from fpdf import FPDF

_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"


class NumberedPaper(FPDF):
    """A4 paper that says on each page which of how many it is; ``note``: what stands before that."""

    def __init__(self, title: str, *, is_landscape: bool = False, note: str = "") -> None:
        super().__init__(orientation="landscape" if is_landscape else "portrait", format="A4")
        self.note = note
        self.set_title(title)
        self.set_lang("en")
        self.add_font("text", fname=str(_FONT))

    def footer(self) -> None:
        """Print the note and the page's number below its text."""
        size = self.font_size_pt
        self.set_y(-12)
        self.set_font("text", size=8)
        self.cell(0, 6, self.note)
        self.set_x(self.l_margin)
        self.cell(0, 6, f"Page {self.page_no()} of {{nb}}", align="R")
        self.set_font("text", size=size)


def together(pdf: FPDF, draw: Callable[[FPDF], None]) -> None:
    """Draw on a new page what would break over two: no last row of a table stands alone on the next page.

    What is longer than a page breaks all the same. ``draw`` is called twice: first it draws nothing, and says where a
    page would end.
    """
    with pdf.offset_rendering() as tried:
        draw(cast(FPDF, tried))
    if tried.page_break_triggered and pdf.get_y() > pdf.t_margin:
        pdf.add_page()
    draw(pdf)
