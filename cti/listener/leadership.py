"""Run one leadership term of a listener: hold the lease, keep the session connected, report the state of the link.

``LinkLost`` is kept for every possible gap: when a link ends, and when a term begins after an earlier process, dated
at its last heartbeat, or at the first event that it had not kept then.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.db import connections

import clock
from cti.bounds import SPOOL
from cti.events import CallEvent, Event, EventError, LinkData, LinkEvent, LinkLost, LinkRestored, decode
from cti.journal.handed_events import take_handed_events
from cti.journal.lease import Lease
from cti.journal.stream import JournalUnavailable
from cti.listener.backoff import Backoff
from cti.listener.durable_append import DurableAppender
from cti.listener.leadership_ends import LeaseLost, SourceGone
from cti.listener.session_ends import why_ended
from cti.listener.spool import SpoolFull
from cti.listener.status import ERROR_CHARACTERS, UNREADABLE, LinkFacts, StatusReporter
from cti.listener.throttle import LinkThrottle
from cti.listener.waits import set_or_late
from cti.listener.wanted_calls import WantedCalls
from cti.listener.worker_thread import WorkerThread
from cti.models import LinkState
from cti.source_bounds import bounds_of
from cti.sources.port import (
    Continuing,
    DeviceClass,
    LinkError,
    MonitorRefusal,
    Quarantined,
    Session,
    SourceConfig,
    Stamp,
)
from cti.sources.registry import open_session
from cti.status_text import when

#: Interval at which the lease is renewed, in seconds.
RENEW_SECONDS = 1.0
#: Interval at which spooled events are appended again, in seconds.
CATCH_UP_SECONDS = 0.5
#: Interval of the reports of the link's state, in seconds.
REPORT_SECONDS = 2.0
#: Interval at which the source's settings are read, in seconds.
SETTINGS_SECONDS = 3.0
#: Timeout for a session to close its connection, in seconds.
SESSION_GRACE = 0.5
STOPPED = "the listener was stopped"

log = structlog.get_logger()


#: Number of messages in a row that cannot be read, from which on the source is not shown as well.
UNREADABLE_LIMIT = 100
UNREADABLE_TEXT = (
    "None of the last 100 messages or more could be read: nothing of a call arrives. "
    "See the page Quarantined messages for what they are."
)


class LeadershipTerm:
    """Lead one source until another listener does, the source goes, or ``stop`` is called. Implements ``Outlet``."""

    def __init__(
        self,
        config: SourceConfig,
        epoch: int,
        appender: DurableAppender,
        lease: Lease,
        reporter: StatusReporter,
    ) -> None:
        self.facts = LinkFacts()
        self._unreadable_in_a_row = 0
        self._config, self._epoch = config, epoch
        self._bounds = bounds_of(config.slug)
        self._throttle, self._is_paced = LinkThrottle(config.slug, self._bounds), False
        self._appender, self._lease, self._reporter = appender, lease, reporter
        self._database, self._lease_thread = WorkerThread("database", connections.close_all), WorkerThread("lease")
        self._wanted_calls = WantedCalls(config.slug, self._lease_thread)
        self._session: Session | None = None
        self._stamp = Stamp(config.slug, f"{epoch}.0")
        self._sessions = 0
        self._is_up = False
        self._is_stopping = False
        self._interruption = ""
        self._interrupted, self._news = asyncio.Event(), asyncio.Event()
        self._losses_reported = 0
        self._backoff = Backoff()

    async def run(self, lost_at: datetime | None, reason: str) -> None:
        """Lead. ``lost_at``: until when an earlier process is known to have kept all. Returns after ``stop``.

        Raises ``Fenced``, ``LeaseLost`` or ``SourceGone`` in an exception group.
        """
        try:
            if lost_at:
                await self._report_link(LinkLost, reason, at=lost_at)
            async with asyncio.TaskGroup() as group:
                beside = (self._renew(), self._catch_up(), self._report(), self._keep_gathered())
                others = [group.create_task(one) for one in beside]
                await self._follow()
                for other in others:
                    other.cancel()
            await self._report_status()
        finally:
            self._wanted_calls.cancel()
            await self._release()
            await self._appender.settled()  # Else its events would come into a spool that is retired.

    async def _release(self) -> None:
        """Release the lease, if Redis can be reached, so that another listener leads at once."""
        try:
            # In the thread of the renewals: one that is under way must not take the lease again.
            async with asyncio.timeout(SESSION_GRACE):
                await self._lease_thread.run(self._lease.release)
        except (JournalUnavailable, TimeoutError):
            log.warning("lease_not_released", source=self._config.slug)
        self._lease_thread.close()
        self._database.close()

    def stop(self) -> None:
        """End the session and the term."""
        self._is_stopping = True
        self._interrupt(STOPPED)

    # The outlet of a session.

    async def linked(self) -> None:
        """Report that events arrive again."""
        self._backoff.linked()
        # Before the event is kept: a stop that comes while it is must still be followed by LinkLost.
        self._is_up = True
        await self._report_link(LinkRestored)
        self._set_state(LinkState.UP)
        log.info("link_up", source=self._config.slug)

    async def accept(self, events: Sequence[Event]) -> None:
        """Keep events; what would open more than the source may is put into quarantine."""
        self._note_readable()
        events = [event for event in events if self._admits(event)]
        try:
            await self._keep(events)
        except SpoolFull:
            self._throttle.refuse(SPOOL, len(events))
            raise
        self.facts.events += len(events)
        self.facts.last_event_at = clock.now()
        if any(isinstance(one, CallEvent) for one in events):
            self.facts.last_call_at = self.facts.last_event_at
        self._throttle.count(events=len(events))
        if not self._is_paced:
            await self._throttle.wait()

    async def pace(self, size: int) -> None:
        """Wait until the link may be read again."""
        self._is_paced = True
        self._throttle.count(size=size)
        await self._throttle.wait()

    def _admits(self, event: Event) -> bool:
        reached = self._bounds.admit(event)
        if reached:
            self.facts.failed(reached.reached())
            self._reporter.quarantine(Quarantined(b"", "bound", reached.reached(), reached.what))
            self._throttle.refuse(reached)
        return reached is None

    async def quarantine(self, message: Quarantined) -> None:
        """Keep a message that could not be read; the next report saves it. Nothing but such is no link that works."""
        self._reporter.quarantine(message)
        self._unreadable_in_a_row += 1
        if self._unreadable_in_a_row == UNREADABLE_LIMIT:
            self.facts.lack = UNREADABLE_TEXT

    def _note_readable(self) -> None:
        if self._unreadable_in_a_row >= UNREADABLE_LIMIT:
            self.facts.lack = ""
        self._unreadable_in_a_row = 0

    async def refused(self, device: str, refusal: MonitorRefusal | None) -> None:
        """Note that a device is not monitored, or is again."""
        if refusal is None:
            self.facts.refusals.pop(device, None)
        else:
            self.facts.refusals[device] = refusal

    async def devices(self, seen: Sequence[DeviceClass]) -> None:
        """Note how the source classifies the devices that it has seen; the next report saves it."""
        self.facts.devices = tuple(seen)

    async def lacks(self, lack: MonitorRefusal) -> None:
        """Show what the PBX does not say, though the link is up."""
        if lack.remedy:
            self.facts.lack = f"{lack.reason}. {lack.remedy}."[:ERROR_CHARACTERS]
            self._news.set()
            return
        again = f" It is asked again {when(lack.again_at)}." if lack.again_at else ""
        self.facts.failed(f"{lack.reason}.{again}")
        log.warning("link_lacks", source=self._config.slug, reason=lack.reason)

    # The link.

    async def _follow(self) -> None:
        """Run sessions with the source, one after the other."""
        while not self._is_stopping:
            self._interrupted.clear()
            self._interruption = ""
            began = asyncio.get_running_loop().time()
            error = await self._one_session()
            await self._link_down(self._interruption or str(error))
            if not self._interruption:
                await self._wait(error, asyncio.get_running_loop().time() - began)
            if self._interruption:
                self._backoff.reset()

    async def _wait(self, error: LinkError, lasted: float) -> None:
        """Wait before the next attempt, or until the settings are changed; show its time where the wait is long."""
        seconds = self._backoff.pause(error, lasted)
        if not error.retryable:
            again = f"It is tried again {when(clock.now() + timedelta(seconds=seconds))}"
            self.facts.failed(f"{error}. {again}, or at once when the settings of this source are changed.")
            self._news.set()
        await set_or_late(self._interrupted, seconds)

    async def _one_session(self) -> LinkError:
        """Run one session to its end, or to an interruption, and return why it ended."""
        self._sessions += 1
        self._set_state(LinkState.CONNECTING)
        self.facts.refusals.clear()
        self.facts.lack = ""
        try:
            session = open_session(self._config, Stamp(self._config.slug, f"{self._epoch}.{self._sessions}"))
        except LinkError as error:
            return error
        if self._session is not None and isinstance(session, Continuing):
            session.continues(self._session)
        self._session = session
        running = asyncio.create_task(session.run(self))
        interrupted = asyncio.create_task(self._interrupted.wait())
        try:
            await asyncio.wait({running, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            interrupted.cancel()
            running.cancel()
            await asyncio.wait({running}, timeout=SESSION_GRACE)
        return why_ended(running)

    async def _link_down(self, reason: str) -> None:
        was_up, self._is_up = self._is_up, False
        self._set_state(LinkState.DOWN)
        if reason != STOPPED:
            self.facts.failed(reason)
        log.warning("link_down", source=self._config.slug, reason=reason)
        if was_up:
            await self._report_link(LinkLost, reason, is_last_word=True)

    async def _report_link(
        self, kind: type[LinkEvent], reason: str = "", *, at: datetime | None = None, is_last_word: bool = False
    ) -> None:
        """Keep an event about the link itself; when there is no room even for that, wait for the journal."""
        event = self._stamp.link(kind, LinkData(reason=reason[:255] or None), received=at or clock.now())
        while True:
            try:
                await self._keep([event], is_last_word=is_last_word)
            except SpoolFull as error:
                self.facts.failed(str(error))
                if not self._is_stopping:
                    await asyncio.sleep(CATCH_UP_SECONDS)
                    continue
            return

    async def _keep(self, events: Sequence[Event], *, is_last_word: bool = False) -> None:
        await self._appender.keep(events, is_last_word=is_last_word)
        self._note_losses()

    def _note_losses(self) -> None:
        if self._appender.losses > self._losses_reported:
            self._losses_reported = self._appender.losses
            self._interrupt("Redis lost the journal; the latest events were given again, older ones may be lost")

    def _interrupt(self, reason: str) -> None:
        self._interruption = reason
        self._interrupted.set()

    def _set_state(self, state: LinkState) -> None:
        """Note a change of the link's state, which is reported at once."""
        if state != self.facts.state:
            spooling_since = self._appender.spooling_since if state == LinkState.SPOOLING else None
            self.facts.state, self.facts.since = state, spooling_since or clock.now()
            self._news.set()

    # Tasks that run beside the link.

    async def _keep_gathered(self) -> None:
        """Keep the events that gather; a link whose events find no place ends."""
        while True:
            try:
                await self._appender.keep_gathered()
                self._note_losses()
            except SpoolFull as error:
                self._interrupt(str(error))

    async def _renew(self) -> None:
        """Renew the lease. While Redis is away nobody can take it, and this listener goes on."""
        while True:
            try:
                if not await self._lease_thread.run(self._renewed):
                    raise LeaseLost
                if self._is_up and self._lease.is_asked:
                    await self._keep_handed_events()
                if self._is_up and (self._lease.is_asked or self._wanted_calls.unended):
                    await self._wanted_calls.take(self._session)
            except JournalUnavailable as error:
                self.facts.failed(str(error))
            await asyncio.sleep(RENEW_SECONDS)

    def _renewed(self) -> bool:
        """Renew the lease, read what the source holds open and report what was refused; in the thread of the lease."""
        is_ours = self._lease.hold()
        self._bounds.refresh()
        self._throttle.report()
        return is_ours

    async def _keep_handed_events(self) -> None:
        """Keep the gateway's own events (canary calls) beside those of the link; they say nothing about the link."""
        handed = await self._lease_thread.run(take_handed_events, self._config.slug)
        for payload in handed:
            try:
                await self._keep([decode(payload)])
            except (EventError, SpoolFull) as error:
                log.warning("handed_event_dropped", source=self._config.slug, error=type(error).__name__)

    async def _catch_up(self) -> None:
        """Append the spool to the journal as soon as the journal takes it."""
        while True:
            await self._appender.wait_for_spooling()
            try:
                await self._appender.catch_up()
                self._note_losses()
            except JournalUnavailable as error:
                self.facts.failed(str(error))
            await asyncio.sleep(CATCH_UP_SECONDS)

    async def _report(self) -> None:
        """Report to the database, and look there for changed settings."""
        ticks = asyncio.get_running_loop().time
        check_at, before, reported = ticks() + SETTINGS_SECONDS, ticks(), self.facts.events
        while True:
            await self._report_status()
            if ticks() >= check_at:
                check_at = ticks() + SETTINGS_SECONDS
                await self._check_settings()
            await set_or_late(self._news, REPORT_SECONDS)
            self._news.clear()
            if (seconds := ticks() - before) >= 1:
                self.facts.events_per_second = round((self.facts.events - reported) / seconds, 1)
                before, reported = ticks(), self.facts.events

    async def _report_status(self) -> None:
        seen_at = self._appender.unkept_since or clock.now()  # What is not kept would be lost with this process.
        self._set_state(self._shown_state())
        self.facts.spooled = self._appender.spooled
        facts = replace(self.facts, refusals=dict(self.facts.refusals))
        messages = self._reporter.take_quarantine()
        try:
            await self._database.run(self._reporter.report, facts, messages, seen_at)
        except UNREADABLE as error:
            self._reporter.put_back(messages)
            log.warning("status_not_reported", source=self._config.slug, error=type(error).__name__)

    def _shown_state(self) -> LinkState:
        if not self._is_up:
            return self.facts.state
        return LinkState.SPOOLING if self._appender.is_spooling else LinkState.UP

    async def _check_settings(self) -> None:
        try:
            config = await self._database.run(self._reporter.settings)
        except UNREADABLE as error:
            self.facts.failed(f"The settings cannot be read: {type(error).__name__}")
            return
        if config is None:
            raise SourceGone
        if config != self._config:
            self._config = config
            self._interrupt("the source's settings were changed")
