"""Verify an export of the evidence, or the whole chain."""

from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from evidence.api import AuditCount, chain_problems, missing_seals
from evidence.records import EvidenceExport
from evidence.verification import RETIRED_HELP, TOO_DEEP, key_of, printable, problems, retirements, summary


class Command(BaseCommand):
    """Say whether it is proved; exit status 0 only if it is."""

    help = (
        "Verify an export of the evidence with the site's public key and nothing else; without a file the whole chain"
        " in the database. Exit status 0 only if all of it is proved."
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
        try:
            export = msgspec.json.decode(options["file"].read_bytes(), type=EvidenceExport)
        except (OSError, msgspec.MsgspecError) as error:
            raise CommandError(f"{options['file']} cannot be read: {_why(error)}") from error
        except RecursionError as error:
            raise CommandError(f"{options['file']} cannot be read: {TOO_DEEP}") from error
        self._report(problems(export, key, retired))
        for line in summary(export):
            self.stdout.write(printable(line))

    def _verify_chain(self, key: str, retired: dict[str, str], kept: list[str]) -> None:
        count = AuditCount()
        self._report([*chain_problems(count, key, retired), *missing_seals(kept)])
        counts = f"{count.blocks:,} blocks, {count.entries:,} entries, {count.seals:,} daily seals"
        self.stdout.write(
            f"Proved: {counts}." if count.blocks else "The chain is empty: there is nothing to prove yet."
        )
        if count.without_entries:
            self.stdout.write(
                f"The entries of the first {count.without_entries:,} blocks, up to {count.without_until}, are gone."
                " That is right if they are older than RETENTION_DAYS."
            )

    def _report(self, found: list[str]) -> None:
        if found:
            lines = "\n".join(f"  {printable(one)}." for one in found[:50])
            raise CommandError(f"NOT PROVED:\n{lines}")


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {_why(error)}") from error


def _why(error: Exception) -> object:
    return error.strerror if isinstance(error, OSError) else error
