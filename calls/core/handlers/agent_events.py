"""Handle agent events: who is logged on where. A leg's agent is the one logged on there at Connected."""

from msgspec.structs import replace

from agents.core.presence import KnownBy, SessionChange, apply_agent_event, was_overtaken, with_log_off
from calls.core.clocks import GRACE, as_stated
from calls.core.commands import ChangeSession
from calls.core.dispatch import apply
from calls.core.legs import identified, searched, without_agent
from calls.core.origins import OriginRule
from calls.core.outcome_rules import concluded, traced
from calls.core.state import LegPhase, LegState, SearchStatus, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import AgentEvent, LoggedOff, LoggedOn


@apply.register
def handle_agent_event(event: AgentEvent, work: UnitOfWork) -> None:
    """Move the agent; a log-on that comes late is still of the legs that were connected after it."""
    _note(work, event)
    if was_overtaken(work.source.log_offs, event):
        return
    if isinstance(event, LoggedOff):
        work.source = replace(work.source, log_offs=with_log_off(work.source.log_offs, event))
    for leg in work.legs_at(event.data.device_id or "") if isinstance(event, LoggedOn) else ():
        if leg.base is WriteStatus.NONE and _logged_on_later(event, leg):
            why = f"No agent: {leg.agent_id} logged on after Connected, as is reported now."
            work.put_leg(concluded(work, without_agent(work, leg, event.at, why), event.at))
    snapshot = work.source.snapshot
    for change in apply_agent_event(
        work.sessions,
        event,
        free_seating=work.site.has_free_seating,
        in_snapshot=snapshot is not None,
        stated=snapshot.stated.get(event.data.device_id or "", ()) if snapshot is not None else (),
    ):
        work.sessions.apply(change)
        _correct_legs(work, change, event)
        _leave_legs(work, change, event)
        work.do(ChangeSession(change))


def _note(work: UnitOfWork, event: AgentEvent) -> None:
    """Remember where a snapshot in progress has an agent, and who it stated is there."""
    snapshot, device, agent_id = work.source.snapshot, event.data.device_id, event.data.agent_id
    if snapshot is None or not device or isinstance(event, LoggedOff):
        return
    stated = snapshot.stated
    if agent_id and not event.data.known_by:
        stated = {**stated, device: stated.get(device, frozenset()) | {agent_id}}
    work.source = replace(work.source, snapshot=replace(snapshot, seated=snapshot.seated | {device}, stated=stated))


def _correct_legs(work: UnitOfWork, change: SessionChange, event: AgentEvent) -> None:
    """Correct the agent of a leg that was connected before an older event of the agent is heard.

    Without times of the source, which show what is older, only that of a leg that was connected a moment ago.
    """
    for leg in work.legs_at(change.device_id):
        is_unwritten = leg.phase is LegPhase.OPEN or leg.base is WriteStatus.NONE
        is_log_on = isinstance(event, LoggedOn | LoggedOff) and work.site.has_source_times
        is_in_time = is_log_on or event.at - leg.connected_gateway_at <= GRACE
        is_then = _was_before(event, leg) or _is_found_with(work, leg)
        if is_unwritten and is_in_time and not leg.is_agent_stated and is_then:
            _reidentify(work, leg, event)


def _leave_legs(work: UnitOfWork, change: SessionChange, event: AgentEvent) -> None:
    """Take the agent from the legs of an extension that the agent, found elsewhere, may have left before Connected."""
    if work.site.has_source_times or change.ended is None or event.data.device_id in (None, "", change.device_id):
        return
    for leg in work.legs_at(change.device_id):
        is_theirs = leg.agent_id == change.ended.agent_id and not leg.is_agent_stated
        # Another extension's monitor reports it: within that time its order with this one's reports means nothing.
        is_soon = event.at - leg.connected_gateway_at < GRACE
        if is_theirs and is_soon and leg.base is WriteStatus.NONE:
            why = (
                f"No agent: {leg.agent_id} is logged on elsewhere, as is reported now, and may have been at Connected."
            )
            work.put_leg(concluded(work, without_agent(work, leg, event.at, why), event.at))


def _is_found_with(work: UnitOfWork, leg: LegState) -> bool:
    """Say whether the snapshot in progress found a leg: who it states to be there may have come before the call."""
    snapshot = work.source.snapshot
    return leg.is_of_snapshot and snapshot is not None and leg.connected_gateway_at >= snapshot.began_gateway_at


def _logged_on_later(event: AgentEvent, leg: LegState) -> bool:
    """Say whether a leg's agent, known by a state of after Connected only, had logged on after that too."""
    is_by_state = leg.agent_origin is not None and leg.agent_origin.rule is OriginRule.STATE
    is_same = event.data.agent_id == leg.agent_id and not leg.is_agent_stated
    return is_by_state and is_same and event.time > (leg.agent_source_at or leg.connected_source_at)


def _was_before(event: AgentEvent, leg: LegState) -> bool:
    """Say whether an event is older than Connected; so is a state right after it, whose agent was there already."""
    is_state = not isinstance(event, LoggedOn | LoggedOff)
    connected = leg.agent_source_at or leg.connected_source_at
    if not is_state and event.time == connected:
        return True  # Which came first is not known: no agent.
    return event.time < connected or (is_state and not leg.agent_id)


def _reidentify(work: UnitOfWork, leg: LegState, event: AgentEvent) -> None:
    session = work.sessions.get(leg.device_id)
    is_log_on = session is not None and session.known_by is KnownBy.LOG_ON
    is_then = session is not None and session.since == as_stated(work, leg.agent_source_at or leg.connected_source_at)
    if is_log_on and is_then and not leg.agent_id:
        return  # It was heard of after Connected, and bears the same time: which came first is not known.
    again = identified(work, leg)
    if (again.agent_id, again.agent_name) == (leg.agent_id, leg.agent_name):
        return
    leg = traced(again, event.at, "agent", "This was reported only after Connected.")
    if leg.search is SearchStatus.NONE:
        leg = searched(work, leg)
    work.put_leg(replace(concluded(work, leg, event.at), due=leg.due))
