"""The rule of agent events: who sits where; a leg's agent is the one who sat there at Connected."""

from msgspec.structs import replace

from agents.core.presence import SessionChange, sit
from calls.core.commands import ChangeSeat
from calls.core.dispatch import apply
from calls.core.legs import GRACE, identified, searched, traced
from calls.core.outcome_rules import concluded
from calls.core.state import LegPhase, LegState, SearchStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import AgentEvent, LoggedOff, LoggedOn


@apply.register
def handle_agent_event(event: AgentEvent, draft: UnitOfWork) -> None:
    """Move the agent; a log-on that comes late is still of the legs that were connected after it."""
    _note(draft, event)
    in_snapshot = draft.source.snapshot is not None
    for change in sit(draft.seats, event, free_seating=draft.site.has_free_seating, in_snapshot=in_snapshot):
        draft.seats.apply(change)
        _tell_legs(draft, change, event)
        draft.do(ChangeSeat(change))


def _note(draft: UnitOfWork, event: AgentEvent) -> None:
    """Remember where a snapshot in progress has an agent."""
    snapshot, device = draft.source.snapshot, event.data.device_id
    if snapshot is not None and device and not isinstance(event, LoggedOff):
        draft.source = replace(draft.source, snapshot=replace(snapshot, seated=snapshot.seated | {device}))


def _tell_legs(draft: UnitOfWork, change: SessionChange, event: AgentEvent) -> None:
    """Correct the agent of a leg that was connected a moment ago, if the event is of before that."""
    for leg in draft.legs_at(change.device_id):
        is_fresh = leg.phase is LegPhase.OPEN and event.at - leg.connected_gateway_at <= GRACE
        if is_fresh and not leg.is_agent_stated and _was_before(event, leg):
            _reidentify(draft, leg, event)


def _was_before(event: AgentEvent, leg: LegState) -> bool:
    """Say whether an event is of before Connected: so is a state reported at once after, for its agent was there."""
    is_state = not isinstance(event, LoggedOn | LoggedOff)
    return event.time < leg.connected_source_at or (is_state and not leg.agent_id)


def _reidentify(draft: UnitOfWork, leg: LegState, event: AgentEvent) -> None:
    again = identified(draft, leg)
    if (again.agent_id, again.agent_name) == (leg.agent_id, leg.agent_name):
        return
    leg = traced(again, event.at, "agent", "This was reported only after Connected.")
    if leg.search is SearchStatus.NONE:
        leg = searched(draft, leg)
    draft.put_leg(replace(concluded(draft, leg, event.at), due=leg.due))
