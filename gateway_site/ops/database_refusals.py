"""A sentence for a person at the prompt where the database cannot be used, instead of a traceback."""

from django.db import DatabaseError

#: What SQLite and PostgreSQL say of a table or column that is not there, and of a database that cannot be reached.
_MISSING = ("no such table", "no such column", "UndefinedTable", "UndefinedColumn")
_UNREACHABLE = ("unable to open database file", "ConnectionTimeout", "connection failed", "failed to resolve host")


def sentence(error: DatabaseError) -> str:
    """Return why the database cannot be used and what to do; empty for an error that only its traceback explains."""
    reason = str(error).strip().partition("\n")[0]
    found = f"{type(error.__cause__).__name__}: {reason}"
    if any(one in found for one in _MISSING):
        return f"The database lacks what this version needs ({reason}). Bring it up to date: ./gateway manage migrate"
    if any(one in found for one in _UNREACHABLE):
        return f"DATABASE_URL: the database does not answer ({reason}). Start it, or correct the address."
    return ""
