"""A caller whose name is a formula; it runs on the computer of whoever opens an export."""

import csv
from datetime import UTC
from pathlib import Path

import pytest

from calls.export.writers import SheetFormat, is_formula, open_writer

ATTACKS = [
    "=1+1",
    ";=1+1",
    "Erika;=cmd|'/c calc'!A0",
    "a;  =1+1",
    'a;"=1+1"',
    "a\n=1+1",
    "a\r@SUM(A1)",
    "a\t-1+1",
    "x|+1",
    ";\uff1d1",
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_cell_of_an_export_is_a_formula_whatever_the_list_separator(
    attack: str, separator: str, tmp_path: Path
) -> None:
    """Before: ``;=1+1`` came out as it was, and a spreadsheet that splits at semicolons ran it."""
    file = tmp_path / "legs.csv"
    writer = open_writer("csv", file, SheetFormat(("Agent", "Caller"), UTC))
    writer.write([["7001", attack]])
    writer.close()

    text = file.read_text("utf-8-sig")
    quoted = [cell for row in csv.reader(text.splitlines(keepends=True), delimiter=separator) for cell in row]
    naive = [cell.strip(" \"'") and cell.lstrip(' "') for line in text.splitlines() for cell in line.split(separator)]
    assert [cell for cell in (*quoted, *naive) if is_formula(cell)] == []


def test_an_ordinary_text_with_a_semicolon_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "legs.csv"
    writer = open_writer("csv", file, SheetFormat(("Reason",), UTC))
    writer.write([["Asked twice; QMS knew nothing"]])
    writer.close()

    assert "Asked twice; QMS knew nothing" in file.read_text("utf-8-sig")
