"""Count the legs that a snapshot shows to have survived a gap, and those that were lost."""

from collections.abc import Container, Iterable

from calls.core.source_state import Snapshot
from calls.core.state import LegState


class GapTally:
    """The legs that were open when a snapshot began, those of them that it did not name, and those found late."""

    def __init__(self, concerned: Iterable[LegState], vanished: Iterable[LegState], snapshot: Snapshot) -> None:
        self._concerned = [leg.device_id for leg in concerned if not leg.is_joined_late and not leg.is_canary]
        self._unflagged = [
            leg.device_id for leg in vanished if not leg.guid and not leg.is_joined_late and not leg.is_canary
        ]
        self._late = snapshot.found_late

    def of(self, devices: Container[str] | None = None) -> tuple[int, int]:
        """Return how many legs were saved and how many lost at some devices, or at all."""
        concerned, unflagged, late = (
            sum(devices is None or device in devices for device in one)
            for one in (self._concerned, self._unflagged, self._late)
        )
        return concerned - unflagged, unflagged + late
