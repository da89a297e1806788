"""Queues by the name that their flag has: "Sales " and "Sales" are one queue, wherever queues are counted or chosen.

Legs and counts keep each name as it was reported; it is made one here, as they are read.
"""

from collections.abc import Iterable, Sequence

from django.db import connection
from django.db.models import Q

from calls.models import NO_VALUE, DailyDimensionCount, QueueName
from flags.api import written_text

#: Maximum number of names that are looked through for the spellings of one queue.
MAXIMUM_NAMES = 5_000
# From each name to the next one by the index of queue and day: as many steps as there are names, whatever the counts.
_NAMES = """
WITH RECURSIVE names(name) AS (
    SELECT MIN(queue_name) FROM {table}
    UNION ALL
    SELECT (SELECT MIN(queue_name) FROM {table} WHERE queue_name > names.name) FROM names WHERE names.name IS NOT NULL
)
SELECT name FROM names WHERE name IS NOT NULL LIMIT %s
"""


def queue_of(name: str) -> str:
    """Return a queue's name as the flag has it, before a setting shortens it; "" for one that says there is none."""
    return written_text(name)


def queues_of(names: Iterable[str]) -> list[str]:
    """Return the queues that have these names, in order and each once; no queue is none of them."""
    return sorted({queue_of(name) for name in names} - {""})


def spellings_of(asked: str) -> Sequence[str]:
    """Return the names under which legs of a queue were counted or reported; that which was asked for first.

    ``asked``: a name in any spelling, or ``NO_VALUE`` for legs without a queue.
    """
    wanted = "" if asked == NO_VALUE else queue_of(asked)
    known = (*_counted_names(), *_reported_names())
    return list(dict.fromkeys((wanted, *(name for name in known if queue_of(name) == wanted))))


def of_queue(asked: str) -> Q:
    """Return the condition of a queue's legs or counts, whose column is ``queue_name``; ``asked`` as before."""
    names = spellings_of(asked)
    return Q(queue_name=names[0]) if len(names) == 1 else Q(queue_name__in=names)


def _counted_names() -> list[str]:
    table = connection.ops.quote_name(DailyDimensionCount._meta.db_table)  # noqa: SLF001  (documented by Django)
    with connection.cursor() as cursor:
        cursor.execute(_NAMES.format(table=table), [MAXIMUM_NAMES])
        return [row[0] for row in cursor.fetchall()]


def _reported_names() -> list[str]:
    """Return the names that queues were given by events: those of calls that no count has yet among them."""
    return list(QueueName.objects.order_by().values_list("name", flat=True).distinct()[:MAXIMUM_NAMES])
