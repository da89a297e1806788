"""Create the Flags in QMS."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flags.provisioning import create as creating
from flags.provisioning.create import Creation, FlagAnswer, create_flags
from history.commands import record_command, stored_state
from qms.models import DataServer


class Command(BaseCommand):
    """Create the Flags that are written, on every Data Server or on one, and tell its answers."""

    help = "Create the Flags in QMS on every Data Server, or on the one named; safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", nargs="?", help="the Data Server; default: every one")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["slug"]
        servers = list(DataServer.objects.filter(slug=slug) if slug else DataServer.objects.all())
        if not servers:
            known = ", ".join(DataServer.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(f"There is no such Data Server. Known: {known}.")
        failed = [server.slug for server in servers if not self._create(server).is_good]
        if failed:
            raise CommandError(f"Not every Flag can be written on: {', '.join(failed)}.")

    def _create(self, server: DataServer) -> Creation:
        creation = create_flags(server)
        record_command(server, stored_state(server), description=creating.creation_summary(creation))
        for answer in creation.answers:
            self.stdout.write(f"{server.slug}: {answer_text(answer)}")
        if creation.is_any_new:
            self.stderr.write(
                f"{server.slug}: QMS may not take new Flags before its services restart; verify in the admin, on "
                "the page of the Data Server, that they work."
            )
        if creation.error:
            self.stdout.write(f"{server.slug}: not reached. {creation.error}")
        return creation


def answer_text(answer: FlagAnswer) -> str:
    """Tell the answer for one Flag."""
    return f"{answer.name} {answer.state.label}" + (f" ({answer.answer})" if answer.answer else "")
