"""A host's end in the held call is heard just before the event that joins both calls and names the consultation first.

Uma's call C1 is that of 2001 from 13.5 on, held from 16.5; 2001 dials C2 and talks with 2002 from 18.7 on. At 22.7 the
calls are joined, as other recordings begin. Times are seconds.
"""

import pytest

from tests.relatives.case import Case, Event, Recording, cleared, dials, established, holds, played, queued, transferred

pytestmark = pytest.mark.core

TIMES = {"fractions": 0.01, "whole seconds": 0.0, "none": 0.01}


def _joins(kind: str, resulting: str) -> Event:
    if kind == "Transferred":
        return transferred(22.7, "C2", "C1", resulting, "2001", "2002")
    both = [("C2", "2002"), ("C1", "2001")]
    pairs = [
        {"old": {"callId": call, "deviceId": device}, "new": {"callId": resulting, "deviceId": device}}
        for call, device in both
    ]
    calls = {"primaryOldCallId": "C2", "secondaryOldCallId": "C1", "resultingCallId": resulting}
    named = {"conferencingDeviceId": "2001", "addedPartyId": "2002", "connections": pairs}
    return {"at": 22.7, "type": "Conferenced", **calls, **named}


def _told(kind: str, resulting: str, ends: list[str], times: str) -> dict[str, tuple[str, str, str]]:
    """Return queue, name and call reference of each recording."""
    uma = queued(10, "C1", queue="Sales", interaction="I1", name="Uma")
    begins = [uma, established(13.5, "C1", "2001"), holds(16.5, "C1", "2001"), dials(17.5, "C2", "2001")]
    told = [*begins, established(18.7, "C2", "2002"), *(cleared(22.7 - TIMES[times], call, "2001") for call in ends)]
    told += [_joins(kind, resulting), cleared(31.7, resulting, "2002")]
    told += [cleared(31.8, resulting, "2001")] if kind == "Conferenced" else []
    heard = [{**one, "heard": one["at"] + 0.02 + 0.001 * index} for index, one in enumerate(told)]
    if times == "whole seconds":
        heard = [{**one, "at": float(int(one["at"]))} for one in heard]
    if times == "none":
        heard = [{**one, "at": one["heard"]} for one in heard]
    recordings: list[Recording] = [("R1", "2001", 13.56, 22.69), ("R2", "2001", 18.8, 22.69)]
    recordings += [("R3", "2002", 18.79, 22.69), ("R4", "2002", 22.77, 31.69)]
    replay = played(Case("", heard, [], recordings=recordings, site={"has_source_times": times != "none"}))
    flags = {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid}
    return {guid: _known(one) for guid, one in flags.items() if one}


def _known(flags: dict[str, str]) -> tuple[str, str, str]:
    return flags.get("QueueName", ""), flags.get("CallerName", ""), flags.get("CTICallRef", "")


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("ends", [["C1"], ["C1", "C2"], ["C2", "C1"]], ids="-".join)
@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_the_calls_of_a_transfer_are_what_they_were_before_the_hosts_ends(
    resulting: str, ends: list[str], times: str
) -> None:
    flags = _told("Transferred", resulting, ends, times)

    assert (flags["R1"], flags["R2"]) == (("Sales", "Uma", "C1"), ("", "", "C2"))
    assert (flags["R3"], flags["R4"]) == (("", "", "C2"), ("Sales", "Uma", resulting))


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
def test_the_calls_of_a_conference_are_what_they_were_before_the_hosts_end(resulting: str, times: str) -> None:
    flags = _told("Conferenced", resulting, ["C1"], times)

    assert flags.get("R2") in (None, ("", "", "C2"))
    assert (flags["R3"], flags["R4"]) == (("", "", "C2"), ("Sales", "Uma", resulting))
