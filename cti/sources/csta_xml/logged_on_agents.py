"""Ask the server who is logged on at a device, and report the answer unless live events have overtaken it."""

from cti.events import AgentEvent, LoggedOff
from cti.sources.csta_xml.agents import read_agent_states
from cti.sources.csta_xml.bounded_cache import BoundedCache
from cti.sources.csta_xml.devices import read_device
from cti.sources.csta_xml.link_context import LinkContext


class LoggedOnAgents:
    """The agents at the monitored devices of one link."""

    def __init__(self, context: LinkContext) -> None:
        self._context = context
        #: Number of agent events at each device: an answer to a question asked before the last one is out of date.
        self._events_at: BoundedCache[str, int] = BoundedCache()

    def watch(self, event: AgentEvent) -> None:
        """Note a live event."""
        number = event.data.device_id
        if not number:
            return
        self._events_at.put(number, (self._events_at.get(number) or 0) + 1)
        if isinstance(event, LoggedOff):
            self._check_after_log_off(number)

    def _check_after_log_off(self, number: str) -> None:
        """Ask whether the agent is still there: one who is in several ACD groups leaves them one by one."""
        device = next((one for one in self._context.devices if read_device(one).number == number), None)
        if device in self._context.monitored and self._context.has_agents(device):
            self.start(device, is_log_off_reported=True)

    def start(self, device: str, *, is_log_off_reported: bool = False) -> None:
        """Ask for a device in the background."""
        self._context.tasks.create_task(self.report(device, is_log_off_reported=is_log_off_reported))

    async def report(self, device: str, *, is_log_off_reported: bool = False) -> None:
        """Report who is logged on at a device, or that nobody is, unless an agent event has come from there since."""
        context, number = self._context, read_device(device).number
        async with context.status.slots:
            context.status.unanswered["agents"].discard(device)
            events_before = self._events_at.get(number)
            answer = await context.status.ask("agents", device, context.requests.agent_state(device))
        async with context.outlet as outlet:
            if answer is None or self._events_at.get(number) != events_before:
                return
            at = context.now()
            events = [e for state in read_agent_states(answer) for e in context.decoder.logged_on(state, number, at)]
            if not events and not is_log_off_reported:
                events = [context.decoder.logged_off(number, at)]
            await outlet.accept(events)
