"""Monitor every device of the site, ask again where the server refuses, and take stock of what is in progress."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog

from cti.events import AgentEvent, Event, LinkData, LinkLost, LinkRestored, LoggedOff, SnapshotBegan, SnapshotEnded
from cti.sources.csta_xml.agents import read_agent_states
from cti.sources.csta_xml.bounded_cache import BoundedCache
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.devices import read_device
from cti.sources.csta_xml.link import CstaLink, RequestDenied, RequestTimedOut
from cti.sources.csta_xml.options import CstaOptions
from cti.sources.csta_xml.outlet_lock import OrderedOutlet
from cti.sources.csta_xml.parsing import XmlElement, children, text_of
from cti.sources.csta_xml.requests import Requests
from cti.sources.csta_xml.segments import Segments, SnapshotIncomplete
from cti.sources.csta_xml.snapshot import FoundConnection, Meanwhile
from cti.sources.csta_xml.status_requests import StatusRequests
from cti.sources.port import MonitorRefusal, Quarantined, SourceConfig, Stamp

log = structlog.get_logger()

#: How to learn what is in progress at a device; None when that cannot be known.
DeviceQuery = Callable[[str], Coroutine[Any, Any, list[FoundConnection] | None]]

#: What is shown of a server that answers no such question, while all else goes on.
DEAF_TO = {
    "snapshot": "The server does not say what is in progress (three snapshots in a row, each asked for anew): "
    "open calls of the devices that were not asked for stay as they are",
    "agents": "The server does not say who is logged on (GetAgentState, three times in a row, each asked anew): "
    "who sits at the devices that were not asked for is known from the next event only",
}
#: Stock is taken at most once in so many seconds for messages that could not be read.
STOCK_SECONDS = 10.0


class Monitoring:
    """The monitors of one link, and the snapshots of their devices."""

    def __init__(
        self,
        config: SourceConfig,
        options: CstaOptions,
        stamp: Stamp,
        now: Callable[[], datetime],
        *,
        link: CstaLink,
        decoder: Decoder,
        telling: OrderedOutlet,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._config, self._options, self._stamp, self._now = config, options, stamp, now
        self._link, self._decoder, self._telling, self._tasks = link, decoder, telling, tasks
        self.questions = StatusRequests(link, options, self._deaf)
        self._surveying = asyncio.Lock()
        self._meanwhile: Meanwhile | None = None
        self._armed: set[str] = set()
        self._grants: dict[str, asyncio.Event] = {}
        self._asking_again: set[str] = set()
        self._unknown: set[str] = set()
        self._not_granted: dict[str, str] = {}
        #: How often agents were heard of at a device: what was asked before the last time is out of date.
        self._agents_heard: BoundedCache[str, int] = BoundedCache()
        self._stock_at = 0.0
        self._doubted = ""
        self._doubt: asyncio.Task[None] | None = None

    @property
    def requests(self) -> Requests:
        """Return what writes requests as the server wants them."""
        return self.questions.requests

    @property
    def segments(self) -> Segments:
        """Return the snapshots that are awaited in segments."""
        return self.questions.segments

    @property
    def devices(self) -> tuple[str, ...]:
        """Return what is to be monitored: extensions, then queues."""
        return tuple(dict.fromkeys((*self._config.devices, *self._config.queues)))

    def watch(self, events: list[Event]) -> None:
        """Heed live events: they win over what the server answers about the same moment."""
        for event in events:
            if self._meanwhile is not None:
                self._meanwhile.watch(event)
            if isinstance(event, AgentEvent) and (number := event.data.device_id):
                self._agents_heard.put(number, (self._agents_heard.get(number) or 0) + 1)
                if isinstance(event, LoggedOff):
                    self._left(number)

    def _left(self, number: str) -> None:
        """Ask whether an agent who left is still there: who is in several ACD groups leaves them one by one."""
        device = self._configured(number)
        if device in self._armed and self._options.agents and device not in self._config.queues:
            self._tasks.create_task(self._who(device, is_left=True))

    async def begin(self) -> None:
        """Start all monitors, each followed by its device's snapshot; tell what is in progress when all answered."""
        if not self.devices:
            return
        began = self._now()
        await self._survey(self.devices, self._taken_on)
        refused, self._not_granted = self._not_granted, {}
        if refused:
            await self._lose(refused, f"not monitored: {next(iter(refused.values()))}", began)
        for device, reason in refused.items():
            self._tasks.create_task(self._taken_on_again(device, reason))

    async def resynchronise(self, reason: str) -> None:
        """Take stock again of all devices that are monitored: events were lost."""
        await self._lose(self._armed, reason, self._now())
        await self._take_stock()

    def doubt(self, reason: str) -> None:
        """Take stock of all devices, soon and once for many doubts: what could not be read may have been an event."""
        self._doubted = reason
        if self._doubt is None or self._doubt.done():
            self._doubt = self._tasks.create_task(self._settle_doubts())

    async def _settle_doubts(self) -> None:
        """Take stock until nothing is doubted any more: what was doubted during one stock-taking needs another."""
        clock = asyncio.get_running_loop().time
        while self._doubted:
            await self._lose(self._armed, self._doubted, self._now())
            await asyncio.sleep(max(0.0, self._stock_at - clock()))
            self._stock_at, self._doubted = clock() + STOCK_SECONDS, ""
            await self._take_stock()

    async def _take_stock(self) -> None:
        devices = tuple(sorted(self._armed))
        if devices:
            await self._survey(devices, self._seen)
            await self._regain(devices)

    def stopped(self, monitor: str) -> None:
        """Heed that the server ended a monitor."""
        device = self._decoder.monitors.pop(monitor, None)
        configured = self._configured(device)
        if configured is not None:
            self._armed.discard(configured)
            self._tasks.create_task(self._lost(configured))

    def _configured(self, number: str | None) -> str | None:
        return next((one for one in self.devices if read_device(one).number == number), None)

    async def _lost(self, device: str) -> None:
        """Tell that a device is not monitored any more, and ask again until it is."""
        reason = "the server ended the monitor"
        await self._lose((device,), reason, self._now())
        await self._taken_on_again(device, reason)

    async def _survey(self, devices: tuple[str, ...], look: DeviceQuery, reason: str = "") -> None:
        """Take stock of devices. With a reason, which is for the ledger of gaps, only if any of them answers."""
        async with self._surveying:
            self._meanwhile = Meanwhile()
            self.questions.hear_anew()
            looks = {device: self._tasks.create_task(look(device)) for device in devices}
            await asyncio.wait(looks.values())
            answers = {device: found for device, one in looks.items() if (found := one.result()) is not None}
            async with self._telling as telling:
                is_told = self._options.snapshot and (not reason or bool(answers))
                events = self._stock(answers, reason) if is_told else []
                self._meanwhile = None
                await telling.accept(events)

    async def _taken_on(self, device: str) -> list[FoundConnection] | None:
        """Monitor a device and return what is in progress there; None when that cannot be known."""
        reason = await self._arm(device)
        if reason is not None:
            self._not_granted[device] = reason
            return None
        return await self._seen(device)

    async def _taken_on_again(self, device: str, reason: str) -> None:
        """Ask for a monitor with growing waits until the server grants it."""
        wait = self._options.retry_seconds
        told: str | None = None
        while True:
            if reason != told:
                log.info("monitor_refused", source=self._config.slug, device=device)
            await self._refused(device, MonitorRefusal(reason, self._now() + timedelta(seconds=wait)))
            await self._granted_within(device, wait)
            told, answer = reason, await self._arm(device)
            if answer is None:
                break
            reason, wait = answer, min(wait * 2, self._options.retry_limit_seconds)
        await self._refused(device, None)
        await self._survey((device,), self._seen)
        await self._regain((device,))

    async def _lose(self, devices: Iterable[str], reason: str, since: datetime) -> None:
        """Tell that events of some devices may be missed, though the link stands, for the ledger of gaps."""
        numbers = _numbers(devices)
        if not numbers:
            return
        whose = f"{numbers[0]}: " if len(numbers) == 1 else f"{len(numbers)} devices: "
        data = LinkData(reason=(whose + reason)[:255], devices=numbers)
        async with self._telling as telling:
            await telling.accept([self._stamp.link(LinkLost, data, received=since)])

    async def _regain(self, devices: Iterable[str]) -> None:
        """Tell that the devices' events arrive again, also where no snapshot could tell what is in progress."""
        async with self._telling as telling:
            restored = self._stamp.link(LinkRestored, LinkData(devices=_numbers(devices)), received=self._now())
            await telling.accept([restored])

    async def _refused(self, device: str, refusal: MonitorRefusal | None) -> None:
        async with self._telling as telling:
            await telling.refused(device, refusal)

    async def _arm(self, device: str) -> str | None:
        """Start a monitor; return why not, or None."""
        if device in self._armed:
            return None

        def heed(root: XmlElement) -> None:
            self._granted(device, root)

        try:
            async with self.questions.slots:
                await self._link.ask(self.requests.monitor_start(device), heed, late=heed)
        except (RequestDenied, RequestTimedOut) as error:
            # What was granted late may be why this was refused.
            return None if device in self._armed else str(error)
        self._armed.add(device)
        return None

    def _granted(self, device: str, root: XmlElement) -> None:
        """Take up a monitor, also one that was granted late; of two for one device, end the second."""
        fields = children(root)
        monitor = text_of(fields.get("monitorCrossRefID", fields.get("crossRefIdentifier")))
        if device in self._armed and monitor and monitor not in self._decoder.monitors:
            log.info("monitor_surplus", source=self._config.slug, device=device)
            self._tasks.create_task(self._end(monitor))
            return
        if monitor:
            self._decoder.monitors[monitor] = read_device(device).number
        self._armed.add(device)
        self._grants.pop(device, asyncio.Event()).set()

    async def _end(self, monitor: str) -> None:
        try:
            async with self.questions.slots:
                await self._link.ask(self.requests.monitor_stop(monitor))
        except (RequestDenied, RequestTimedOut) as error:
            log.info("monitor_not_ended", source=self._config.slug, reason=str(error))

    async def _granted_within(self, device: str, seconds: float) -> None:
        """Wait, but not once a monitor that was given up is granted after all."""
        if device in self._armed:
            return
        granted = self._grants.setdefault(device, asyncio.Event())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await granted.wait()

    def _deaf(self, service: str) -> None:
        """Leave the other devices out for now, and ask again later."""
        if service not in self._asking_again:
            self._asking_again.add(service)
            self._tasks.create_task(self._ask_again(service))

    async def _ask_again(self, service: str) -> None:
        """Tell that the server is deaf, and ask with growing waits until all was answered."""
        wait = self._options.retry_seconds
        log.warning("csta_deaf", source=self._config.slug, service=service)
        while True:
            async with self._telling as telling:
                await telling.lacks(MonitorRefusal(DEAF_TO[service], self._now() + timedelta(seconds=wait)))
            await asyncio.sleep(wait)
            wait = min(wait * 2, self._options.retry_limit_seconds)
            devices = tuple(sorted(self.questions.unheard[service] & self._armed))
            self.questions.unheard[service].clear()
            await self._retake(service, devices)
            if not self.questions.unheard[service]:
                break
        self._asking_again.discard(service)
        log.info("csta_hears_again", source=self._config.slug, service=service)

    async def _retake(self, service: str, devices: tuple[str, ...]) -> None:
        if service == "snapshot" and devices:
            await self._survey(devices, self._seen, "the server did not answer for a while")
        elif service == "agents":
            self.questions.hear_anew(service)
            await asyncio.gather(*(self._who(device) for device in devices))

    async def _seen(self, device: str) -> list[FoundConnection] | None:
        """Return what is in progress at a monitored device, call by call; None when the server does not say."""
        if self._options.agents and device not in self._config.queues:
            self._tasks.create_task(self._who(device))
        if not self._options.snapshot:
            return None
        self.questions.unheard["snapshot"].discard(device)
        try:
            found = await self.questions.in_progress(device)
        except SnapshotIncomplete as error:
            await self._left_out(device, error)
            return None
        self._unknown.discard(device)
        return found

    async def _left_out(self, device: str, error: SnapshotIncomplete) -> None:
        """Show that a device's snapshot is worth nothing, and take it again, with growing waits."""
        log.warning("snapshot_incomplete", source=self._config.slug, device=device, reason=str(error))
        shown = f"The snapshot of a device is incomplete, its open calls stay as they are: {error}"
        async with self._telling as telling:
            await telling.quarantine(Quarantined(b"", "message", shown, f"SnapshotDevice {device}"))
        if device not in self._unknown:
            self._unknown.add(device)
            self._tasks.create_task(self._look_again(device))

    async def _look_again(self, device: str) -> None:
        wait = self._options.retry_seconds
        while device in self._unknown:
            await asyncio.sleep(wait)
            wait = min(wait * 2, self._options.retry_limit_seconds)
            if device in self._armed:
                await self._survey((device,), self._seen, f"the snapshot of {device} was incomplete")

    def _stock(self, answers: dict[str, list[FoundConnection]], reason: str) -> list[Event]:
        """Make the snapshot's events: what the server answered, and over it what live events have said since."""
        at, meanwhile = self._now(), self._meanwhile or Meanwhile()
        numbers = {device: read_device(device).number for device in answers}
        told: dict[tuple[str, str], FoundConnection] = {}
        for device, found in answers.items():
            told |= {(one.call, numbers[device]): one for one in found}
        for call, number in meanwhile.alive():
            if number in numbers.values():
                told.setdefault((call, number), FoundConnection(call=call, raw=number, state=""))
        events: list[Event] = []
        for (call, number), one in told.items():
            event = self._decoder.found(one, number, meanwhile.state(call, number, one.state), at)
            events += [event] if event is not None else []
        data = LinkData(reason=reason or None, devices=tuple(numbers.values()))
        began = self._stamp.link(SnapshotBegan, data, received=at)
        return [began, *events, self._stamp.link(SnapshotEnded, data, received=at)]

    async def _who(self, device: str, *, is_left: bool = False) -> None:
        """Tell who is logged on at a device, or that nobody is, unless an agent has been heard of there since.

        ``is_left``: that nobody is was told already.
        """
        number = read_device(device).number
        async with self.questions.slots:
            self.questions.unheard["agents"].discard(device)
            heard = self._agents_heard.get(number)
            answer = await self.questions.ask("agents", device, self.requests.agent_state(device))
        async with self._telling as telling:
            if answer is None or self._agents_heard.get(number) != heard:
                return
            states = read_agent_states(answer)
            at = self._now()
            told = [event for one in states for event in self._decoder.logged_on(one, number, at)]
            await telling.accept(told or ([] if is_left else [self._decoder.logged_off(number, at)]))


def _numbers(devices: Iterable[str]) -> tuple[str, ...]:
    return tuple(read_device(device).number for device in sorted(devices))
