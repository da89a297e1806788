"""The CSV file in which QMS itself imports and exports its users. Pure; every value is text, zeros are kept.

Files are read as they come: with commas, semicolons or tabs; in UTF-8 or UTF-16, with or without a byte order mark, or
in the code page of a Western Windows (1252), as Excel saves them. Passwords, profiles and phones are QMS's own affair:
they are left empty on export and not read on import.
"""

import codecs
import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence

from qms.port import Licence, ListedUser

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
_SAMPLE_BYTES = 4096
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
_LICENCES = {("1", "0"): Licence.UNLIMITED, ("0", "1"): Licence.ON_DEMAND, ("0", "0"): Licence.NONE}


class CsvError(ValueError):
    """A file is not in QMS's format; the text names the line. Never worth a retry."""

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


def decode(content: bytes) -> tuple[list[str], str]:
    """Return the lines of a file and the name of its encoding. Raises ``CsvError``."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in content[:_SAMPLE_BYTES]:  # ASCII in UTF-16 has a zero in every second byte.
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    else:
        encoding = "utf-8-sig"
    for candidate in (encoding, "cp1252"):
        try:
            return content.decode(candidate).splitlines(keepends=True), candidate.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    raise CsvError("The file is no text: save it as CSV in UTF-8.")


def read_users(lines: Sequence[str]) -> list[ListedUser]:
    """Return the users of a file, separated by commas, semicolons or tabs. Raises ``CsvError``."""
    header = (lines[0] if lines else "").removeprefix("\ufeff")
    first = 2
    if header.lower().startswith("sep="):  # Excel's own line before the header.
        lines, header, first = lines[1:], lines[1] if len(lines) > 1 else "", 3
    delimiter = max((",", ";", "\t"), key=header.count)
    reader = csv.DictReader([header, *lines[1:]], delimiter=delimiter, restval="", skipinitialspace=True)
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    if missing := [name for name in REQUIRED if name not in reader.fieldnames]:
        raise CsvError(f"Line 1: the file lacks the column {', '.join(missing)}.")
    return [_user(row, reader.line_num + first - 2) for row in reader if any(map(_has_text, row.values()))]


def _has_text(value: str | list[str] | None) -> bool:
    return bool(value.strip() if isinstance(value, str) else value)


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


def _user(row: Mapping[str, str], line: int) -> ListedUser:
    texts = {name: row.get(column, "").strip() for name, column in _TEXTS.items()}
    if not texts["user_name"] and not texts["user_id"]:
        raise CsvError(f"Line {line}: the user has neither User Name nor User ID.")
    return ListedUser(**texts, active=_is_set(row, "Is User Active", line) == "1", licence=_licence(row, line))


def _licence(row: Mapping[str, str], line: int) -> Licence:
    pair = (_is_set(row, "Unlimited License", line), _is_set(row, "On-Demand License", line))
    if pair not in _LICENCES:
        raise CsvError(f"Line {line}: a user has either an Unlimited License or an On-Demand License, not both.")
    return _LICENCES[pair]


def _is_set(row: Mapping[str, str], column: str, line: int) -> str:
    value = row[column].strip()
    if value not in ("0", "1"):
        raise CsvError(f"Line {line}: {column} is {value[:20]!r}; it must be 0 or 1.")
    return value
