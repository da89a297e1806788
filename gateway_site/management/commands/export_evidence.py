"""Export what proves one recording."""

import getpass
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

import clock
from calls.api import record_evidence_export
from clock.text import site_time
from evidence.api import NoEvidence, export_of, has_evidence
from flags.api import sent_values
from qms.guids import spellings


class Command(BaseCommand):
    """Write the export of a recording to a file or to standard output; the history keeps who asked for it."""

    help = "Export the evidence of a recording with its proof, for ./gateway manage verify_evidence FILE --key KEY."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("guid", help="the recording's GUID, in any spelling: upper case, in braces")
        parser.add_argument("--into", type=Path, help="the file; default: standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        guid = _as_kept(options["guid"])
        try:
            export = export_of(guid, sent_values)
        except NoEvidence as error:
            raise CommandError(str(error)) from error
        text = msgspec.json.format(msgspec.json.encode(export)).decode()
        try:
            with options["into"].open("w") if options["into"] is not None else nullcontext(self.stdout) as file:
                record_evidence_export(guid, _system_user(), clock.now())
                file.write(text)
        except OSError as error:
            raise CommandError(f"{options['into'] or 'The export'} cannot be written: {error.strerror}") from error
        for seal in export.seals:
            if not seal.statement:
                self.stderr.write(_unsealed(seal.day))


def _as_kept(guid: str) -> str:
    """Return a recording's GUID as it is kept in the evidence, in whichever spelling it is given."""
    return next((one for one in sorted(spellings(guid)) if has_evidence(one)), guid)


def _unsealed(day: str) -> str:
    if day < site_time(clock.now()).date().isoformat():
        return f"WARNING: {day} is over and has no seal: its entries are not proved. See the page Evidence seals."
    return f"Not yet sealed: the entries of {day}. Export again tomorrow, to have them proved."


def _system_user() -> str:
    """Return the name of the operating system's user; a container's may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "a user without a name"
