"""The paper of reports: its pages are numbered and dated, and no row of a table stands alone on one."""

import re
import zlib

from fpdf import FPDF
from fpdf.fonts import FontFace

from calls.report.paper import NumberedPaper, together

_ESCAPED = {rb"\r": b"\r", rb"\(": b"(", rb"\)": b")", rb"\\": b"\\"}


def pages(data: bytes) -> list[str]:
    """Return the text of each page of a PDF that fpdf wrote with one font."""
    found = re.findall(rb"[^d]stream\n(.*?)\nendstream", data, re.DOTALL)
    streams = [one if one.startswith(b"/CIDInit") else zlib.decompress(one) for one in found]
    (letters,) = (_letters(one) for one in streams if b"begincmap" in one)
    return [_text(one, letters) for one in streams if b") Tj" in one]


def _letters(cmap: bytes) -> dict[bytes, str]:
    pairs = re.findall(rb"<(\w{4})> <(\w{4})>\n", cmap)
    return {bytes.fromhex(key.decode()): chr(int(value, 16)) for key, value in pairs}


def _text(page: bytes, letters: dict[bytes, str]) -> str:
    found = ""
    for shown in re.findall(rb"\(((?:\\.|[^\\)])*)\) Tj", page, re.DOTALL):
        plain = re.sub(rb"\\[r()\\]", lambda one: _ESCAPED[one[0]], shown)
        found += "".join(letters[plain[at : at + 2]] for at in range(0, len(plain), 2))
    return found


def paper() -> NumberedPaper:
    """Give paper with a page of which little is left."""
    found = NumberedPaper("Title", note="Made at 12:00")
    found.set_font("text", size=10)
    found.add_page()
    found.set_y(found.page_break_trigger - 20)
    return found


def draw(pdf: FPDF) -> None:
    """Draw a table that does not fit below."""
    pdf.set_font("text", size=9)
    with pdf.table(headings_style=FontFace(emphasis=None)) as table:
        for name in ("head", "first", "second", "third", "last"):
            table.row((name,))


def draw_many(pdf: FPDF) -> None:
    """Draw what is longer than a page."""
    for _ in range(12):
        draw(pdf)


def test_each_page_says_when_it_was_made_and_which_of_how_many_it_is() -> None:
    found = paper()
    found.add_page()

    assert pages(bytes(found.output())) == ["Made at 12:00Page 1 of 2", "Made at 12:00Page 2 of 2"]


def test_the_last_row_of_a_table_is_not_alone_on_the_next_page() -> None:
    broken, whole = paper(), paper()
    draw(broken)
    together(whole, draw)

    assert ["last" in one and "first" not in one for one in pages(bytes(broken.output()))] == [False, True]
    assert ["last" in one and "first" in one for one in pages(bytes(whole.output()))] == [False, True]


def test_what_fits_stays_on_its_page_and_what_is_longer_than_one_begins_no_third() -> None:
    fits, long = paper(), paper()
    fits.set_y(20)
    together(fits, draw)
    long.set_y(long.t_margin)
    together(long, draw_many)

    assert [len(pages(bytes(one.output()))) for one in (fits, long)] == [1, 2]
