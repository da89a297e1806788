"""Who is brought into the call that goes on after a transfer, where that is heard late: each condition."""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.arrivals import arrive, end_as_cleared, queued_by_transfer, rejoin, take_along
from calls.core.call_facts import AFTER
from calls.core.state import CallState, LegPhase, LegState, Party, TimedValue, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import Transferred
from tests.calls.call_states import NO_TIMES, call, event, holding, left, party
from tests.calls.leg_states import leg, over
from tests.calls.switchboard import NOON, moment

pytestmark = pytest.mark.core


def transferred(at: float, to: str | None = "2002") -> Transferred:
    data: dict[str, Any] = {"transferredToDeviceId": to} if to is not None else {}
    said = event("Transferred", at, transferringDeviceId="2001", primaryOldCallId="C1", **data)
    assert isinstance(said, Transferred)
    return said


def facts(**values: tuple[tuple[float, str], ...]) -> dict[str, tuple[TimedValue, ...]]:
    return {name: tuple(TimedValue(moment(at), one) for at, one in history) for name, history in values.items()}


# A device that is known in the resulting call already


def arrived(there: Party | None, *, next_leg: float | None = 30.4, guid: str = "G", **site: Any) -> UnitOfWork:
    """2001 of C1 is handed on at 30 into C2, where it is known by its next connection."""
    old = call(party(since=10, leg=1, had_leg=True, ordinal=1), entered_at=10)
    new = call(*([] if there is None else [there]), incarnation=2, call_id="C2", born_at=30)
    legs = [leg(10, call_id="C1", guid=guid)]
    if next_leg is not None:
        legs.append(leg(next_leg, number=2, call_id="C2", ordinal=2))
    work = holding(old, new, legs=tuple(legs), **site)
    arrive(work, new, old.parties["2001"], event("Transferred", 30, transferringDeviceId="2005", primaryOldCallId="C1"))
    return work


def spans(work: UnitOfWork, incarnation: int) -> list[tuple[float, float | None]]:
    """Return from when to when each leg of a call was connected."""
    own = [one for one in work.legs.values() if one.incarnation == incarnation]
    found = sorted(own, key=lambda one: one.connected_source_at)
    return [(_seconds(one.connected_source_at) or 0, _seconds(one.disconnected_source_at)) for one in found]


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else (at - NOON).total_seconds()


AGAIN: dict[str, Any] = {"since": 30.4, "leg": 2, "had_leg": True, "ordinal": 2}


@pytest.mark.parametrize(
    ("guid", "next_leg", "others"),
    [
        ("G", 30.4, [(30, 30.4)]),
        ("G", 30.251, [(30, 30.251)]),
        ("G", 30.25, []),
        ("G", 30.1, []),
        ("", 30.4, []),
        ("", 30.1, []),
    ],
)
def test_the_time_between_a_transfer_and_the_next_connection_has_a_leg_where_a_recording_may_go_on(
    guid: str, next_leg: float, others: list[tuple[float, float]]
) -> None:
    work = arrived(party(**{**AGAIN, "since": next_leg}), next_leg=next_leg, guid=guid)

    assert spans(work, 1) == [(10, 30)]
    assert spans(work, 2) == [*others, (next_leg, None)]
    assert {one.call_id for one in work.legs.values() if one.incarnation == 2} == {"C2"}


@pytest.mark.parametrize(
    ("before", "site", "ended"),
    [
        (30.1, {}, 30.1),
        (30, {}, 30),
        (29.9, {}, None),
        (None, {}, None),
        (30.1, NO_TIMES, None),
    ],
)
def test_a_device_that_left_before_its_next_connection_leaves_the_resulting_call_then(
    before: float | None, site: dict[str, Any], ended: float | None
) -> None:
    work = arrived(party(**AGAIN, left_before=None if before is None else moment(before)), guid="", **site)

    first = work.legs[1]
    assert first.incarnation == (1 if ended is None else 2)
    assert first.disconnected_source_at == moment(30 if ended is None else ended)
    known = work.calls[2].parties["2001"]
    assert (known.leg, known.left_before is None) == (2, ended is not None or before is None)


@pytest.mark.parametrize(("since", "known"), [(30.4, 30), (30, 30), (29.9, 29.9), (None, 30)])
def test_a_device_is_in_the_resulting_call_since_the_transfer_at_the_latest(since: float | None, known: float) -> None:
    work = arrived(party(**{**AGAIN, "since": since}), guid="")

    assert work.calls[2].parties["2001"].since == moment(known)


@pytest.mark.parametrize(
    ("known", "ended"),
    [
        ({}, 30.2),
        ({"born_at": 30}, 30.2),
        ({"born_at": 29.9}, None),
        ({"call_id": "C7"}, None),
        ({"phone": party(since=30.1)}, None),
        ({"phone": left(at=30.2, since=30.1)}, None),  # That was a connection of its own.
        ({"phone": left("2002", at=30.2, since=30.2, had_leg=False)}, None),
    ],
)
def test_an_end_that_was_taken_for_a_later_call_of_the_id_is_of_the_call_that_was_handed_on(
    known: dict[str, Any], ended: float | None
) -> None:
    """The end came under the resulting id, which seemed to name a call of its own; then the transfer is heard."""
    phone = known.get("phone") or left(at=30.2, since=30.2, had_leg=False)
    more = {"incarnation": 3, "call_id": "C2", "born_at": 30.2, **known}
    more.pop("phone", None)
    old, new = call(party(since=10, leg=1, had_leg=True)), call(incarnation=2, call_id="C2", born_at=25)
    work = holding(old, new, call(phone, **more), legs=(leg(10, call_id="C1"),))

    arrive(work, new, old.parties["2001"], event("Transferred", 30, transferringDeviceId="2005", primaryOldCallId="C1"))

    assert spans(work, 2) == [(10, ended)]


def test_a_device_that_arrives_where_nobody_knows_it_brings_its_leg() -> None:
    work = arrived(None, next_leg=None)

    assert (work.legs[1].incarnation, work.calls[2].parties["2001"].leg) == (2, 1)


@pytest.mark.parametrize(("cleared", "ended"), [(30.2, 30.2), (30, None), (29, None)])
def test_an_end_of_after_the_transfer_that_was_heard_first_ends_the_device(cleared: float, ended: float | None) -> None:
    work = arrived(left(at=cleared, since=29), next_leg=None)

    assert spans(work, 2) == [(10, ended)]


# What seemed to be the id's next call


def rejoined(
    *,
    own: dict[str, Any] | None = None,
    following: dict[str, Any] | None = None,
    phones: tuple[Party, ...] = (),
    legs: tuple[LegState, ...] = (),
    to: str | None = "2002",
    **site: Any,
) -> tuple[CallState, bool]:
    """2001 hands C1 on at 20, and a call of that id began at 20.3; say whether that is the same call."""
    first = call(left(at=20), **{"superseded_at": 20.2, **(own or {})})
    begun = {"incarnation": 2, "born_at": 20.3, **(following or {})}
    work = holding(first, call(*(phones or (ANSWERS,)), **begun), legs=legs, **site)
    found = rejoin(work, first, transferred(20, to))
    return found, 2 not in work.calls


ANSWERS = party("2002", since=20.3, had_leg=True)
LATER = party("2002", since=20.6)
QUEUED: dict[str, Any] = {"following": {"waits_at": "5000", "facts": facts(queue_name=((20.3, "Sales"),))}}
I1, I2 = facts(interaction_id=((20.3, "I1"),)), facts(interaction_id=((20.3, "I2"),))
ADA, JO = facts(calling_number=((20.3, "+49301"),)), facts(calling_number=((20.3, "+49302"),))


@pytest.mark.parametrize(
    ("known", "is_same"),
    [
        ({}, True),
        ({"to": "2003"}, False),
        ({"to": None}, False),
        ({"own": {"moved_to": 5}}, False),
        ({"own": {"clearing_at": 20}}, False),
        ({"own": {"clearing_at": 19.999}}, True),
        ({"following": {"born_at": 20}}, False),
        ({"following": {"moved_to": 5}}, False),
        ({"following": {"superseded_at": 21}}, False),
        ({"following": {"doubtful_since": 21}}, False),
        ({"phones": (ANSWERS, party("2003", since=20.2))}, False),
        ({"phones": (ANSWERS, party("2003", since=20.3))}, True),
        ({"phones": (ANSWERS, party("2003"))}, True),
        # The queue to which it was handed on, whose list may not name it.
        ({**QUEUED, "to": "5000", "phones": (LATER,)}, True),
        ({**QUEUED, "to": "5001", "phones": (LATER,)}, True),
        ({**QUEUED, "to": "5000"}, False),  # A device came with it.
        ({**QUEUED, "to": "5000", "phones": (party("2003"),)}, True),
        ({**QUEUED, "to": "2005", "phones": (LATER,)}, False),
        ({"following": {**QUEUED["following"], "waits_at": "2005"}, "to": "2005", "phones": (LATER,)}, True),
        ({"following": {"waits_at": "5000"}, "to": "5000", "phones": (LATER,)}, False),
        (
            {
                "following": {"waits_at": "5000", "facts": facts(queue_name=((20.4, "Sales"),))},
                "to": "5000",
                "phones": (LATER,),
            },
            False,
        ),
        # Another caller's.
        ({"own": {"facts": I1}, "following": {"facts": I2}}, False),
        ({"own": {"facts": I1}, "following": {"facts": I1}}, True),
        ({"own": {"facts": I1}}, True),
        ({"following": {"facts": I1}}, True),
        ({"own": {"facts": ADA}, "following": {"facts": JO}}, False),
        ({"own": {"facts": ADA}, "following": {"facts": ADA}}, True),
        # Without times, what came since the id's next call is meant.
        (NO_TIMES, True),
        ({**NO_TIMES, "own": {"superseded_at": 20.3}}, True),
        ({**NO_TIMES, "own": {"superseded_at": 20.4}}, False),
        ({**NO_TIMES, "own": {"superseded_at": None}}, True),
        ({**NO_TIMES, "own": {"superseded_at": None}, "following": {"born_at": 20}, "phones": (LATER,)}, True),
    ],
)
def test_a_call_that_began_at_the_destination_of_a_transfer_is_the_one_that_was_handed_on(
    known: dict[str, Any], is_same: bool
) -> None:
    found, is_gone = rejoined(**known)

    assert is_gone is is_same
    assert found.incarnation == 1
    assert ("2002" in found.parties) is (
        is_same and "2002" in {one.device_id for one in known.get("phones", (ANSWERS,))}
    )
    assert is_same is (found.superseded_at is None) or known.get("own", {}).get("superseded_at", 0) is None


@pytest.mark.parametrize(("base", "is_same"), [(WriteStatus.NONE, True), (WriteStatus.QUEUED, False)])
def test_a_call_of_which_flags_are_written_stays_apart(base: WriteStatus, is_same: bool) -> None:
    own = leg(20.3, number=2, device_id="2002", call_id="C1", base=base)

    found, is_gone = rejoined(legs=(own,))

    assert (found.call_id, is_gone) == ("C1", is_same)


def test_a_call_that_is_the_same_has_its_wait_its_end_and_its_values_of_after_the_transfer() -> None:
    late = {"waits_since": 20.5, "waits_at": "5000", "entered_at": 20.4, "cleared_at": 30, "due": moment(50)}
    known = {**late, "facts": facts(caller_name=((20.3, "Ada"),))}
    found, _ = rejoined(following=known, own={"facts": facts(caller_name=((0, "Jo"),))})

    assert (found.waits_since, found.waits_at) == (moment(20.5), "5000")
    assert (found.entered_at, found.cleared_at, found.due) == (moment(20.4), moment(30), moment(50))
    assert [one.value for one in found.facts["caller_name"]] == ["Jo", "Ada"]
    assert set(found.parties) == {"2001", "2002"}


# A queue that a call came into just before it was handed on


@pytest.mark.parametrize(
    ("more", "site", "is_after"),
    [
        ({}, NO_TIMES, True),
        ({"waits_since": 19}, NO_TIMES, True),
        ({"waits_since": 18.999}, NO_TIMES, False),
        ({"waits_since": 20.5}, NO_TIMES, True),
        ({"waits_since": None}, NO_TIMES, False),
        ({}, {}, False),
        ({"facts": {}}, NO_TIMES, False),
        ({"facts": facts(queue_name=((19.8, "Support"),))}, NO_TIMES, False),  # It has been in no other.
        ({"facts": facts(queue_name=((5, "Sales"), (19.7, "Support")))}, NO_TIMES, False),
    ],
)
def test_the_one_who_hands_a_call_on_has_nothing_of_the_queue_that_it_came_into_by_that(
    more: dict[str, Any], site: dict[str, Any], is_after: bool
) -> None:
    since = more.get("waits_since", 19.8) or 19.8
    known = {"waits_since": 19.8, "facts": facts(queue_name=((5, "Sales"), (since, "Support"))), **more}
    work = holding(call(party(since=12, had_leg=True), **known), **site)

    queued_by_transfer(work, 1, transferred(20))

    names = work.calls[1].facts.get("queue_name", ())
    assert (bool(names) and names[-1].at == moment(20) + AFTER) is is_after


@pytest.mark.parametrize("phone", [party(since=12), left(since=12)])
def test_a_queue_is_nobodys_to_lose_where_nobody_talks(phone: Party) -> None:
    known: dict[str, Any] = {"waits_since": 19.8, "facts": facts(queue_name=((5, "Sales"), (19.8, "Support")))}
    work = holding(call(phone, **known), **NO_TIMES)

    queued_by_transfer(work, 1, transferred(20))

    assert work.calls[1].facts["queue_name"][-1].at == moment(19.8)


# A clearing that was heard before the event that brought others into the call


@pytest.mark.parametrize(
    ("more", "ended"),
    [
        ({"clearing_at": 21}, 21),
        ({"clearing_at": 20}, 20),
        ({"clearing_at": 19.999}, None),
        ({"next_cleared_at": 22}, 22),
        ({"clearing_at": 19, "next_cleared_at": 22}, 22),
        ({"clearing_at": 21, "next_cleared_at": 22}, 21),
        ({}, None),
        ({"clearing_at": 21, "moved_to": 4}, None),
    ],
)
def test_a_call_ends_at_its_clearing_of_after_the_transfer(more: dict[str, Any], ended: float | None) -> None:
    others = (party("2003", since=30), party("2004"), left("2005", at=15))
    one = call(party(since=12, leg=1, had_leg=True), *others, waits_since=20, waits_at="5000", **more)
    work = holding(one, legs=(leg(12, call_id="C1"),))

    found = end_as_cleared(work, one, event("Transferred", 20, transferringDeviceId="2001", primaryOldCallId="C1"))

    assert work.legs[1].disconnected_source_at == (None if ended is None else moment(ended))
    if ended is not None:
        assert (found.cleared_at, found.clearing_at, found.next_cleared_at) == (moment(ended), moment(ended), None)
        assert (found.waits_since, found.waits_at) == (None, "")
        here = {name for name, phone in found.parties.items() if phone.is_here}
        assert here == {"2003"}, "it came later"
        assert found.parties["2005"].cleared_at == moment(15)


# Ends that came under the former id


@pytest.mark.parametrize(
    ("phone", "own", "is_brought"),
    [
        (left("2002", at=20.5), {}, True),
        (left("2002", at=20), {}, False),
        (left("2002", at=20.5, had_leg=False), {}, False),
        (left("2001", at=20.5), {}, False),  # Who handed it on.
        (party("2002", had_leg=True), {}, False),
        (left("2002", at=20.5), {"base": WriteStatus.QUEUED}, False),
        (left("2002", at=20.5), {"disconnected_source_at": moment(15)}, False),
        (left("2002", at=20.5), {"device_id": "2003"}, False),
    ],
)
def test_an_end_of_after_the_transfer_that_came_under_the_former_id_is_of_the_call_that_goes_on(
    phone: Party, own: dict[str, Any], is_brought: bool
) -> None:
    one = replace(over(leg(12, device_id=phone.device_id, call_id="C1"), 20.5), **own)
    work = holding(call(phone), call(incarnation=2, call_id="C2", born_at=20), legs=(one,))

    take_along(work, work.calls[1], 2, transferred(20), "2001")

    assert (work.legs[1].incarnation == 2) is is_brought
    assert (phone.device_id in work.calls[2].parties) is (is_brought or bool(own))


def test_a_call_that_goes_on_itself_and_a_device_that_it_knows_are_left_alone() -> None:
    one = over(leg(12, device_id="2002", call_id="C1"), 20.5)
    known = party("2002", since=20.1)
    work = holding(call(left("2002", at=20.5)), call(known, incarnation=2, call_id="C2", born_at=20), legs=(one,))

    take_along(work, work.calls[1], 2, transferred(20), "2001")
    take_along(work, work.calls[1], 1, transferred(20), "2001")

    assert work.calls[2].parties["2002"] is known
    assert work.legs[1].incarnation == 1
    assert work.legs[1].phase is LegPhase.CLOSED
