"""The values that the core holds: calls with their parties, legs, the source's own state.

Where both matter, ``*_at`` is the source's clock (shown, written), ``*_gateway_at`` the gateway's (deadlines).
``gc=False``: frozen values of values are never part of a cycle, and a consumer may hold millions of them.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from agents.core.matching import MatchKind
from calls.core.origins import Origin
from calls.core.outcomes import Outcome


class PartyState(StrEnum):
    """A connection's state, ECMA-269 12.2.3; ``ORIGINATED``: it dialled and waits for the far end."""

    INITIATED = "initiated"
    ORIGINATED = "originated"
    ALERTING = "alerting"
    QUEUED = "queued"
    CONNECTED = "connected"
    HOLD = "hold"
    NULL = "null"


_NULL, _TALKING = PartyState.NULL, (PartyState.CONNECTED, PartyState.HOLD)


class Reconnection(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A device was reported as connected again although its end in the call is not known yet.

    Either it is a repeat, or the end is late and the call id names another call by now. ``ended_at``: the first end
    reported since; ``interaction_id``: what the report stated; ``is_vouched``: see ``Party``.
    """

    at: datetime
    gateway_at: datetime
    agent_id: str = ""
    ended_at: datetime | None = None
    origin: Origin | None = None
    interaction_id: str = ""
    is_vouched: bool = False
    names_queue: bool = False


class Party(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One device's connection in a call. ``leg`` is its open leg's number; ``cleared_gateway_at`` set: it has left.

    ``since`` is the source time of the first event of this connection.
    """

    device_id: str
    state: PartyState
    since: datetime | None = None
    #: When its first event was heard, of a source whose times are in whole seconds: their order within one.
    heard_at: datetime | None = None
    has_dialled: bool = False
    #: Since when it dialled in the consultation that became one with its call before an answer was heard.
    dialled_since: datetime | None = None
    again: Reconnection | None = None
    #: Other reports of a connection, which were taken for repeats; an end older than them shows they were not.
    repeats: tuple[Reconnection, ...] = ()
    outside: bool = False
    leg: int | None = None
    #: Whether this connection, since it was last made, has had a leg.
    had_leg: bool = False
    #: The interaction that was stated as the device was connected.
    interaction_id: str = ""
    #: The call's interaction or calling number, known of an earlier second, was stated as the device was connected.
    is_vouched: bool = False
    ordinal: int = 0
    cleared_at: datetime | None = None
    cleared_gateway_at: datetime | None = None
    #: When it had left before this connection was made, where that earlier one's beginning was not heard of by then.
    left_before: datetime | None = None
    #: When it left once more, where that connection is not heard of yet.
    left_again: datetime | None = None
    #: Held or retrieved though never seen to connect: known only by this, since when.
    unconfirmed_since: datetime | None = None
    #: Connected already when first seen.
    is_joined_late: bool = False
    #: When it wrapped the call up.
    wrapped_up_at: datetime | None = None

    @property
    def is_talking(self) -> bool:
        """Say whether the connection carries speech, held or not."""
        return self.state in _TALKING

    @property
    def is_here(self) -> bool:
        """Say whether the device is in the call: it dials, rings or talks."""
        return self.state is not _NULL

    def reported_after(self, moment: datetime) -> tuple[Reconnection, ...]:
        """Return the further reports of a connection that are of after a moment, the earliest first."""
        reports = (*self.repeats, self.again) if self.again is not None else self.repeats
        return tuple(sorted((one for one in reports if one.at > moment), key=lambda one: one.at)) if reports else ()

    def was_here(self, moment: datetime) -> bool:
        """Say whether the device was in the call at a moment of the source's clock."""
        has_come = self.since is None or self.since <= moment
        return has_come and (self.is_here or (self.cleared_at is not None and self.cleared_at > moment))


class TimedValue(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A value that a call had from a moment on, and where it is from. ``heard_at``: see ``Party``.

    ``again``: as it was stated last, of a queue that was stated again.
    """

    at: datetime
    value: str
    origin: Origin | None = None
    heard_at: datetime | None = None
    again: "TimedValue | None" = None


class CallState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One incarnation of a call id: what is known of one call. See docs/call-identity.md.

    ``incarnation`` is its identity; ``call_id`` names it only while it lives. ``moved_to``: as which it went on.

    ``facts``: field -> its values, oldest first, the last seconds' only; so a leg that closed a moment ago still gets
    what was known then, in whatever order the events came.
    """

    incarnation: int
    call_id: str
    #: The source time of its earliest event, and of the latest that brought a device or a queue into it.
    born_at: datetime
    entered_at: datetime | None = None
    #: The source time of the latest of these that stated the interaction or the number that it was known by.
    vouched_at: datetime | None = None
    touched_gateway_at: datetime
    #: When the oldest of the calls began that this one was made from; None: it was made from no other.
    rooted_at: datetime | None = None
    own_interaction: str = ""
    facts: dict[str, tuple[TimedValue, ...]] = {}
    parties: dict[str, Party] = {}
    #: It waits in a queue or is on its way to a device, since when by the source's clock; and at which queue.
    waits_since: datetime | None = None
    waits_at: str = ""
    waits_heard_at: datetime | None = None
    #: The interaction that was stated as it was queued there.
    waits_interaction: str = ""
    #: What it was known by in an earlier second was stated as it was queued: this caller is who waits.
    is_wait_vouched: bool = False
    #: When it was last led away from a phone that rang: its caller waits on, and may be queued again by that.
    led_away_at: datetime | None = None
    #: The phones from which it was led away, or at which it failed, before it was heard that they ring; and when.
    rang_out: dict[str, datetime] = {}
    #: The call left on a trunk that has said nothing since.
    reached_at: datetime | None = None
    reached_gateway_at: datetime | None = None
    reached_origin: Origin | None = None
    #: The trunk on which it left, as the event that it did names it.
    reached_by: str = ""
    moved_to: int | None = None
    #: The device to which it was handed on by that, as the transfer or conference names it, also while it waits there
    #: under its new id; or to which it was led away (``Diverted``) before anything else was heard of it.
    handed_to: str = ""
    #: The ids that it had, or its parts, before transfers and conferences; the last few.
    former_ids: tuple[str, ...] = ()
    #: When the customer's call was joined to it, or it was handed on.
    joined_at: datetime | None = None
    #: The ends that concern all parties, by the source's clock: moved to another call, cleared, the id used again.
    moved_at: datetime | None = None
    cleared_at: datetime | None = None
    superseded_at: datetime | None = None
    #: When it was cleared as a whole, where that was reported.
    clearing_at: datetime | None = None
    #: When a call was cleared that is later than this one and of which nothing else was heard yet.
    next_cleared_at: datetime | None = None
    #: Since when, by the source's clock, it may be over: nobody talked as the link was lost, or it left its queue.
    doubtful_since: datetime | None = None
    #: When it was handed on to an outside party: no extension is in it, and the end of outside parties is not reported.
    outside_since: datetime | None = None
    #: When it was heard that it could not be completed, while only who dialled was in it.
    failed_gateway_at: datetime | None = None
    #: The oldest of the calls that this one was made from: the customer's; and the agents who handed it on, by name.
    main: int | None = None
    handed_by: tuple[str, ...] = ()
    #: The gateway itself had the PBX make it.
    is_canary: bool = False
    due: datetime | None = None

    @property
    def awaited_at(self) -> str:
        """Return the device to which the call was handed on, where it does not wait in a queue; empty if to none."""
        return "" if self.waits_at else self.handed_to

    @property
    def is_over(self) -> bool:
        """Say whether the call has ended: it was moved or superseded, or nobody is in it and it waits for nobody."""
        if self.moved_to is not None or self.superseded_at is not None:
            return True
        if self.waits_since is not None:
            return False
        for party in self.parties.values():  # noqa: SIM110  (asked several times of each event; all() takes longer)
            if party.state is not _NULL:
                return False
        return True

    @property
    def ended_at(self) -> datetime | None:
        """Return when the call ended by the source's clock; None while it lives."""
        if not self.is_over:
            return None
        ends = [end for end in (self.moved_at, self.superseded_at, self.cleared_at) if end is not None]
        if self.moved_at is None and self.superseded_at is None:
            ends += [party.cleared_at for party in self.parties.values() if party.cleared_at is not None]
        return max(ends) if ends else self.born_at

    @property
    def root(self) -> datetime:
        """Return when the call began, or the oldest of those that it was made from."""
        return self.rooted_at or self.born_at


class LegPhase(StrEnum):
    """How far a leg is: its extension is connected; has left; its flags are on their way; all of them are settled.

    While its flags are on their way nothing changes a leg but their end, however long QMS is away: like a settled leg,
    one that is being delivered is not among those that calls and extensions are asked for.
    """

    OPEN = "open"
    CLOSED = "closed"
    DELIVERING = "delivering"
    SETTLED = "settled"


#: The phases in which what happens can change a leg.
LIVE = (LegPhase.OPEN, LegPhase.CLOSED)


class SearchStatus(StrEnum):
    """Where a leg's recording search is."""

    NONE = "none"
    OPEN = "open"
    FOUND = "found"
    MISSED = "missed"


class WriteStatus(StrEnum):
    """Where a part of a leg's flags is."""

    NONE = "none"
    QUEUED = "queued"
    WRITTEN = "written"
    REFUSED = "refused"
    GONE = "gone"
    CONFLICT = "conflict"
    GIVEN_UP = "given_up"
    SHADOW = "shadow"


class TraceStep(msgspec.Struct, frozen=True, gc=False):
    """One step that led to a leg's outcome: when by the gateway's clock, what in one word, and the sentence."""

    at: datetime
    what: str
    text: str


class LegData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The call's data as a leg knows it; final once the leg has closed."""

    interaction_id: str = ""
    queue_name: str = ""
    caller_name: str = ""
    caller_name_source: str = ""
    calling_number: str = ""
    called_number: str = ""
    direction: str = ""
    query_data: dict[str, str] = {}
    #: Where each value is from, by the call's name of it (``queue_name``, ``query:KEY``).
    origins: dict[str, Origin] = {}


class PendingTransfer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attended transfer reached a leg: it goes on if QMS still reports its recording, else it is two legs.

    ``call_id``, ``incarnation``, ``facts``: of before; ``search``: what decides; ``new_segment``: the PBX saw two.
    """

    at: datetime
    gateway_at: datetime
    call_id: str
    incarnation: int
    facts: LegData
    search: int
    new_segment: bool
    call_origin: Origin | None = None
    #: Since when a link that stalled may have held the transfer back, where that was seen.
    held_since: datetime | None = None
    #: It was a conference: the leg goes on unless QMS says that another recording began.
    is_conference: bool = False
    #: The leg is its host's with the customer: it goes on unless QMS names a recording that began with the conference.
    is_of_host: bool = False
    #: While its host had the leg on hold, another moved its call to another id: its recording may have ended before.
    is_moved_on_hold: bool = False
    #: When it was received, where that was well after it; and one before it of which QMS had not answered yet.
    received_at: datetime | None = None
    earlier: "PendingTransfer | None" = None


class LegState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One extension's part in one call, from connected to disconnected."""

    number: int
    call_id: str
    incarnation: int
    device_id: str
    ordinal: int
    connected_source_at: datetime
    connected_gateway_at: datetime
    #: When its Connected was received, where that was well after ``connected_gateway_at``.
    received_at: datetime | None = None
    phase: LegPhase = LegPhase.OPEN
    facts: LegData = LegData()
    agent_id: str = ""
    agent_name: str = ""
    #: Where the call reference, the agent and the wrap-up are from; those of ``facts`` are kept there.
    call_origin: Origin | None = None
    agent_origin: Origin | None = None
    wrapup_origin: Origin | None = None
    #: The source itself named the agent as the device answered.
    is_agent_stated: bool = False
    #: The event that connected its extension stated the queue.
    is_queue_stated: bool = False
    #: When its extension was connected, where a transfer divided the leg: who was its agent then.
    agent_source_at: datetime | None = None
    match: MatchKind = MatchKind.UNMATCHED
    match_reason: str = ""
    services: tuple[int, ...] = ()
    is_joined_late: bool = False
    #: Its extension was a canary's when it was connected, in a call that the gateway made: it counts in no statistic.
    is_canary: bool = False
    #: A snapshot found it connected: it began before that.
    is_of_snapshot: bool = False
    #: Its extension was in another call as it was connected; once it has ended, only if events were missed meanwhile.
    is_beside: bool = False
    is_unconfirmed: bool = False
    is_held: bool = False
    #: When its extension had put it on hold, by the gateway's clock: it may talk in another call since.
    held_gateway_at: datetime | None = None
    #: When its extension had retrieved it from hold, by the gateway's clock: it talks in no other call then.
    retrieved_gateway_at: datetime | None = None
    #: The call that its extension dialled while this one was on hold, and that has its interaction.
    consulted: int | None = None
    disconnected_source_at: datetime | None = None
    disconnected_gateway_at: datetime | None = None
    is_end_unknown: bool = False
    #: Since when a link that stalled may have held its end back, where only the receipt says when that was.
    ended_since: datetime | None = None
    search: SearchStatus = SearchStatus.NONE
    searches: int = 0
    missed: str = ""
    guid: str = ""
    #: When the recording began that was found as the leg was connected: a call not heard of yet may have begun it.
    recording_began: datetime | None = None
    #: When it began, while it is not confirmed that the leg was connected at all.
    unconfirmed_began: datetime | None = None
    #: When QMS was asked that named it, where the leg alone was connected then, and nothing was reported late.
    sure_at: datetime | None = None
    #: The extension's next leg, heard of soon after: if QMS has no recording for it, this one's is that leg's.
    contested_by: int | None = None
    #: When, by the source, the extension's next leg was connected, over a second later: what began then is that leg's.
    followed_source_at: datetime | None = None
    #: A recording, begun before this leg, that another leg did not get for this one's sake: it is neither's.
    refused_guid: str = ""
    service: int | None = None
    pending_transfer: PendingTransfer | None = None
    #: When the base flags may be written: events of other monitors may come a second late.
    base_due: datetime | None = None
    base: WriteStatus = WriteStatus.NONE
    base_code: str = ""
    base_error: str = ""
    wrapup_template: str = ""
    wrapup_result: str = ""
    wrapup_due: datetime | None = None
    wrapup: WriteStatus = WriteStatus.NONE
    wrapup_error: str = ""
    #: Fields of ``LegFacts`` that are not written: its recording may have gone on after a transfer, with other values.
    withheld: tuple[str, ...] = ()
    outcome: Outcome = Outcome.WAITING
    reason: str = ""
    #: The reason in one word of a short list, where the outcome alone does not say it.
    reason_code: str = ""
    #: When QMS had named the recording, and when it had taken the base flags.
    found_gateway_at: datetime | None = None
    flagged_gateway_at: datetime | None = None
    due: datetime | None = None
    trace: tuple[TraceStep, ...] = ()
