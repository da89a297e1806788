"""The CSV file in which QMS itself imports and exports its users. Pure; every value is text, zeros are kept.

Files are read as they come: with commas, semicolons or tabs; in UTF-8 or UTF-16, with or without a byte order mark, or
in the code page of a Western Windows (1252), as Excel saves them. Passwords, profiles and phones are QMS's own affair:
they are left empty on export and not read on import.

A line that cannot be read does not lose the others. A file whose lines cannot be separated safely is refused as a
whole: users that were lost on the way would be taken for gone.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from qms.port import MAXIMUM_TEXT_LENGTH, Licence, ListedUser, UnreadableUser

COLUMNS = (
    "First Name",
    "Last Name",
    "Extension",
    "User ID",
    "Agent ID",
    "Department Name",
    "User Name",
    "Password",
    "Security Profile Name",
    "Recording Profile Name",
    "Phone IP",
    "Is User Active",
    "Recording Service IP Address",
    "Unlimited License",
    "On-Demand License",
)
# Length of the beginning by which the format is recognised, in bytes.
_SAMPLE_BYTES = 4096
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # Before UTF-16, whose mark it begins with.
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
#: Text in UTF-16 that is mostly ASCII has a zero in every second byte; this share of zeros is enough to tell.
_ZEROS_OF_UTF16 = 0.25
#: The first bytes of Excel's workbooks: a zip archive, and the older compound file (until 2007).
_WORKBOOKS = (b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1"))
_NO_TEXT = "The file is no text: save it as CSV in UTF-8."
_DELIMITERS = (",", ";", "\t")
#: Excel's own spelling of a text that looks like a number.
_EXCEL_TEXT = re.compile(r'="([^"]*)"')
_YES, _NO = ("1", "true", "yes", "y"), ("0", "false", "no", "n")
#: What the file must have; the rest may be missing.
REQUIRED = (
    "First Name",
    "Last Name",
    "Extension",
    "User Name",
    "Is User Active",
    "Recording Service IP Address",
    "Unlimited License",
    "On-Demand License",
)
_TEXTS = {
    "first_name": "First Name",
    "last_name": "Last Name",
    "extension": "Extension",
    "user_id": "User ID",
    "agent_id": "Agent ID",
    "department_name": "Department Name",
    "user_name": "User Name",
    "recording_service": "Recording Service IP Address",
}
_LICENCES = {(True, False): Licence.UNLIMITED, (False, True): Licence.ON_DEMAND, (False, False): Licence.NONE}


class CsvError(ValueError):
    """A file, or a line of one, is not in QMS's format; the text says where. Never worth a retry."""

    retryable = False


def write_users(users: Iterable[ListedUser]) -> Iterator[str]:
    """Yield the lines of the file, the header first."""
    lines = _Lines()
    writer = csv.DictWriter(lines, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    yield lines.taken()
    for user in users:
        writer.writerow(_row(user))
        yield lines.taken()


def decode(content: bytes) -> tuple[str, str]:
    """Return the text of a file and the name of its encoding. Raises ``CsvError``."""
    if content.startswith(_WORKBOOKS):
        raise CsvError("The file is an Excel workbook: save it as CSV UTF-8 in Excel.")
    encoding = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise CsvError(_NO_TEXT) from None
        text, encoding = _western(content, error), "cp1252"
    if "\0" in text:
        raise CsvError(_NO_TEXT)
    return text, encoding.removesuffix("-sig")


def read_users(text: str) -> list[ListedUser | UnreadableUser]:
    """Return the users of a file, separated by commas, semicolons or tabs. Raises ``CsvError``."""
    rows = list(_rows(text))
    number, header = rows[0] if rows else (1, [])
    columns = _columns(header, number)
    return [_user_or_why_not(columns, row, line) for line, row in rows[1:]]


def _encoding(content: bytes) -> str:
    mark = next((mark for mark in _BYTE_ORDER_MARKS if content.startswith(mark)), None)
    if mark is not None:
        return _BYTE_ORDER_MARKS[mark]
    sample = content[:_SAMPLE_BYTES]
    if sample.count(0) < len(sample) * _ZEROS_OF_UTF16 or not sample:
        return "utf-8"
    return "utf-16-be" if sample[0] == 0 else "utf-16-le"


def _western(content: bytes, error: UnicodeDecodeError) -> str:
    """Return a file that is no UTF-8 as Windows-1252; one that mixes both would have its names garbled."""
    line = content.count(b"\n", 0, error.start) + 1
    garbled = content.decode(errors="ignore")
    if not garbled.isascii():
        raise CsvError(f"Line {line}: a character is not UTF-8, as others are: save the file as CSV in UTF-8.")
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        raise CsvError(_NO_TEXT) from None


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, with the number of the line on which each ends."""
    text = text.removeprefix("\ufeff")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), skipinitialspace=True, strict=True)
    try:
        for row in reader:
            is_excels = reader.line_num == 1 and row and row[0].lower().startswith("sep=")
            if not is_excels and any(value.strip() for value in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise CsvError(f"Line {reader.line_num}: {error}; is a quotation mark missing or too many?") from None


def _delimiter(text: str) -> str:
    """Return what separates the columns of the header."""
    head, required = text[:_SAMPLE_BYTES], {name.lower() for name in REQUIRED}
    return max(_DELIMITERS, key=lambda one: len(_words(head, one) & required))


def _words(head: str, delimiter: str) -> set[str]:
    return {_name(word.strip().strip('"')) for line in head.splitlines() for word in line.split(delimiter)}


def _name(column: str) -> str:
    """Return a column's name for comparison: case and blanks do not matter."""
    return " ".join(column.split()).lower()


def _columns(header: Sequence[str], line: int) -> list[str]:
    """Return our names of the columns of a header. Raises ``CsvError``."""
    known = {name.lower(): name for name in COLUMNS}
    columns = [known.get(_name(one), "") for one in header]
    if missing := [name for name in REQUIRED if name not in columns]:
        raise CsvError(f"Line {line}: the file lacks the column {', '.join(missing)}.")
    if double := [name for name in COLUMNS if columns.count(name) > 1]:
        raise CsvError(f"Line {line}: the file has the column {', '.join(double)} more than once.")
    return columns


class _Lines:
    """What the CSV writer wrote since it was last taken."""

    def __init__(self) -> None:
        self._written = ""

    def write(self, text: str) -> None:
        self._written += text

    def taken(self) -> str:
        written, self._written = self._written, ""
        return written


def _row(user: ListedUser) -> dict[str, str]:
    texts = {column: getattr(user, name) for name, column in _TEXTS.items()}
    return texts | {
        "Is User Active": "1" if user.active else "0",
        "Unlimited License": "1" if user.licence is Licence.UNLIMITED else "0",
        "On-Demand License": "1" if user.licence is Licence.ON_DEMAND else "0",
    }


def _user_or_why_not(columns: Sequence[str], row: Sequence[str], line: int) -> ListedUser | UnreadableUser:
    values = {column: _plain(value) for column, value in zip(columns, row, strict=False)}
    user_id = values.get("User ID", "") or values.get("User Name", "")
    try:
        if any(value.strip() for value in row[len(columns) :]):
            raise CsvError("there are more values than columns; a text with the separator in it needs quotation marks")
        return _user(values)
    except CsvError as error:
        return UnreadableUser(f"Line {line}: {error}", user_id if len(user_id) <= MAXIMUM_TEXT_LENGTH else "")


def _plain(value: str) -> str:
    value = value.strip()
    excel = _EXCEL_TEXT.fullmatch(value)
    return excel[1].strip() if excel else value


def _user(row: Mapping[str, str]) -> ListedUser:
    texts = {name: row.get(column, "") for name, column in _TEXTS.items()}
    if not texts["user_name"] and not texts["user_id"]:
        raise CsvError("the user has neither User Name nor User ID")
    for name, text in texts.items():
        if len(text) > MAXIMUM_TEXT_LENGTH:
            raise CsvError(f"{_TEXTS[name]} is longer than {MAXIMUM_TEXT_LENGTH} characters")
    return ListedUser(**texts, active=_is_yes(row, "Is User Active"), licence=_licence(row))


def _licence(row: Mapping[str, str]) -> Licence:
    pair = (_is_yes(row, "Unlimited License"), _is_yes(row, "On-Demand License"))
    if pair not in _LICENCES:
        raise CsvError("a user has either an Unlimited License or an On-Demand License, not both")
    return _LICENCES[pair]


def _is_yes(row: Mapping[str, str], column: str) -> bool:
    value = row.get(column, "")
    if value.lower() not in (*_YES, *_NO):
        raise CsvError(f"{column} is {value[:20]!r}; it must be 0 or 1")
    return value.lower() in _YES
