"""For which Recording Service a leg counts that has no recording, such as one whose service was away.

It is the service that records its extension by the QMS users and the allocations as they are now.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cache

from agents.api import load_directory
from agents.models import Allocation

#: What stands in the place of a service where settings name none, or more than one.
UNKNOWN = "no Recording Service known"


def by_known_service(rows: Iterable[tuple[int, str, str, int]]) -> Counter[tuple[int, str]]:
    """Return legs by service and outcome, of sums by source, extension and outcome; 0 where no service is known."""
    directory, allocated = cache(load_directory), cache(_allocated)
    found: Counter[tuple[int, str]] = Counter()
    for source, extension, outcome, legs in rows:
        services = directory(source).verdict(extension).services or allocated(source)
        found[services[0] if len(services) == 1 else 0, outcome] += legs
    return found


def _allocated(source_id: int) -> tuple[int, ...]:
    return tuple(Allocation.objects.filter(source=source_id).values_list("service_id", flat=True))
