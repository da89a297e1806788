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
    for change in sit(draft.seats, event, free_seating=draft.site.has_free_seating):
        draft.seats.apply(change)
        if change.seat is not None:
            _tell_legs(draft, change, event)
        draft.do(ChangeSeat(change))


def _note(draft: UnitOfWork, event: AgentEvent) -> None:
    """Remember where a snapshot in progress has an agent."""
    snapshot, device = draft.source.snapshot, event.data.device_id
    if snapshot is not None and device and not isinstance(event, LoggedOff):
        draft.source = replace(draft.source, snapshot=replace(snapshot, seated=snapshot.seated | {device}))


def _tell_legs(draft: UnitOfWork, change: SessionChange, event: AgentEvent) -> None:
    for leg in draft.legs_at(change.device_id):
        is_fresh = leg.phase is LegPhase.OPEN and event.at - leg.connected_gateway_at <= GRACE
        if is_fresh and not leg.agent_id and _sat_before(event, leg):
            _reidentify(draft, leg, event)


def _sat_before(event: AgentEvent, leg: LegState) -> bool:
    """Say whether an agent sat there at Connected: an agent in any state, told at once after, logged on before."""
    return event.time <= leg.connected_source_at or not isinstance(event, LoggedOn)


def _reidentify(draft: UnitOfWork, leg: LegState, event: AgentEvent) -> None:
    leg = traced(identified(draft, leg), event.at, "agent", "Who sits there was told only after Connected.")
    if leg.search is SearchStatus.NONE:
        leg = searched(draft, leg)
    draft.put_leg(replace(concluded(draft, leg, event.at), due=leg.due))
