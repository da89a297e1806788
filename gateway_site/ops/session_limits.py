"""PostgreSQL's time-outs where PgBouncer hands out connections by transaction: they are set for the role.

Without a pooler each session brings them itself (``gateway_site.config.database``). PgBouncer refuses that, and a
``SET`` would reach whatever connection comes next, so the role carries them, for every new connection of PgBouncer's.
"""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.db import DatabaseError, connection

from gateway_site.config.database import SESSION_LIMITS


def set_for_role() -> None:
    """Give the gateway's role its time-outs in the gateway's database. A role may do so for itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_user), quote_ident(current_database())")
        role, database = cursor.fetchone()
        for name, value in SESSION_LIMITS.items():
            cursor.execute(f"ALTER ROLE {role} IN DATABASE {database} SET {name} = '{value}'")


def limits_missing() -> list[str]:
    """Return the names of the limits that differ in the present session, with what it has."""
    with connection.cursor() as cursor:
        found = []
        for name, value in SESSION_LIMITS.items():
            cursor.execute(f"SHOW {name}")
            (has,) = cursor.fetchone()
            if has != value:
                found.append(f"{name} is {has}, not {value}")
    return found


@checks.register(checks.Tags.database)
def check_limits(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn where a pooler stands before the database and the role has no time-outs."""
    if not databases or not settings.DATABASE_POOLER or connection.vendor != "postgresql":
        return []
    try:
        missing = limits_missing()
    except DatabaseError as error:
        return [checks.Warning(f"The database does not answer: {type(error).__name__}", id="gateway_site.W001")]
    if not missing:
        return []
    remedy = "Run ./gateway manage set_session_limits, then RECONNECT in PgBouncer's console."
    return [
        checks.Warning(f"The database's sessions lack limits: {'; '.join(missing)}.", remedy, id="gateway_site.W002")
    ]
