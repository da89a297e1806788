"""A thread for each Recording Service that works when it is woken or something is due, and waits in between.

A wake-up ends the wait at once; what comes while it works ends the next one. One that was lost is found when the next
thing is due, and every few seconds.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import structlog
from django.db import DatabaseError, close_old_connections, connections

import clock
from clock.stopping import stop
from cti.api import START, JournalUnavailable, wait_for_entries

log = structlog.get_logger()

#: Interval at which services that came or went are noticed, in seconds.
FOLLOW_SECONDS = 5.0
#: Interval at which a database connection that is too old is replaced, in seconds; to ask before each look whether it
#: is alive would cost as much as the look.
RENEW_SECONDS = 60.0
#: Maximum duration of a rest in which a stop goes unnoticed, in seconds.
REST_SECONDS = 1.0
#: Pause after an error, in seconds.
PAUSE_SECONDS = 0.5
#: A service's thread that has not come round for this time, in seconds, is no sign of life.
SILENT_SECONDS = 20.0


class Reason(StrEnum):
    """Why work is done now: somebody woke it or all is unknown, what it named is due, or nothing is known to wait."""

    WOKEN = "woken"
    DUE = "due"
    LOOK = "look"


Work = Callable[[Reason], datetime | None]


def _nothing() -> None:
    """Do nothing."""


class ServiceWorker:
    """The work for one Recording Service.

    ``work`` does what is due and returns when something is due next (None: nothing is known of). ``gather_seconds``:
    minimum time from one beginning to the next; ``look_seconds``: maximum time without a look; ``at_end``: done when
    no more work is.
    """

    def __init__(
        self,
        work: Work,
        stream: str,
        gather_seconds: float,
        look_seconds: float,
        at_end: Callable[[], None] = _nothing,
    ) -> None:
        self._work, self._stream, self._gather, self._look = work, stream, gather_seconds, look_seconds
        self._seen, self._reason, self._at_end = START, Reason.WOKEN, at_end
        self.came_round = self._renew_at = time.monotonic()
        self.is_over = False

    def run(self) -> None:
        """Work until the process is asked to stop or ``is_over`` is set."""
        while not (stop.is_asked or self.is_over):
            began = self.came_round = time.monotonic()
            try:
                self._wait(began, self._work(self._reason))
            except (DatabaseError, JournalUnavailable) as error:
                log.warning("service_worker_put_off", stream=self._stream, error=type(error).__name__)
                self._rest()
            except Exception:
                log.exception("service_worker_failed", stream=self._stream)
                self._rest()
            if time.monotonic() >= self._renew_at:
                self._renew_at = time.monotonic() + RENEW_SECONDS
                close_old_connections()
        self._end()
        connections.close_all()

    def _end(self) -> None:
        try:
            self._at_end()
        except DatabaseError as error:
            log.warning("service_worker_not_ended", stream=self._stream, error=type(error).__name__)

    def _rest(self) -> None:
        """Pass a moment after an error; a database connection that died is replaced."""
        self._reason = Reason.WOKEN
        time.sleep(PAUSE_SECONDS)
        close_old_connections()

    def _wait(self, began: float, due: datetime | None) -> None:
        """Wait until something is due or a wake-up came, but gather at first. Raises ``JournalUnavailable``."""
        due_in = self._look if due is None else (due - clock.now()).total_seconds()
        until = time.monotonic() + min(due_in, self._look)
        self._reason = Reason.DUE if due_in <= self._look and due is not None else Reason.LOOK
        time.sleep(max(began + self._gather - time.monotonic(), 0.0))
        while not (stop.is_asked or self.is_over) and (seconds := until - time.monotonic()) > 0:
            if news := wait_for_entries({self._stream: self._seen}, seconds):
                self._seen, self._reason = news[self._stream][-1].id, Reason.WOKEN
                return


class ServiceWorkers:
    """The workers of all services; ``begin`` makes that of one."""

    def __init__(self, services: Callable[[], set[int]], begin: Callable[[int], ServiceWorker]) -> None:
        self._services, self._begin = services, begin
        self._workers: dict[int, ServiceWorker] = {}
        self._threads: list[threading.Thread] = []

    def run(self, note_life: Callable[[], None]) -> None:
        """Follow the services until the process is asked to stop; ``note_life`` is called while all come round."""
        renew_at = time.monotonic()
        while not stop.is_asked:
            try:
                self._follow(self._services())
                if all(time.monotonic() - one.came_round < SILENT_SECONDS for one in self._workers.values()):
                    note_life()
            except DatabaseError as error:
                log.warning("services_not_read", error=type(error).__name__)
                renew_at = time.monotonic()
            except Exception:
                log.exception("services_not_followed")
                renew_at = time.monotonic()
            if time.monotonic() >= renew_at:
                renew_at = time.monotonic() + RENEW_SECONDS
                close_old_connections()
            _rest()
        for thread in self._threads:
            thread.join()
        connections.close_all()

    def _follow(self, services: set[int]) -> None:
        for service_id in self._workers.keys() - services:
            self._workers.pop(service_id).is_over = True
        for service_id in services - self._workers.keys():
            worker = self._workers[service_id] = self._begin(service_id)
            thread = threading.Thread(target=worker.run, name=f"service-{service_id}", daemon=True)
            self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
            thread.start()


def _rest() -> None:
    """Pass the time until the next look at the services; a stop ends it within a second."""
    until = time.monotonic() + FOLLOW_SECONDS
    while not stop.is_asked and time.monotonic() < until:
        time.sleep(REST_SECONDS)
