"""Compare the seals in the database with those that this machine has seen; accept a difference, or put seals back."""

import getpass
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management.base import BaseCommand, CommandError, CommandParser

import clock
from evidence.audit import counted
from evidence.comparison import seal_file_path
from evidence.guard import Look, accept, look, span, standing_problems
from evidence.seal_file import HeldFile, NoSealLine, held_file, words_of
from evidence.seals import put_back
from evidence.verification import printable
from history.commands import command_line

#: What ends a problem; and what ends one that no word does.
ENDS = "It ends when the rows are put back from a backup; or, where it is known why it is right, with --accept REASON."
BACKUP = " (only a backup of the tables of the evidence ends this, and nothing is accepted before)"


class Command(BaseCommand):
    """Say what does not fit; exit status 0 only if everything does."""

    help = (
        "Compare the evidence in the database with the seals that this machine has seen (a file beside the database);"
        " run it where the worker for the queue default runs. Exit status 0 only if they fit."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        act = parser.add_mutually_exclusive_group()
        act.add_argument(
            "--put-back", action="store_true", help="put seals back that the database lost, where they fit"
        )
        act.add_argument(
            "--accept",
            metavar="REASON",
            help="what does not fit is right, as after a backup was restored: seal again; file and history keep it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        try:
            if options["put_back"]:
                self.stdout.write(f"Put back: {', '.join(put_back(now)) or 'none'}.")
            with held_file(seal_file_path(), now) as file:
                found = look(file, now, budget=None)
                if options["accept"] is not None and found.misfits and all(one.acceptable for one in found.misfits):
                    found = self._accept(file, found, options["accept"].strip())
        except (OSError, NoSealLine) as error:
            raise CommandError(f"{seal_file_path()} cannot be used: {words_of(error)}") from error
        except (ValueError, OverflowError) as error:
            raise CommandError(f"A row of the evidence in the database cannot be read: {error}") from error
        self._say(found, standing_problems(now))

    def _accept(self, file: HeldFile, found: Look, reason: str) -> Look:
        if not reason:
            raise CommandError("Say why it is right, as in --accept 'the backup of 28 November was restored'.")
        now, user = clock.now(), getpass.getuser()
        taken = [one.text for one in found.misfits]
        what = "; ".join(taken)
        text = f"By command, as {user} on this machine, because: {reason}. Accepted: {what}"
        LogEntry.objects.create(
            user_id=command_line().pk, action_flag=CHANGE, object_repr="Accepted evidence", change_message=text
        )
        accept(file, found, user, reason, now)
        self.stdout.write("\n".join(printable(f"Accepted: {one}.") for one in taken))
        return look(file, now, budget=None)

    def _say(self, found: Look, standing: list[tuple[str, str]]) -> None:
        days = sorted(found.known.seals)
        of = f", {span(days[0], days[-1])}" if days else ""
        self.stdout.write(f"{seal_file_path()}, begun {found.known.begun_at[:19]}: {counted(len(days), 'seal')}{of}.")
        if found.misfits:
            lines = "\n".join(printable(f"  {one.text}{'' if one.acceptable else BACKUP}.") for one in found.misfits)
            raise CommandError(f"THE DATABASE DOES NOT FIT; nothing is sealed until it does:\n{lines}\n{ENDS}")
        if standing:
            lines = "\n".join(printable(f"  {host}: {text}.") for host, text in standing)
            raise CommandError(f"It fits this file; nothing is sealed for what others found, run this there:\n{lines}")
        self.stdout.write("The database fits." if days else "Nothing can be compared: no seal was seen yet.")
