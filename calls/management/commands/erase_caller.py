"""``erase_caller``: erase a caller from all that the gateway keeps; shows first what it would concern."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

import clock
from calls.privacy.erase import erase, preview
from calls.privacy.pages import record_erasure
from calls.privacy.subject import ErasureSubject, SubjectKind
from history.commands import command_line


class Command(BaseCommand):
    """The same as the page "Erase a caller"."""

    help = "Erase a caller by number, name or interaction, compared as a whole. Without --yes it only shows what."

    def add_arguments(self, parser: ArgumentParser) -> None:
        subject = parser.add_mutually_exclusive_group(required=True)
        for kind in SubjectKind:
            subject.add_argument(f"--{kind}", metavar="VALUE")
        parser.add_argument("--yes", action="store_true", help="erase; it cannot be undone")

    def handle(self, *_: Any, **options: Any) -> None:
        kind = next(kind for kind in SubjectKind if options[kind.value])
        subject = ErasureSubject(kind, options[kind.value])
        counts = erase(subject, clock.now()) if options["yes"] else preview(subject)
        if options["yes"]:
            record_erasure(command_line().pk, subject, counts)
        self.stdout.write(
            f"{'Erased' if options['yes'] else 'Would erase'}: legs: {counts.legs}, messages in quarantine: "
            f"{counts.quarantine}, exports: {counts.exports}. Legs still in progress, repeat later: {counts.undecided}."
        )
        for guid in counts.recordings:
            self.stdout.write(f"In QMS: recording {guid}")
