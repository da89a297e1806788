"""Beat's scheduler."""

import contextlib
import shelve
from typing import Any

import structlog
from celery.beat import PersistentScheduler

log = structlog.get_logger()


class LenientScheduler(PersistentScheduler):
    """Begins a new schedule where the file of the old one is damaged, instead of ending at every start.

    Beat may be killed while it writes. When each task ran last is all that is lost: it runs once more, or a little
    later. Where no file can be made at all, such as on a full disk, it is kept in memory: alarms need beat most then.
    """

    _is_in_memory = False

    def setup_schedule(self) -> None:
        """Read the schedule's file, or make it new."""
        try:
            super().setup_schedule()
        except Exception as error:  # noqa: BLE001  (what is raised depends on the kind of file that Python has here)
            log.warning("beat_schedule_unreadable", error=str(error))
            self._begin_new()

    def _begin_new(self) -> None:
        self._let_go()
        try:
            self._remove_db()  # type: ignore[attr-defined]  # celery has no types
            super().setup_schedule()
        except Exception as error:  # noqa: BLE001  (as above)
            log.error("beat_schedule_not_kept", error=str(error))
            self._let_go()
            self._is_in_memory = True
            super().setup_schedule()

    def _let_go(self) -> None:
        """Close the old file without writing: what it had read would be written over the new one."""
        store: Any = self.__dict__.get("_store")
        if store is None:
            return
        store.cache = {}
        with contextlib.suppress(Exception):
            store.close()
        self._store = None

    def _open_schedule(self) -> Any:
        if self._is_in_memory:
            return shelve.Shelf({}, writeback=True)
        return super()._open_schedule()  # type: ignore[misc]  # celery has no types
