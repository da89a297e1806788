"""What every released version stored is read as the same values today: an upgrade finds its legs and calls again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.core.matching import MatchKind
from calls.core.outcomes import Outcome
from calls.core.source_state import PartialGap, Snapshot, SourceState
from calls.core.state import (
    CallState,
    LegData,
    LegPhase,
    LegState,
    Party,
    PartyState,
    PendingTransfer,
    SearchStatus,
    TimedValue,
    TraceStep,
    WriteStatus,
)
from calls.storage.codec import read_call, read_leg, read_source
from calls.storage.versions import VERSION, StoredByNewerRelease, incarnation_of, pack, unpack

STORED = Path(__file__).parent / "data" / "stored"
NINE = datetime(2026, 11, 28, 9, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return a moment after nine."""
    return NINE + timedelta(seconds=seconds)


DATA = LegData(
    interaction_id="I1",
    queue_name="Sales",
    caller_name="Uma",
    caller_name_source="isdn",
    calling_number="+49 30 1",
    called_number="100",
    direction="inbound",
    query_data={"order": "17"},
)
LEG = LegState(
    number=7,
    call_id="C1",
    incarnation=incarnation_of("C1"),
    device_id="2001",
    ordinal=2,
    connected_source_at=at(1),
    connected_gateway_at=at(1.2),
    phase=LegPhase.CLOSED,
    facts=DATA,
    agent_id="9101",
    agent_name="Alice",
    match=next(iter(MatchKind)),
    match_reason="by extension",
    services=(1, 2),
    is_unconfirmed=True,
    is_held=True,
    disconnected_source_at=at(60),
    disconnected_gateway_at=at(60.3),
    is_end_unknown=True,
    search=SearchStatus.FOUND,
    searches=2,
    missed="late",
    guid="00000000-0000-4000-8000-000000000001",
    recording_began=at(1.1),
    contested_by=8,
    service=1,
    pending_transfer=PendingTransfer(
        at=at(30),
        gateway_at=at(30.1),
        call_id="C0",
        incarnation=incarnation_of("C0"),
        facts=DATA,
        search=2,
        new_segment=True,
    ),
    base_due=at(61),
    base=WriteStatus.QUEUED,
    base_code="x",
    base_error="y",
    wrapup_template="{wrapup}",
    wrapup_result="sale",
    wrapup_due=at(180),
    wrapup_error="z",
    outcome=Outcome.WAITING,
    reason="r",
    reason_code="rc",
    found_gateway_at=at(1.4),
    flagged_gateway_at=at(62),
    due=at(61),
    trace=(TraceStep(at(1), "connected", "text"),),
)
PARTY = Party(
    device_id="2001",
    state=PartyState.HOLD,
    outside=True,
    leg=7,
    had_leg=True,
    ordinal=2,
    cleared_at=at(5),
    cleared_gateway_at=at(5.1),
    unconfirmed_since=at(4),
    is_joined_late=True,
)
CALL = CallState(
    incarnation=incarnation_of("C1"),
    call_id="C1",
    born_at=at(0),
    touched_gateway_at=at(60.3),
    own_interaction="own",
    facts={"queue_name": (TimedValue(at(0), "Sales"),)},
    parties={"2001": PARTY},
    reached_at=at(2),
    reached_gateway_at=at(2.1),
    moved_to=incarnation_of("C2"),
    moved_at=at(5),
    main=incarnation_of("C0"),
    waits_since=at(0),
    due=at(120),
)
SOURCE = SourceState(
    slug="pbx",
    next_leg=9,
    lost_at=at(3),
    is_restored=True,
    partial=(PartialGap(began_at=at(1), devices=frozenset({"2001"}), legs_saved=1, legs_lost=2),),
    lost_gateway_at=at(3.1),
    stalled_gateway_at=at(4),
    queue_names={"7000": "Sales"},
    snapshot=Snapshot(
        began_at=at(5),
        began_gateway_at=at(5.1),
        devices=("2001",),
        seen=(1,),
        found_late=("2002",),
        seated=frozenset({"9101"}),
    ),
)


def stored(release: str, name: str) -> bytes:
    """Return what a release stored."""
    return (STORED / release / name).read_bytes()


@pytest.fixture(params=sorted(folder.name for folder in STORED.iterdir()))
def release(request: pytest.FixtureRequest) -> str:
    """Give each release of which blobs are kept."""
    return str(request.param)


def test_a_leg_with_every_field_set_is_read_whole(release: str) -> None:
    trace = stored(release, "leg-full.trace.json").decode()

    assert read_leg(stored(release, "leg-full.msgpack"), trace) == LEG


def test_a_leg_with_nothing_but_the_necessary_is_read(release: str) -> None:
    trace = stored(release, "leg-bare.trace.json").decode()
    bare = LegState(
        number=1,
        call_id="C1",
        incarnation=incarnation_of("C1"),
        device_id="2001",
        ordinal=1,
        connected_source_at=at(1),
        connected_gateway_at=at(1),
    )

    assert read_leg(stored(release, "leg-bare.msgpack"), trace) == bare


def test_a_call_with_its_parties_and_facts_is_read_whole(release: str) -> None:
    assert read_call(stored(release, "call-full.msgpack")) == CALL


def test_a_call_with_nothing_but_the_necessary_is_read(release: str) -> None:
    bare = CallState(
        incarnation=incarnation_of("C1"), call_id="C1", born_at=at(0), touched_gateway_at=at(0), waits_since=at(0)
    )

    assert read_call(stored(release, "call-bare.msgpack")) == bare


def test_a_sources_own_state_is_read_whole(release: str) -> None:
    assert read_source(stored(release, "source-full.msgpack"), "pbx", 9) == SOURCE


def test_what_this_release_stores_it_reads_again() -> None:
    """The maps that are keyed by data keep a device that is named like an old field."""
    call = CallState(incarnation=1, call_id="mark", born_at=at(0), touched_gateway_at=at(0), parties={"mark": PARTY})

    assert unpack(pack(call), CallState) == call


def test_what_a_newer_release_stored_is_refused_not_guessed() -> None:
    with pytest.raises(StoredByNewerRelease, match=f"version {VERSION + 1}"):
        unpack(bytes([VERSION + 1]) + pack(CALL)[1:], CallState)
