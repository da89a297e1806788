"""Count the legs of each hour anew, for the dashboard."""

from typing import Any

from django.core.management.base import BaseCommand

from calls.stats.rebuild import recount


class Command(BaseCommand):
    """Count the legs by hour; the gateway may run meanwhile."""

    help = "Count the legs of each hour anew from their table. Safe at any time and to repeat; the gateway may run."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{recount():,} legs counted.")
