"""A transfer or conference that several monitors report, each with its own view: any reports give what the whole gives.

2001 talks to Uma in C1 since 8, or has called her, consults 2002 in C2 since 16.4, and hands her on, or joins both, at
24. 2002 never knew C1, and Uma's phone never knew C2. At once after the call the ids name other calls.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest

from tests.relatives.case import (
    Case,
    Event,
    Recording,
    cleared,
    dials,
    established,
    heard,
    holds,
    other,
    played,
    queued,
    rings,
)

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"interaction": "I1", "number": "+49301", "name": "Uma"}
ALICE: dict[str, Any] = {"interaction": "I1", "number": "2001", "name": "Alice"}
OLD = {"T1": "C1", "2001": "C1", "2002": "C2"}
#: Who reports the move, and whether the connections are listed.
Report = tuple[str, bool]
WHOLE: Report = ("host", True)
ORDERS: list[Sequence[Report]] = [
    [("consulted", True)],
    [("consulted", False), WHOLE],
    [("consulted", True), WHOLE],
    [WHOLE, ("consulted", True)],
    [("customer", True), WHOLE],
    [("customer", False), ("consulted", True)],
    [("consulted", True), ("customer", True), ("host", False)],
    [("customer", True), WHOLE, ("consulted", True)],
]


def moved(kind: str, who: str, resulting: str, *, is_listed: bool) -> Event:
    """Return the report of one monitor: it states only what that device knows."""
    sides = ("conferencingDeviceId", "addedPartyId")
    if kind != "Conferenced":
        sides = ("transferringDeviceId", "transferredToDeviceId")
    data: dict[str, Any] = {sides[0]: "2001", sides[1]: "2002", "resultingCallId": resulting}
    data["primaryOldCallId"] = "C2" if who == "consulted" else "C1"
    if who == "host":
        data["secondaryOldCallId"] = "C2"
    if is_listed:
        known = {"host": ("T1", "2001", "2002"), "consulted": ("2002",), "customer": ("T1",)}[who]
        here = ["T1", "2002", "2001"] if kind == "Conferenced" else ["T1", "2002"]
        olds = {one: {"old": {"callId": OLD[one], "deviceId": one}} for one in known}
        data["connections"] = [{"new": {"callId": resulting, "deviceId": one}, **olds.get(one, {})} for one in here]
    return other(24, "Conferenced" if kind == "Conferenced" else "Transferred", **data)


def flags(
    reports: Sequence[Report],
    kind: str,
    resulting: str,
    direction: str,
    clock: str,
    *,
    is_anew: bool = False,
    is_dialling_told: bool = True,
) -> dict[str, Any]:
    """Return the flags of each recording, where these monitors report a move in this order.

    ``is_anew``: QMS begins another recording of 2002 with the move. ``is_dialling_told``: 2001's Originated of the
    consultation is reported.
    """
    first = [queued(5.1, "C1", "7000", queue="Sales", **UMA), established(8, "C1", "2001", queue="Sales", **UMA)]
    if direction == "outbound":
        dialled = {**ALICE, "name": "", "calledNumber": "+49301", "direction": "outbound"}
        first = [dials(5, "C1", "2001", **dialled), established(8, "C1", "T1", outside=True, **dialled)]
    told = [*first, holds(16, "C1", "2001"), rings(16.6, "C2", "2002", **ALICE)]
    told += [dials(16.4, "C2", "2001", **ALICE)] if is_dialling_told else []
    told += [] if kind == "ringing" else [established(18, "C2", "2002", **ALICE)]
    for place, (who, is_listed) in enumerate(reports):
        told.append(heard(24 + 0.3 * place, moved(kind, who, resulting, is_listed=is_listed)))
    told += [established(27, resulting, "2002", interaction="I1")] if kind == "ringing" else []
    told += [cleared(28, resulting, "2001", interaction="I1")] if kind == "Conferenced" else []
    told += [cleared(30, resulting, one, interaction="I1", outside=one == "T1") for one in ("T1", "2002")]
    for call, device in (("C1", "2001"), ("C2", "2002")):
        told += [established(34, call, device, interaction=call, name="Wim"), cleared(38, call, device)]
    events = [_timed(one, clock) for one in told]
    recordings: list[Recording] = [("R1", "2001", 8.05, 28 if kind == "Conferenced" else 24)]
    recordings += [("R2", "2002", 27.05, 30)] if kind == "ringing" else [("R2", "2002", 18.05, 30)]
    recordings += [] if kind == "ringing" else [("R3", "2001", 18.05, 24)]
    if is_anew:
        recordings[1:2] = [("R2", "2002", 18.05, 24), ("R6", "2002", 24.05, 30)]
    recordings += [("R4", "2001", 34.05, 38), ("R5", "2002", 34.05, 38)]
    site = {"queues": ["7000"], "devices": ["2001", "2002"], "has_source_times": clock != "none"}
    replay = played(Case("", events, [], recordings, site=site))
    return {leg.guid: replay.flags.get(leg.number) for leg in replay.legs if leg.guid}


def _timed(one: Event, clock: str) -> Event:
    at, received = one["at"], one.get("heard", one["at"])
    if clock == "none":
        return {**one, "at": received, "heard": received}
    return {**one, "at": float(int(at)) if clock == "whole" else at, "heard": received}


@pytest.mark.parametrize("clock", ["fractions", "whole", "none"])
@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
@pytest.mark.parametrize("kind", ["Transferred", "Conferenced", "ringing"])
def test_reports_that_each_know_a_part_give_what_the_whole_one_gives(kind: str, resulting: str, clock: str) -> None:
    directions = ["inbound", "outbound"] if resulting == "C1" else ["inbound"]
    for direction, reports in product(directions, ORDERS):
        if kind == "ringing" and reports[0][0] == "customer":
            continue
        whole = flags([WHOLE], kind, resulting, direction, clock)
        assert flags(reports, kind, resulting, direction, clock) == whole, (direction, reports)


@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
def test_the_whole_report_gives_the_customers_recording_the_customers_data(kind: str) -> None:
    found = flags([WHOLE], kind, "C3", "inbound", "fractions")

    assert [one["CallerName"] for _, one in sorted(found.items())] == ["Uma", "Uma", "Alice", "Wim", "Wim"]
    assert [one["CTICallRef"] for _, one in sorted(found.items())][1:3] == ["C3", "C2"]


@pytest.mark.parametrize("clock", ["fractions", "whole", "none"])
@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
def test_a_recording_that_begins_anew_with_the_move_is_the_customers_and_the_one_before_the_consultations(
    kind: str, resulting: str, clock: str
) -> None:
    for reports in ([WHOLE], [("consulted", True), WHOLE], [WHOLE, ("consulted", True)]):
        found = flags(reports, kind, resulting, "inbound", clock, is_anew=True)

        assert [found[one]["CallerName"] for one in ("R1", "R2", "R3", "R6")] == ["Uma", "Alice", "Alice", "Uma"]
        assert [found[one]["CTICallRef"] for one in ("R2", "R3", "R6")] == ["C2", "C2", resulting]
        assert "QueueName" not in found["R2"]
        assert found["R6"]["QueueName"] == "Sales"


@pytest.mark.parametrize("clock", ["fractions", "none"])
@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
@pytest.mark.parametrize("reports", [[("consulted", True), WHOLE], [WHOLE], [("consulted", False)]])
def test_a_consultation_is_known_where_nobody_reported_that_its_host_dialled(
    reports: Sequence[Report], resulting: str, clock: str
) -> None:
    found = flags(reports, "Transferred", resulting, "inbound", clock, is_anew=True, is_dialling_told=False)

    assert [found[one]["CallerName"] for one in ("R1", "R2", "R6")] == ["Uma", "Alice", "Uma"]
    assert "QueueName" not in found["R2"]
