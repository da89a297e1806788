"""``compact_flag_keys``: keep the keys of flags in half the room, or as releases up to 0.2.0 need them."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from flags.outbox.value_keys import KeyMissing, narrow_keys, widen_keys

#: An index is built outside a transaction, and for longer than the time-out that a session has from its role.
_POOLED = (
    "PgBouncer in transaction mode keeps no time-out for a session, and an index may take minutes to build: run this"
    " command with PostgreSQL's own address in DATABASE_URL, and DATABASE_POOLER empty."
)


class Command(BaseCommand):
    """May be run while the gateway works, and again after it was interrupted."""

    help = "Have PostgreSQL keep the keys of flags in half the room. Releases up to 0.2.0 cannot write flags then."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--undo", action="store_true", help="keep them as 0.2.0 needs them: to go back to it")

    def handle(self, *_: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            self.stdout.write("Only PostgreSQL has such keys: nothing to do.")
            return
        if settings.DATABASE_POOLER:
            raise CommandError(_POOLED)
        try:
            (widen_keys if options["undo"] else narrow_keys)(connection, self.stdout.write)
        except KeyMissing as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Done: as release 0.2.0 needs them." if options["undo"] else "Done: the keys are narrow.")
