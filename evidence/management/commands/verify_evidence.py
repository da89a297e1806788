"""Verify an export of the evidence, or the whole chain."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

import clock
from evidence.api import AuditCount, chain_problems, chain_words, missing_seals
from evidence.audit import first_kept_day
from evidence.comparison import compare, seal_file_path
from evidence.guard import span
from evidence.models import EvidenceSeal
from evidence.progress import ComparisonProgress, read_progress
from evidence.records import EvidenceExport
from evidence.seal_file import KnownSeals, known_seals, read_lines
from evidence.unsealed import misfiled, moved, sealed_until
from evidence.verification import (
    NOT_YET,
    RETIRED_HELP,
    TOO_DEEP,
    key_of,
    printable,
    read_export,
    retirements,
    summary,
    verdict,
)


class Command(BaseCommand):
    """Say whether it is proved; exit status 0 only if it is."""

    help = (
        "Verify an export of the evidence with the site's public key and nothing else; without a file the whole chain"
        " in the database. Exit status 0 only if all of it is proved by seals, 3 if nothing is wrong but a part is not"
        " sealed yet."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="an export; without one: the whole chain")
        parser.add_argument("--key", help="the public key in hexadecimal, or a file with it; needed for an export")
        parser.add_argument("--retired", action="append", default=[], metavar="KEY=DAY", help=RETIRED_HELP)
        parser.add_argument(
            "--kept",
            type=Path,
            help="a file with statements of seals that were kept elsewhere, one a line: the chain must hold them",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key, retired = key_of(options["key"] or ""), retirements(options["retired"])
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        kept = _lines(options["kept"]) if options["kept"] else []
        if options["file"] is None:
            self._verify_chain(key, retired, kept)
            return
        if kept:
            raise CommandError("--kept is compared with the whole chain: leave the file out.")
        if not key:
            raise CommandError("An export is verified with --key: the public key that the site gave you.")
        export = _export(options["file"])
        found = verdict(export, key, clock.now(), retired)
        if found.wrong:
            self._report([*found.wrong, *found.waiting])
        self._say(summary(export), found.status)

    def _verify_chain(self, key: str, retired: dict[str, str], kept: list[str]) -> None:
        count, now, known = AuditCount(), clock.now(), _seen_here()
        progress = read_progress(seal_file_path(), known.file)
        kept_from = first_kept_day(now, max(known.gone_until, progress.gone_until))
        try:
            other = [f"{one.text} ({seal_file_path()})" for one in compare(known, now).misfits]
        except (ValueError, OverflowError) as error:
            other = [f"a row of the evidence in the database cannot be read: {error}"]
        chain = list(chain_problems(count, key, retired, now, kept_from))
        self._report([*chain, *missing_seals(kept), *other, *_of_unsealed(progress, known, now)])
        lines = [*chain_words(count, by_given_key=bool(key)), _compared_words(known)]
        self._say(lines if count.blocks else lines[:1], NOT_YET if count.unsealed_blocks else 0)

    def _say(self, lines: list[str], status: int) -> None:
        for line in lines:
            self.stdout.write(printable(line))
        if status:
            raise SystemExit(status)

    def _report(self, found: list[str]) -> None:
        if found:
            lines = "\n".join(f"  {printable(one)}." for one in found[:50])
            raise CommandError(f"NOT PROVED:\n{lines}")


def _of_unsealed(progress: ComparisonProgress, known: KnownSeals, now: datetime) -> list[str]:
    """Return which blocks no seal will cover soon."""
    statement = EvidenceSeal.objects.order_by("-day").values_list("statement", flat=True).first() or ""
    try:
        sealed = sealed_until(statement)
        found = [*misfiled(sealed, now), *moved(progress, sealed)]
    except ValueError:
        return []  # A statement that cannot be read is reported by the chain.
    return [one for one in found if one not in known.accepted]


def _seen_here() -> KnownSeals:
    try:
        return known_seals(read_lines(seal_file_path()))
    except (OSError, ValueError) as error:
        raise CommandError(f"NOT PROVED: {seal_file_path()} cannot be read: {_why(error)}") from error


def _compared_words(known: KnownSeals) -> str:
    if not known.seals:
        return (
            "No seal was kept on this machine outside the database: nothing here shows whether seals were deleted and"
            " made again. Compare with --kept, or run this where the worker for the queue default runs."
        )
    count, days = len(known.seals), sorted(known.seals)
    are = "1 seal is" if count == 1 else f"{count:,} seals are"
    return f"{are} as {seal_file_path()} has seen them ({span(days[0], days[-1])})."


def _export(file: Path) -> EvidenceExport:
    try:
        return read_export(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandError(f"NOT PROVED: {file} cannot be read: {printable(str(_why(error)))}") from error
    except RecursionError as error:
        raise CommandError(f"NOT PROVED: {file} cannot be read: {TOO_DEEP}") from error


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {_why(error)}") from error


def _why(error: Exception) -> object:
    return error.strerror if isinstance(error, OSError) else error
