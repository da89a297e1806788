"""The files of exports: CSV and XLSX written row by row, in memory that does not grow with the rows. No database."""

import csv
import os
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Protocol

import msgspec
import xlsxwriter

#: A sheet holds 1,048,576 rows; the next one goes on.
ROWS_A_SHEET = 1_000_000
#: Width of a column in characters: a time fits; one that does not is shown as "####".
USUAL_WIDTH = 24
#: What makes a spreadsheet take a text for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four: full width

#: The same after what a spreadsheet with another list separator, or a text in several lines, takes for a new cell.
_HIDDEN_FORMULA = re.compile(r"(?<=[;\t|\r\n])(?=[ \"']*[=+\-@\uff1d\uff0b\uff0d\uff20])")

Cell = str | int | float | datetime | None


class SheetWriter(Protocol):
    """A file being written. ``close`` makes it whole; without it nothing of it counts."""

    def write(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Append rows."""

    def close(self) -> None:
        """End the file."""


class SheetFormat(msgspec.Struct, frozen=True):
    """The headers, and the zone of the times; ``widths``: of the columns of a sheet, in characters."""

    headers: tuple[str, ...]
    zone: tzinfo
    widths: tuple[int, ...] = ()


def open_writer(kind: str, path: Path, shape: SheetFormat) -> SheetWriter:
    """Begin a file of a kind, ``csv`` or ``xlsx``, that only its owner may read."""
    os.close(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
    return XlsxFile(path, shape) if kind == "xlsx" else CsvFile(path, shape)


def is_formula(text: str) -> bool:
    """Say whether a spreadsheet could take a text for a formula."""
    return text.startswith(FORMULA)


def defused(text: str) -> str:
    """Return a text with an apostrophe before whatever a spreadsheet could take for a formula, in mid-text too.

    A spreadsheet whose list separator is a semicolon splits our texts at semicolons, quotation marks or not.
    """
    return _HIDDEN_FORMULA.sub("'", f"'{text}" if is_formula(text) else text)


class CsvFile:
    """A CSV in UTF-8 with its mark, as Excel wants it; what could be a formula gets an apostrophe before it."""

    def __init__(self, path: Path, shape: SheetFormat) -> None:
        self._zone = shape.zone
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow(shape.headers)

    def write(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Append rows."""
        self._rows.writerows([self._text(cell) for cell in row] for row in rows)

    def _text(self, cell: Cell) -> str | int | float | None:
        if isinstance(cell, datetime):
            return cell.astimezone(self._zone).isoformat(" ", "milliseconds")
        return defused(cell) if isinstance(cell, str) else cell

    def close(self) -> None:
        """End the file."""
        self._file.close()


class XlsxFile:
    """An XLSX whose rows go to disk at once; every text is written as text, never as a formula or a link."""

    def __init__(self, path: Path, shape: SheetFormat) -> None:
        options = {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._shape = shape
        self._book = xlsxwriter.Workbook(str(path), options)
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._quoted = self._book.add_format({"quote_prefix": True})
        self._bold = self._book.add_format({"bold": True})
        self._begin_sheet()

    def _begin_sheet(self) -> None:
        self._sheet, self._row = self._book.add_worksheet(), 1
        self._sheet.freeze_panes(1, 0)
        widths = self._shape.widths or (USUAL_WIDTH,) * len(self._shape.headers)
        for column, (header, width) in enumerate(zip(self._shape.headers, widths, strict=True)):
            self._sheet.set_column(column, column, width)
            self._sheet.write_string(0, column, header, self._bold)

    def write(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Append rows."""
        for row in rows:
            if self._row > ROWS_A_SHEET:
                self._begin_sheet()
            for column, cell in enumerate(row):
                self._put(column, cell)
            self._row += 1

    def _put(self, column: int, cell: Cell) -> None:
        if isinstance(cell, datetime):
            here = cell.astimezone(self._shape.zone).replace(tzinfo=None)
            self._sheet.write_datetime(self._row, column, here, self._moment)
        elif isinstance(cell, int | float):
            self._sheet.write_number(self._row, column, cell)
        elif cell:
            self._sheet.write_string(self._row, column, cell, self._quoted if is_formula(cell) else None)

    def close(self) -> None:
        """End the file."""
        self._book.close()
