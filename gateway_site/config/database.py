"""The database's address, as Django's settings. No connection is made here.

Every option of the address reaches libpq (``sslmode``, ``sslrootcert``, ``target_session_attrs``, ...); the gateway
adds its own time-outs and replaces none that stands in the address.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ

CONNECT_TIMEOUT = 5  # seconds
#: For each session. ``random_page_cost``: what is live is in memory, and disks have no heads; at PostgreSQL's own 4.0
#: it reads young tables, of which it has no statistics yet, from end to end.
SESSION_LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",
    "random_page_cost": "1.1",
}
#: A host that vanished (power, network) closes no connection. The server finds it dead within 6 s and rolls its
#: transactions back, which otherwise keep their locks from the other host for as long as the limit above.
SERVER_KEEPALIVES = {"tcp_keepalives_idle": "3", "tcp_keepalives_interval": "1", "tcp_keepalives_count": "3"}
#: What is prepared is planned once, not five times with its values first: that is only done with statements whose plan
#: depends on none (``bulk.prepared``).
PLANS = {"plan_cache_mode": "force_generic_plan"}
#: And the gateway finds a server dead within 10 s (``tcp_user_timeout``: in milliseconds).
CLIENT_KEEPALIVES = {
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
POOLERS = ("", "transaction")
FORMS = "postgres://USER:PASSWORD@HOST:5432/NAME, or sqlite:////PATH/FILE"
#: IMMEDIATE: a deferred read-then-write fails at once when another writer came between, whatever the time-out.
#: FULL: the mark that a flag is being sent must survive a power loss.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;",
}


def database(url: str, var_dir: Path, pooler: str = "") -> dict[str, Any]:
    """Return the entry of ``DATABASES``; an empty address means the embedded SQLite.

    ``pooler`` "transaction": PgBouncer hands each transaction to any of its connections, so that nothing may be set for
    a session. Raises ``ValueError`` with a sentence that shows no password.
    """
    kept = {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    if not url:
        return (
            _sqlite({"ENGINE": "django.db.backends.sqlite3", "NAME": str(var_dir / "gateway.sqlite3")}, var_dir) | kept
        )
    found = _parse(url)
    if found["ENGINE"].endswith("sqlite3"):
        return _sqlite(found, var_dir) | kept
    options = {"connect_timeout": CONNECT_TIMEOUT, **CLIENT_KEEPALIVES, **found.get("OPTIONS", {})}
    _check_options(options)
    if pooler:
        return found | {"OPTIONS": options, "DISABLE_SERVER_SIDE_CURSORS": True} | kept
    return found | {"OPTIONS": options | {"options": _with_limits(options.get("options", ""))}} | kept


def _parse(url: str) -> dict[str, Any]:
    scheme = urlsplit(url).scheme
    if scheme not in ("postgres", "postgresql", "sqlite"):
        raise ValueError(f'its kind is "{scheme}"; write {FORMS}')
    try:
        found: dict[str, Any] = environ.Env.db_url_config(url)
        ports = [int(one) for one in str(found.get("PORT") or "5432").split(",")]
    except ValueError as error:
        raise ValueError(f"it cannot be read (a port is a number from 1 to 65535); write {FORMS}") from error
    if not all(1 <= one <= 65535 for one in ports):
        raise ValueError("its port must be a number from 1 to 65535")
    if not found["NAME"]:
        raise ValueError(f"it names no database; write {FORMS}")
    return found


def _sqlite(found: dict[str, Any], var_dir: Path) -> dict[str, Any]:
    folder = Path(found["NAME"]).parent
    if not folder.is_dir():
        raise ValueError(f"its folder {folder} does not exist; make it, or name another file")
    # Django's test database lives in memory by default, shared by threads without WAL: nothing like the real one.
    return found | {
        "OPTIONS": SQLITE_OPTIONS | found.get("OPTIONS", {}),
        "TEST": {"NAME": str(var_dir / "test.sqlite3")},
    }


def _check_options(options: dict[str, Any]) -> None:
    """Refuse an option that libpq does not know, and a certificate that is not there."""
    from psycopg import ProgrammingError, conninfo  # noqa: PLC0415  (SQLite needs no libpq)

    try:
        conninfo.make_conninfo(**options)
    except ProgrammingError as error:
        raise ValueError(f"libpq refuses its options: {str(error).strip()}") from error
    for name in ("sslrootcert", "sslcert", "sslkey", "passfile"):
        file = options.get(name)
        if file and file != "system" and not Path(file).is_file():
            raise ValueError(f"its option {name} names {file}, which is not a file")


def _with_limits(given: str) -> str:
    """Add the session's limits to PostgreSQL's own option ``options``, but for those that it sets itself."""
    wanted = SESSION_LIMITS | SERVER_KEEPALIVES | PLANS
    limits = [f"-c {name}={value}" for name, value in wanted.items() if name not in given]
    return " ".join([given, *limits]).strip()
