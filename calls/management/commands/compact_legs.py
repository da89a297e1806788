"""``compact_legs``: store legs in a fraction of their bytes, or as releases up to 0.2.0 can read them."""

from argparse import ArgumentParser
from time import sleep
from typing import Any

from django.core.management.base import BaseCommand

from calls.storage.leg_storage import rewrite_legs, store_new_legs

#: Number of legs after which the command says how far it is.
REPORT_EVERY = 100_000
#: Time after which every consumer stores legs in the new way, in seconds: each reads how every two seconds, and a fold
#: takes seconds at most.
KNOWN_AFTER_SECONDS = 10.0


class Command(BaseCommand):
    """May be run while the gateway works, and again after it was interrupted."""

    help = (
        "Store legs compactly: new ones from now on, and those that are there. Releases up to 0.2.0 cannot read them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--undo", action="store_true", help="store all legs as 0.2.0 reads them: to go back to it")
        parser.add_argument("--new-only", action="store_true", help="leave the legs that are there as they are")

    def handle(self, *_: Any, **options: Any) -> None:
        compact = not options["undo"]
        store_new_legs(compact=compact)
        form = "compactly" if compact else "as release 0.2.0 reads them"
        self.stdout.write(f"New legs are stored {form}.")
        if not options["new_only"]:
            count = self._rewritten(compact=compact)
            self.stdout.write(f"Rewritten: {count:,} {'leg' if count == 1 else 'legs'}.")

    def _rewritten(self, *, compact: bool) -> int:
        """Rewrite the legs that are there, then those that consumers have saved in the former way meanwhile."""
        count = rewrite_legs(compact=compact, progress=self._say)
        sleep(KNOWN_AFTER_SECONDS)
        return count + rewrite_legs(compact=compact)

    def _say(self, done: int, changed: int) -> None:
        if done % REPORT_EVERY == 0:
            self.stdout.write(f"{done:,} legs read, {changed:,} rewritten.")
