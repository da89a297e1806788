"""Beat's scheduler."""

from celery.beat import PersistentScheduler


class LenientScheduler(PersistentScheduler):
    """Begins a new schedule where the file of the old one is damaged, instead of ending at every start.

    Beat may be killed while it writes. When each task ran last is all that is lost: it runs once more, or a little
    later.
    """

    def setup_schedule(self) -> None:
        """Read the schedule's file, or make it new."""
        try:
            super().setup_schedule()
        except Exception as error:  # noqa: BLE001  (what is raised depends on the kind of file that Python has here)
            self._destroy_open_corrupted_schedule(error)  # type: ignore[attr-defined]
            super().setup_schedule()
