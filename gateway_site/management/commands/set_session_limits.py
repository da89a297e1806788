"""The command ``set_session_limits``: PostgreSQL's time-outs for the gateway's role, where PgBouncer is in use."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from gateway_site.config.database import SESSION_LIMITS
from gateway_site.ops.session_limits import set_for_role


class Command(BaseCommand):
    """Set the limits for the role."""

    help = "Set the time-outs of PostgreSQL for the gateway's role: needed once where DATABASE_POOLER is transaction."

    def handle(self, *args: Any, **options: Any) -> None:
        """Set them and say which."""
        if connection.vendor != "postgresql":
            raise CommandError("The database is not PostgreSQL: there is nothing to set.")
        set_for_role()
        for name, value in SESSION_LIMITS.items():
            self.stdout.write(f"{name} = {value}")
        self.stdout.write("New connections have them: RECONNECT in PgBouncer's console renews those that are open.")
