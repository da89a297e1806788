"""How long after a fault events flow again: looked at twice a second, from outside."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connections

from calls.models import Checkpoint
from devtools.faults.observations import Injected
from gateway_site.ops import probes

INTERVAL = 0.5  # seconds
#: Events are late when the oldest that is not folded has waited longer, in seconds.
MAXIMUM_LAG = 2.0
#: A fault that is felt is felt within this time.
FELT_WITHIN = timedelta(seconds=12)
#: Minimum number of looks in a row that find events flowing before it is normal again.
STEADY_LOOKS = 4


@dataclass(frozen=True)
class FlowLook:
    """One look. ``is_normal``: events were folded since the look before, and none waits for long."""

    at: datetime
    is_normal: bool


class FlowWatch:
    """Looks in a thread of its own until it is stopped."""

    def __init__(self) -> None:
        self.looks: list[FlowLook] = []
        self._over = threading.Event()
        self._folded = -1
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; wait for the last look."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._over.wait(INTERVAL):
            is_normal = self._is_normal()
            self.looks.append(FlowLook(datetime.now(UTC), is_normal))

    def _is_normal(self) -> bool:
        try:
            folded = sum(Checkpoint.objects.values_list("events", flat=True))
            lag = max(probes.journal_lags().values(), default=0.0)
        except Exception:  # noqa: BLE001  (whatever is broken now, this is not normal)
            connections.close_all()
            return False
        has_moved, self._folded = folded > self._folded, folded
        return has_moved and lag <= MAXIMUM_LAG


def seconds_until_normal(looks: Sequence[FlowLook], began: datetime) -> float:
    """Return how long after ``began`` events flowed again for good; 0 where nothing was felt."""
    after = [one for one in looks if one.at >= began]
    felt = next((i for i, one in enumerate(after) if not one.is_normal and one.at <= began + FELT_WITHIN), None)
    if felt is None:
        return 0.0
    for i in range(felt, len(after) - STEADY_LOOKS + 1):
        if all(one.is_normal for one in after[i : i + STEADY_LOOKS]):
            return (after[i].at - began).total_seconds()
    return (after[-1].at - began).total_seconds()


def recoveries(looks: Sequence[FlowLook], injected: Sequence[Injected]) -> dict[str, list[float]]:
    """Return the seconds until normal of each fault, by kind."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for one in injected:
        found[one.kind].append(seconds_until_normal(looks, one.felt_from or one.began))
    return dict(found)
