"""Verify an export with nothing but itself and the site's public key; pure: no database, no settings.

``python -m evidence.verification FILE PUBLIC_KEY [--retired ...]`` does it without the gateway's environment. An
export proves what it holds; that it holds all of a recording's entries is seen by the numbers of the whole chain alone
(``evidence.audit``).
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from evidence.merkle import leaf_hash, root_by_path
from evidence.records import (
    EXPORT_FORMAT,
    BlockHeader,
    EvidenceExport,
    ExportedEntry,
    ExportedSeal,
    KeyChange,
    SealedFlag,
    SealStatement,
    SignedKeyChange,
    commitment,
    text_hash,
)
from evidence.unsigned_parts import unsigned_words

#: No key is retired; and the last day of a key that is not.
NOTHING_RETIRED: Mapping[str, str] = MappingProxyType({})
NO_LAST_DAY = "9999-12-31"
#: What is wrong with a text that no parser reads, because its parts lie within each other by the hundred.
TOO_DEEP = "its parts are nested too deeply for an export"
_RETIREMENT_FORM = "the public key, = and the last day, as in a1b2...=2026-03-31"
RETIRED_HELP = (
    "a public key that others may have: its seals, and those of keys that it alone vouches for, count up to this day"
    " (2026-03-31); once for each key, or a file with one of these a line"
)


#: Exit status: proved; not proved; nothing is wrong, but a part is not sealed yet (2 is argparse's).
VERIFIED, NOT_VERIFIED, NOT_YET = 0, 1, 3
#: A day is over everywhere on earth, and its seal should be made, this long after its end in UTC.
SURELY_OVER = timedelta(hours=13)


class EntryBody(msgspec.Struct, frozen=True):
    """What the verification reads of an entry's text."""

    entry: int
    recording: str
    flags: list[SealedFlag]


class ExportVerdict(msgspec.Struct, frozen=True):
    """What is wrong with an export, and what is only not sealed yet. Both are empty where it is proved."""

    wrong: Sequence[str]
    waiting: Sequence[str]

    @property
    def status(self) -> int:
        """The exit status."""
        return NOT_VERIFIED if self.wrong else NOT_YET if self.waiting else VERIFIED


def read_export(content: bytes) -> EvidenceExport:
    """Read a file. What nobody signed is refused: a field that no export has, or one that stands twice.

    Whoever opens the file would read it beside what is proved. Raises ``ValueError`` (``MsgspecError`` is one) and
    ``RecursionError``.
    """
    json.loads(content, object_pairs_hook=_each_once)
    return msgspec.json.decode(content, type=EvidenceExport)


def _each_once(pairs: list[tuple[str, object]]) -> None:
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            raise ValueError(f"the field {name} stands twice")


def verdict(
    export: EvidenceExport, public_key: str, now: datetime, retired: Mapping[str, str] = NOTHING_RETIRED
) -> ExportVerdict:
    """Judge an export at a time: a day that is over and has no seal is wrong, one that is not over waits."""
    wrong, waiting = problems(export, public_key, retired), list[str]()
    for day in _unsealed_days(export):
        waits = f"{day} is not sealed yet: export again after the day is over"
        if waits in wrong and _is_surely_over(day, now):
            wrong[wrong.index(waits)] = f"{day} is over and has no seal: it was lost, or none was made"
        elif waits in wrong:
            wrong.remove(waits)
            waiting.append(waits)
    return ExportVerdict(wrong, waiting)


def _unsealed_days(export: EvidenceExport) -> list[str]:
    return [seal.day for seal in export.seals if not seal.statement]


def _is_surely_over(day: str, now: datetime) -> bool:
    try:
        return date.fromisoformat(day) < (now.astimezone(UTC) - SURELY_OVER).date()
    except ValueError:
        return False


def problems(export: EvidenceExport, public_key: str, retired: Mapping[str, str] = NOTHING_RETIRED) -> list[str]:
    """Return what is wrong with an export, or not sealed yet; empty where it is proved.

    ``public_key``: hexadecimal. ``retired``: public keys that are known to others, each with the last day of which its
    seal counts.
    """
    if export.format != EXPORT_FORMAT:
        return [f"the format is {export.format[:40]}, not {EXPORT_FORMAT}"]
    if not export.entries:
        return ["it holds no entry"]
    try:
        trusted = trusted_keys(public_key, export.key_changes, retired)
        found = [*unsigned_words(export), *_of_seals(export, trusted), *_of_order(export), *_of_changes(export)]
        for entry in export.entries:
            found += _of_entry(entry, export)
    except (msgspec.MsgspecError, ValueError) as error:
        return [f"it cannot be read: {error}"]
    except RecursionError:
        return [f"it cannot be read: {TOO_DEEP}"]
    return found


def trusted_keys(
    public_key: str, changes: Sequence[SignedKeyChange], retired: Mapping[str, str] = NOTHING_RETIRED
) -> dict[str, str]:
    """Return the trusted key and those that changes signed by both keys link to it, each with the last day it counts.

    Whoever has a stolen key can sign a change to another: a key that only a retired one vouches for counts no longer
    than that. Raises ``MsgspecError``.
    """
    given = public_key.strip().lower()
    trusted = {given: retired.get(given, NO_LAST_DAY)}
    signed = _signed(changes)
    while new := [one for one in signed if len({one.old, one.new} & trusted.keys()) == 1]:
        change = max(new, key=lambda one: trusted.get(one.old) or trusted[one.new])
        known, other = (change.old, change.new) if change.old in trusted else (change.new, change.old)
        trusted[other] = min(trusted[known], retired.get(other, NO_LAST_DAY))
    return trusted


def followers(key: str, changes: Sequence[SignedKeyChange]) -> set[str]:
    """Return the keys that changes signed by both make follow a key, and itself: after its seal no other one counts.

    Raises ``MsgspecError``.
    """
    found, signed = {key}, _signed(changes)
    while new := {one.new for one in signed if one.old in found} - found:
        found |= new
    return found


def _signed(changes: Sequence[SignedKeyChange]) -> list[KeyChange]:
    pending = [(one, msgspec.json.decode(one.text, type=KeyChange)) for one in changes]
    return [change for one, change in pending if is_signed_by_both(one, change)]


def is_signed_by_both(signed: SignedKeyChange, change: KeyChange) -> bool:
    """Say whether both keys of a change signed it."""
    return is_signed(signed.text, signed.by_old, change.old) and is_signed(signed.text, signed.by_new, change.new)


def is_signed(text: str, signature: str, public_key: str) -> bool:
    """Say whether a signature is the key's over the text; all but the text in hexadecimal."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _of_seals(export: EvidenceExport, trusted: Mapping[str, str]) -> Iterator[str]:
    for seal in export.seals:
        if not seal.statement:
            yield f"{seal.day} is not sealed yet: export again after the day is over"
            continue
        statement = msgspec.json.decode(seal.statement, type=SealStatement)
        if statement.day != seal.day:
            yield f"the seal of {seal.day} is of {statement.day}"
        if wrong := signature_problem(seal, statement, trusted, "the given one"):
            yield wrong


def signature_problem(seal: ExportedSeal, statement: SealStatement, trusted: Mapping[str, str], voucher: str) -> str:
    """Say why the signature of a seal proves nothing; empty where it proves. ``voucher``: the key that is trusted."""
    if statement.key not in trusted:
        return f"the seal of {seal.day} is by a key that {voucher} does not vouch for"
    if statement.day > trusted[statement.key]:
        return f"the seal of {seal.day} is by a key that is retired and counts up to {trusted[statement.key]}"
    is_right = is_signed(seal.statement, seal.signature, statement.key)
    return "" if is_right else f"the signature of {seal.day} is wrong"


def _of_order(export: EvidenceExport) -> Iterator[str]:
    """Each entry stands once: one that is repeated would look like a second write."""
    numbers = [msgspec.json.decode(entry.body, type=EntryBody).entry for entry in export.entries]
    for before, number in pairwise(numbers):
        if number <= before:
            yield f"entry {number} stands twice, or after a later one"


def _of_changes(export: EvidenceExport) -> Iterator[str]:
    """What is not signed by both keys says nothing, and may say anything to whoever opens the file."""
    for one in export.key_changes:
        if not is_signed_by_both(one, msgspec.json.decode(one.text, type=KeyChange)):
            yield f"a change of keys is not signed by both: {one.text[:80]}"
    for day, count in Counter(seal.day for seal in export.seals).items():
        if count > 1:
            yield f"the seal of {day} stands twice"


def _of_entry(entry: ExportedEntry, export: EvidenceExport) -> Iterator[str]:
    body = msgspec.json.decode(entry.body, type=EntryBody)
    header = msgspec.json.decode(entry.header, type=BlockHeader)
    name = f"entry {body.entry}"
    if body.recording != export.recording:
        yield f"{name} is of another recording"
    if header.first_entry + entry.index != body.entry:
        yield f"{name} stands at another place of its block"
    path = [bytes.fromhex(one) for one in entry.path]
    root = root_by_path(leaf_hash(entry.body.encode()), entry.index, header.entries, path)
    if root is None or root.hex() != header.root:
        yield f"{name} was changed, or is not of its block"
    yield from _of_block(entry, header, export, name)
    yield from _of_values(entry, body, name)


def _of_block(entry: ExportedEntry, header: BlockHeader, export: EvidenceExport, name: str) -> Iterator[str]:
    seal = next((one for one in export.seals if one.day == entry.day), None)
    if seal is None:
        yield f"{name} has no seal"
        return
    if not seal.statement:
        return
    statement = msgspec.json.decode(seal.statement, type=SealStatement)
    path = [bytes.fromhex(one) for one in entry.block_path]
    block = bytes.fromhex(text_hash(entry.header))
    root = root_by_path(block, entry.block_index, statement.blocks, path)
    if statement.first_block + entry.block_index != header.block or root is None or root.hex() != statement.root:
        yield f"the block of {name} was changed, or is not of its day"


def _of_values(entry: ExportedEntry, body: EntryBody, name: str) -> Iterator[str]:
    sealed = {flag.name: flag.commitment for flag in body.flags}
    for flag, count in Counter(one.name for one in entry.values).items():
        if count > 1:
            yield f"{name}: {flag} stands twice"
    for one in entry.values:
        if one.name not in sealed:
            yield f"{name} has no flag {one.name}"
        elif one.value is not None and commitment(bytes.fromhex(one.salt), one.name, one.value) != sealed[one.name]:
            yield f"{name}: the value of {one.name} is not the one that was sealed"


def summary(export: EvidenceExport) -> list[str]:
    """Return what a verified export says: of which recording it is, what each seal covers, a sentence for each entry.

    What no seal covers is never called proved.
    """
    waiting, days = set(_unsealed_days(export)), Counter(entry.day for entry in export.entries)
    unsealed = sum(days[day] for day in waiting)
    said = f"recording {export.recording}, {_entries(len(export.entries))}"
    lines = [f"NOT PROVED YET: {said}, {unsealed:,} of them not sealed yet." if waiting else f"Proved: {said}."]
    seals = {one.day: one for one in export.seals}
    for day, count in days.items():
        lines.append(f"{_entries(count)}: {_seal_words(day, seals[day].statement)}.")
    for entry in export.entries:
        body = msgspec.json.decode(entry.body)
        values = {one.name: one.value for one in entry.values}
        flags = ", ".join(_flag_words(flag["name"], values) for flag in body["flags"]) or "no flags"
        when = f"of {entry.day}, NOT SEALED" if entry.day in waiting else f"sealed {entry.day}"
        sent = _request_words(body["request"], body["answer"])
        lines.append(f"Entry {body['entry']}, {when}: {sent} ({flags}).{_given_words(body.get('recording_known'))}")
    lines.append(
        "A file proves what it holds: entries of this recording before or after these may have been left out of it."
        " Only the site's whole chain shows that there are no others."
    )
    return lines


def _given_words(known: Mapping[str, str] | None) -> str:
    """Say that a person decided whose the recording is; nothing where QMS named it, or where it is not kept."""
    return f" {known['by']} gave the recording to its leg, {known['at']}." if known and known["by"] else ""


def _request_words(request: str, answer: str) -> str:
    """Say what was sent and answered; of what shadow mode withheld nothing was sent."""
    why = request.removeprefix("none: ")
    return f"nothing was sent, {why}" if why != request else f"{request} was {answer}"


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


def _seal_words(day: str, statement: str) -> str:
    if not statement:
        return f"not yet sealed: of {day}, and whoever has the database can still change them"
    seal = msgspec.json.decode(statement, type=SealStatement)
    return f"by the seal of {day}, made {seal.at[:19]} with the key {seal.key[:16]}"


def _flag_words(name: str, values: dict[str, str | None]) -> str:
    value = values.get(name)
    return f"{name} “{value}”" if value is not None else f"{name}, value not in this file"


def printable(text: str) -> str:
    """Return a text with its control characters escaped: a forged file shall not write "Proved" on a terminal."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def retirements(words: Sequence[str]) -> dict[str, str]:
    """Read the retired keys: each word is ``KEY=DAY``, or a file with one of these a line.

    KEY may be a file that holds it. Raises ``ValueError``, whose text says what to write.
    """
    lines = [line for word in words for line in (_lines(word) if "=" not in word else [word])]
    return dict(map(_retirement, lines))


def key_of(text: str) -> str:
    """Return a public key that is given as text, or as a file that holds it. Raises ``OSError``."""
    path = Path(text)
    return path.read_text().strip() if text and path.is_file() else text.strip()


def _lines(name: str) -> list[str]:
    try:
        return [line for line in Path(name).read_text().splitlines() if line.strip()]
    except OSError as error:
        raise ValueError(f"{name}: no such file; write {_RETIREMENT_FORM}") from error


def _retirement(text: str) -> tuple[str, str]:
    key, _, day = text.strip().rpartition("=")
    try:
        return key_of(key).lower(), date.fromisoformat(day).isoformat()
    except (OSError, ValueError) as error:
        raise ValueError(f"{text}: write {_RETIREMENT_FORM}") from error


def main(words: list[str]) -> int:
    """Verify a file; 0 where it is proved, 3 where only a seal of a day that is not over is missing."""
    asked = _parser().parse_args(words)
    try:
        export = read_export(Path(asked.file).read_bytes())
        found = verdict(export, key_of(asked.key), datetime.now(UTC), retirements(asked.retired))
    except OSError as error:
        found = ExportVerdict([f"{asked.file} cannot be read: {error.strerror}"], [])
    except ValueError as error:
        found = ExportVerdict([str(error)], [])
    except RecursionError:
        found = ExportVerdict([TOO_DEEP], [])
    lines = [f"NOT PROVED: {one}." for one in (*found.wrong, *found.waiting)] if found.wrong else summary(export)
    print("\n".join(map(printable, lines)))  # noqa: T201  (a program)
    return found.status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evidence.verification", description="Verify an export.")
    parser.add_argument("file", help="the export")
    parser.add_argument("key", help="the site's public key in hexadecimal, or a file with it")
    parser.add_argument("--retired", action="append", default=[], metavar="KEY=DAY", help=RETIRED_HELP)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
