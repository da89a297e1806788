"""What commands change is kept as the act of a user of their own, who cannot log in."""

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db.models import Model

from history.states import RowState, differences, state_of, values

#: The user of the history for commands; the machine's own log says who ran them.
COMMAND_LINE = "command-line"


def stored_state(row: Model) -> RowState:
    """Return the row as the database has it; nothing for one that is new."""
    found = type(row)._default_manager.filter(pk=row.pk).first()  # noqa: SLF001  (documented by Django)
    return state_of(found) if found else {}


def record_command(row: Model, before: RowState, *, description: str = "") -> None:
    """Keep what a command made of a row, or what ``description`` says; in the transaction that changes it."""
    after = state_of(row)
    text = description or (differences(before, after) if before else f"Added. {values(after)}")
    act = CHANGE if before else ADDITION
    LogEntry.objects.log_actions(command_line().pk, [row], act, text, single_object=True)


def command_line() -> User:
    """Return the user that owns what no person did in the admin."""
    nobody = {"is_active": False, "password": make_password(None)}
    return User.objects.get_or_create(username=COMMAND_LINE, defaults=nobody)[0]
