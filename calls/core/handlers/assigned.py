"""Handle the recording that a person gave to a leg."""

from msgspec.structs import replace

from calls.core.dispatch import apply
from calls.core.outcome_rules import concluded, traced
from calls.core.recording_ownership import holder_now
from calls.core.result_events import RecordingAssigned
from calls.core.state import LegPhase, LegState, SearchStatus, WriteStatus
from calls.core.unit_of_work import UnitOfWork


@apply.register
def handle_recording_assigned(event: RecordingAssigned, work: UnitOfWork) -> None:
    """A person gave the leg its recording: its flags are written now, as if QMS had named it in time.

    Only to a leg that is over, missed its recording and had no flag written, and only a recording that no leg has.
    """
    leg = work.legs.get(event.leg)
    if leg is None or not _may_be_assigned(leg):
        return
    if holder_now(work, event) is not None:
        work.put_leg(traced(leg, event.at, "assigned", f"Recording {event.guid} belongs to another leg by now."))
        return
    text = f"{event.by} assigned recording {event.guid}: it is the only one that QMS has for this leg."
    leg = replace(
        traced(leg, event.at, "assigned", text),
        guid=event.guid,
        service=event.service,
        search=SearchStatus.FOUND,
        searches=event.search,
        missed="",
        recording_began=event.started_at,
        base_due=event.at,
        phase=LegPhase.CLOSED,
    )
    work.put_leg(concluded(work, leg, event.at))


def _may_be_assigned(leg: LegState) -> bool:
    is_over = leg.phase is LegPhase.SETTLED and leg.disconnected_gateway_at is not None
    return is_over and not leg.guid and leg.search is SearchStatus.MISSED and leg.base is WriteStatus.NONE
