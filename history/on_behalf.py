"""What a worker did for a person is kept as that person's act."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db.models import Model

from history.commands import command_line


def record_on_behalf(row: Model, by: str, description: str) -> None:
    """Keep what was done on a row for the one who asked; in the transaction that ends it.

    A user who was renamed or removed meanwhile is named in the text; the act is then the gateway's own.
    """
    user = User.objects.filter(username=by).first()
    text = description if user else f"For {by or 'somebody'}: {description}"
    LogEntry.objects.log_actions((user or command_line()).pk, [row], CHANGE, text, single_object=True)
