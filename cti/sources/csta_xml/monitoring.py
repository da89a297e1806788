"""Monitor every device of the site, ask again where the server refuses, and take stock of what is in progress."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

import structlog
from msgspec.structs import replace

from cti.events import AgentEvent, Event, LinkData, SnapshotBegan, SnapshotEnded
from cti.sources.csta_xml.agents import read_agent_states
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.devices import read_device
from cti.sources.csta_xml.link import Link, Refused, Unanswered
from cti.sources.csta_xml.memory import Recent
from cti.sources.csta_xml.options import Options
from cti.sources.csta_xml.parsing import Element, children, text_of
from cti.sources.csta_xml.requests import Requests
from cti.sources.csta_xml.snapshot import Found, Meanwhile, read_call_snapshot, read_device_snapshot
from cti.sources.csta_xml.telling import Telling
from cti.sources.port import SourceConfig, Stamp

log = structlog.get_logger()

#: How to learn what is in progress at a device; None when that cannot be known.
Look = Callable[[str], Coroutine[Any, Any, list[Found] | None]]

#: A service that gave no answer this often in a row is not asked for again on this link.
DEAF = 3
#: Stock is taken at most once in so many seconds for messages that could not be read.
STOCK_SECONDS = 10.0


class Monitoring:
    """The monitors of one link, and the snapshots of their devices."""

    def __init__(
        self, config: SourceConfig, options: Options, stamp: Stamp, now: Callable[[], datetime], *, link: Link,
        decoder: Decoder, telling: Telling, tasks: asyncio.TaskGroup,
    ) -> None:  # fmt: skip
        self._config, self._options, self._stamp, self._now = config, options, stamp, now
        self._link, self._decoder, self._telling, self._tasks = link, decoder, telling, tasks
        self.requests = Requests("", options)
        self._slots = asyncio.Semaphore(options.parallel)
        self._surveying = asyncio.Lock()
        self._meanwhile: Meanwhile | None = None
        self._armed: set[str] = set()
        self._unanswered = {"snapshot": 0, "agents": 0}
        self._agents_heard: Recent[str, bool] = Recent()
        self._stock_at = 0.0
        self._doubt: asyncio.Task[None] | None = None

    @property
    def devices(self) -> tuple[str, ...]:
        """Return what is to be monitored: extensions, then queues."""
        return tuple(dict.fromkeys((*self._config.devices, *self._config.queues)))

    def watch(self, events: list[Event]) -> None:
        """Heed live events: they win over what the server answers about the same moment."""
        for event in events:
            if self._meanwhile is not None:
                self._meanwhile.watch(event)
            if isinstance(event, AgentEvent) and event.data.device_id:
                self._agents_heard.put(event.data.device_id, True)

    async def begin(self) -> None:
        """Start all monitors, each followed by its device's snapshot; tell what is in progress when all answered."""
        if self.devices:
            await self._survey(self.devices, self._taken_on, "")

    async def resynchronise(self, reason: str) -> None:
        """Take stock again of all devices that are monitored: events were lost."""
        if self._armed:
            self._agents_heard = Recent()
            await self._survey(tuple(sorted(self._armed)), self._seen, reason)

    def doubt(self, reason: str) -> None:
        """Take stock of all devices, soon and once for many doubts: what could not be read may have been an event."""
        if self._doubt is None or self._doubt.done():
            self._doubt = self._tasks.create_task(self._resynchronise_soon(reason))

    async def _resynchronise_soon(self, reason: str) -> None:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(max(0.0, self._stock_at - clock()))
        self._stock_at = clock() + STOCK_SECONDS
        await self.resynchronise(reason)

    def stopped(self, monitor: str) -> None:
        """Heed that the server ended a monitor."""
        device = self._decoder.monitors.pop(monitor, None)
        configured = next((one for one in self.devices if read_device(one).number == device), None)
        if configured is not None:
            self._armed.discard(configured)
            self._tasks.create_task(self._taken_on_again(configured, "the server ended the monitor"))

    async def _survey(self, devices: tuple[str, ...], look: Look, reason: str) -> None:
        async with self._surveying:
            self._meanwhile = Meanwhile()
            looks = {device: self._tasks.create_task(look(device)) for device in devices}
            await asyncio.wait(looks.values())
            answers = {device: found for device, one in looks.items() if (found := one.result()) is not None}
            async with self._telling as telling:
                events = self._stock(answers, reason) if self._options.snapshot else []
                self._meanwhile = None
                await telling.accept(events)

    async def _taken_on(self, device: str) -> list[Found] | None:
        """Monitor a device and return what is in progress there; None when that cannot be known."""
        reason = await self._arm(device)
        if reason is not None:
            self._tasks.create_task(self._taken_on_again(device, reason))
            return None
        return await self._seen(device)

    async def _taken_on_again(self, device: str, reason: str) -> None:
        """Ask for a monitor with growing waits until the server grants it."""
        wait = self._options.retry_seconds
        told: str | None = None
        while True:
            if reason != told:
                log.info("monitor_refused", source=self._config.slug, device=device)
                await self._refused(device, reason)
            await asyncio.sleep(wait)
            told, answer = reason, await self._arm(device)
            if answer is None:
                break
            reason, wait = answer, min(wait * 2, self._options.retry_limit_seconds)
        await self._refused(device, None)
        await self._survey((device,), self._seen, f"{device} was not monitored")

    async def _refused(self, device: str, reason: str | None) -> None:
        async with self._telling as telling:
            await telling.refused(device, reason)

    async def _arm(self, device: str) -> str | None:
        """Start a monitor; return why not, or None."""

        def heed(root: Element) -> None:
            fields = children(root)
            monitor = text_of(fields.get("monitorCrossRefID", fields.get("crossRefIdentifier")))
            if monitor:
                self._decoder.monitors[monitor] = read_device(device).number

        try:
            async with self._slots:
                await self._link.ask(self.requests.monitor_start(device), heed)
        except (Refused, Unanswered) as error:
            return str(error)
        self._armed.add(device)
        return None

    async def _ask(self, service: str, xml: bytes) -> Element | None:
        """Ask for what may be missing: None when it is refused, or the server has been deaf to its like."""
        async with self._slots:
            if self._unanswered[service] >= DEAF:
                return None
            try:
                answer = await self._link.ask(xml)
            except Refused:
                return None
            except Unanswered:
                self._unanswered[service] += 1
                return None
            self._unanswered[service] = 0
            return answer

    async def _seen(self, device: str) -> list[Found] | None:
        """Return what is in progress at a monitored device, call by call; None when the server does not say."""
        if self._options.agents and device not in self._config.queues:
            self._tasks.create_task(self._who(device))
        if not self._options.snapshot:
            return None
        answer = await self._ask("snapshot", self.requests.snapshot_device(device))
        found = read_device_snapshot(answer) if answer is not None else None
        if found is None:
            return None
        return [await self._completed(one) for one in found if one.call]

    async def _completed(self, found: Found) -> Found:
        """Add what the server says of the call."""
        answer = await self._ask("snapshot", self.requests.snapshot_call(found.call, found.raw)) if found.raw else None
        if answer is None:
            return found
        call = read_call_snapshot(answer)
        return replace(found, state=found.state or call.state_of(found.raw), fields={**found.fields, **call.fields})

    def _stock(self, answers: dict[str, list[Found]], reason: str) -> list[Event]:
        """Make the snapshot's events: what the server answered, and over it what live events have said since."""
        at, meanwhile = self._now(), self._meanwhile or Meanwhile()
        numbers = {device: read_device(device).number for device in answers}
        told: dict[tuple[str, str], Found] = {}
        for device, found in answers.items():
            told |= {(one.call, numbers[device]): one for one in found}
        for call, number in meanwhile.alive():
            if number in numbers.values():
                told.setdefault((call, number), Found(call=call, raw=number, state=""))
        events: list[Event] = []
        for (call, number), one in told.items():
            event = self._decoder.found(one, number, meanwhile.state(call, number, one.state), at)
            events += [event] if event is not None else []
        data = LinkData(reason=reason or None, devices=tuple(numbers.values()))
        began = self._stamp.link(SnapshotBegan, data, received=at)
        return [began, *events, self._stamp.link(SnapshotEnded, data, received=at)]

    async def _who(self, device: str) -> None:
        """Tell who is logged on at a device, unless the agent has been heard of since."""
        answer = await self._ask("agents", self.requests.agent_state(device))
        number = read_device(device).number
        async with self._telling as telling:
            if answer is None or self._agents_heard.get(number):
                return
            states = read_agent_states(answer)
            at = self._now()
            await telling.accept([event for one in states for event in self._decoder.logged_on(one, number, at)])
