"""The command ``migrate``: Django's own, without the time-out that every other session's statements have."""

from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections


class Command(migrate.Command):
    """An index of a large table, or a count of all its rows, takes minutes; a lock is waited for as elsewhere."""

    help = "Bring the database up to what this version needs; safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate. Behind a pooler nothing may be set for a session: its role's time-out holds."""
        connection = connections[options["database"]]
        if connection.vendor != "postgresql" or settings.DATABASE_POOLER:
            super().handle(*args, **options)
            return
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
        try:
            super().handle(*args, **options)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET statement_timeout")
