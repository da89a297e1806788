"""Load the users of Recording Services."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.models import RefreshState, Trigger, UserRefresh
from agents.users.refresh import STALE_AFTER, RefreshRunning, begin_refresh, load
from qms.models import RecordingService

#: Interval at which the command looks for the end of a sync, in seconds.
POLL_SECONDS = 0.2


class Command(BaseCommand):
    """Load the users of every enabled Recording Service, or of one, and tell what changed."""

    help = "Load the users of every enabled Recording Service, or of the one named, and print what changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", nargs="?", help="the Recording Service; default: every one that is enabled")

    def handle(self, *args: Any, **options: Any) -> None:
        services = RecordingService.objects.all()
        slug = options["slug"]
        chosen = list(services.filter(slug=slug) if slug else services.filter(enabled=True))
        if not chosen:
            known = ", ".join(services.values_list("slug", flat=True)) or "none"
            raise CommandError(f"There is no such Recording Service. Known: {known}.")
        failed = [service.slug for service in chosen if not self._load(service)]
        if failed:
            raise CommandError(f"Not loaded: {', '.join(failed)}.")

    def _load(self, service: RecordingService) -> bool:
        """Load one service's users, print the result and say whether it went well."""
        try:
            refresh = load(begin_refresh(service.pk, Trigger.COMMAND).pk)
        except RefreshRunning as running:
            self.stdout.write(f"{service.slug}: {running} Waiting for its end.")
            refresh = _ended(running.refresh)
        self.stdout.write(f"{service.slug}: {refresh_summary(refresh)}")
        return refresh.state == RefreshState.DONE


def _ended(refresh: UserRefresh) -> UserRefresh:
    """Wait for another process's load to end, no longer than it would be let run without a sign of life."""
    deadline = time.monotonic() + STALE_AFTER.total_seconds()
    while refresh.state == RefreshState.RUNNING and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        refresh.refresh_from_db()
    return refresh


def refresh_summary(refresh: UserRefresh) -> str:
    """Tell how a load ended."""
    if refresh.state != RefreshState.DONE:
        return f"{refresh.get_state_display()}. {refresh.error}"
    return (
        f"{refresh.loaded} loaded: {refresh.added} added, {refresh.changed} changed, {refresh.gone} gone, "
        f"{refresh.unchanged} unchanged" + (f". {refresh.error}" if refresh.unreadable else "")
    )
