"""Rebuild the counts of the dashboard and the reports from the legs."""

from typing import Any

from django.core.management.base import BaseCommand

import clock
from calls.stats.dimensions_rebuild import recount_dimensions
from calls.stats.rebuild import recount


class Command(BaseCommand):
    """Rebuild the counts; the gateway may run meanwhile."""

    help = "Rebuild the counts of dashboard and reports from the legs. Safe to repeat, and while the gateway runs."

    def handle(self, *args: Any, **options: Any) -> None:
        recount_dimensions(clock.now())
        self.stdout.write(f"{recount():,} legs counted.")
