"""Who came into a call just before the others left: each condition of the rule, and each second at its edge.

2001 has talked since 0 and left at 20.8; 2002 came at 20.2. Events may be reported out of order within a second.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.newcomers import newcomers_before_clearing, newcomers_since, queues_another
from calls.core.source_state import SourceState
from calls.core.state import CallState, Party, PartyState
from calls.core.unit_of_work import LiveState, UnitOfWork
from cti.events import CallEvent
from tests.calls.switchboard import event, moment, with_site

pytestmark = pytest.mark.core


def _work(**site: Any) -> UnitOfWork:
    return UnitOfWork(LiveState(source=SourceState(slug="pbx")), with_site(**{"has_source_times": False, **site}))


def _left(since: float = 0, at: float = 20.8, **more: Any) -> Party:
    party = Party(device_id="2001", state=PartyState.NULL, since=moment(since), had_leg=True, cleared_at=moment(at))
    return replace(party, **more)


def _came(since: float = 20.2, device: str = "2002", **more: Any) -> Party:
    party = Party(device_id=device, state=PartyState.CONNECTED, since=moment(since), had_leg=True)
    return replace(party, **more)


def _call(*parties: Party, **more: Any) -> CallState:
    call = CallState(incarnation=1, call_id="C1", born_at=moment(0), touched_gateway_at=moment(21))
    return replace(call, parties={one.device_id: one for one in parties}, **more)


HANDED_ON = {"main": 9, "joined_at": moment(19.8)}
HANDED_ON_BEFORE = {"main": 9, "joined_at": moment(19.799)}

SINCE: list[tuple[CallState, float | None]] = [
    (_call(_left(), _came()), 20.2),
    (_call(_left(), _came(19.8)), 19.8),
    (_call(_left(), _came(19.799)), None),  # It came over a second before: nothing is out of order.
    (_call(_left(), _came(20.2), _came(20.5, "2003")), 20.2),
    (_call(_left(), _came(20.2), _came(10, "2003")), None),  # Another one goes on talking.
    (_call(_left(), waits_since=moment(20.3), waits_at="5000"), 20.3),
    (_call(_left(), _came(20.2), waits_since=moment(20.1), waits_at="5000"), 20.1),
    (_call(_left(), waits_since=moment(20.3)), None),  # Led away by who left, to no queue.
    (_call(_left()), None),
    (_call(_left(20.2), _came()), None),  # Who left had come with it.
    (_call(_left(20.199), _came()), 20.2),
    (_call(_left(at=20.799), _came()), None),  # It left before the end that is reported.
    (_call(_left(had_leg=False), _came()), None),
    (_call(_left(cleared_at=None), _came()), None),
    (_call(_left(since=0), _came(), moved_to=2), None),
    (_call(_left(), _came(), **HANDED_ON), None),
    (_call(_left(), _came(), **HANDED_ON_BEFORE), 20.2),
    (_call(_left(), _came(), main=9), 20.2),
    (_call(_left(), _came(), joined_at=moment(20.5)), 20.2),
]


@pytest.mark.parametrize(("call", "since"), SINCE)
def test_newcomers_are_those_of_the_second_before_the_last_other_extension_left(
    call: CallState, since: float | None
) -> None:
    assert newcomers_since(_work(), call, moment(20.8)) == (None if since is None else moment(since))


@pytest.mark.parametrize("site", [{"has_source_times": True}, {"settle_seconds": 0.0}])
def test_a_link_that_shows_the_order_of_its_events_has_no_newcomers(site: dict[str, Any]) -> None:
    call = _call(_left(), _came())

    assert newcomers_since(_work(**site), call, moment(20.8)) is None
    assert newcomers_before_clearing(_work(**site), call, moment(20.8)) is None
    assert not queues_another(_work(**site), _call(_left(), _came(5)), _queued(21))


@pytest.mark.parametrize(
    ("call", "since"),
    [
        (_call(_came()), 20.2),
        (_call(_came(19.8)), 19.8),
        (_call(_came(19.799)), None),
        (_call(_came(10, "2003"), _came(20.2)), 20.2),
        (_call(_came(), born_at=moment(19.199)), 20.2),
        (_call(_came(), born_at=moment(19.2)), None),  # The call itself began then.
        (_call(_came(), **HANDED_ON), None),
        (_call(_came(), **HANDED_ON_BEFORE), 20.2),
    ],
)
def test_who_came_in_the_second_before_a_call_was_cleared_may_be_of_the_next_one(
    call: CallState, since: float | None
) -> None:
    assert newcomers_before_clearing(_work(), call, moment(20.8)) == (None if since is None else moment(since))


def _queued(at: float, kind: str = "Queued") -> CallEvent:
    said = event(kind, at, callId="C1", deviceId="5000")
    assert isinstance(said, CallEvent)
    return said


@pytest.mark.parametrize(
    ("call", "at", "is_another"),
    [
        (_call(_left(), _came(5)), 21.8, True),
        (_call(_left(), _came(5)), 21.801, False),
        (_call(_left(), _came(5), waits_since=moment(1)), 21, False),
        (_call(_left(), _came(5, outside=True)), 21, False),
        (_call(_left(), _came(5, state=PartyState.ALERTING)), 21, False),
        (_call(_left()), 21, False),
        (_call(_came(5)), 21, False),
        (_call(_left(had_leg=False), _came(5)), 21, False),
        (_call(_left(), _came(5), main=9, joined_at=moment(20)), 21, False),
        (_call(_left(), _came(5), main=9, joined_at=moment(19.999)), 21, True),
    ],
)
def test_a_caller_queued_where_one_has_just_left_and_another_talks_is_in_another_call(
    call: CallState, at: float, is_another: bool
) -> None:
    assert queues_another(_work(), call, _queued(at)) is is_another
    assert not queues_another(_work(), call, _queued(at, "Delivered"))
