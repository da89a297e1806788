"""A consultation that was about a held call, and what a snapshot finds under its id after a gap.

Times are seconds after noon: 2001 talks in the interaction I1 from 35, and consults 2002 from 53.6 under the id C2.
"""

from itertools import product
from typing import Any

import pytest

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, with_site

pytestmark = pytest.mark.core

DEVICES = {"the link is lost": {}, "the events of both phones are missed": {"devices": ["2001", "2002"]}}


def _link(kind: str, at: float, devices: dict[str, list[str]], family: str = "link") -> AnyEvent:
    more: dict[str, Any] = {**devices, **({"reason": "test"} if kind == "Lost" else {})}
    return event(kind, at, family=family, **more)


def _consulting(devices: dict[str, list[str]]) -> Switchboard:
    board = Switchboard().call("Established", 35, "C1", "2001", interactionId="I1").found(35.5, 1, "G1")
    board.call("Held", 50, "C1", "2001").call("Originated", 51, "C2", "2001", cause="consultation")
    board.call("Delivered", 51.1, "C2", "2002").call("Established", 53.6, "C2", "2002").found(54, 2, "G2")
    return board.hears(_link("Lost", 56, devices))


def _found(board: Switchboard, devices: dict[str, list[str]], stated: str) -> Switchboard:
    more = {"interactionId": stated} if stated else {}
    board.hears(_link("Restored", 116, devices), _link("Began", 116, devices, "snapshot"))
    board.call("Established", 116, "C2", "2002", **more).hears(_link("Ended", 116, devices, "snapshot"))
    return board.call("ConnectionCleared", 130, "C2", "2002", **more).waits(140)


def _of_colleague(board: Switchboard) -> list[tuple[float, str]]:
    starts = [began for _, began, _ in board.spans()]
    return [
        (began, leg.facts.interaction_id)
        for began, leg in zip(starts, board.legs, strict=True)
        if leg.device_id == "2002"
    ]


@pytest.mark.parametrize("devices", DEVICES.values(), ids=DEVICES)
def test_another_interaction_after_a_gap_is_not_the_consultations(devices: dict[str, list[str]]) -> None:
    assert _of_colleague(_found(_consulting(devices), devices, "I8")) == [(53.6, "I1"), (116.0, "I8")]


@pytest.mark.parametrize("stated", ["I1", ""])
@pytest.mark.parametrize("devices", DEVICES.values(), ids=DEVICES)
def test_a_consultation_goes_on_after_a_gap_where_no_other_interaction_is_stated(
    devices: dict[str, list[str]], stated: str
) -> None:
    assert _of_colleague(_found(_consulting(devices), devices, stated)) == [(53.6, "I1")]


def test_a_consultation_may_state_an_interaction_of_its_own_while_the_link_stands() -> None:
    board = Switchboard().call("Established", 35, "C1", "2001", interactionId="I1").call("Held", 50, "C1", "2001")
    board.call("Originated", 51, "C2", "2001").call("Established", 53.6, "C2", "2002", interactionId="I8")

    assert _of_colleague(board) == [(53.6, "I8")]


@pytest.mark.parametrize(("answers", "ends"), list(product([("2001", "2002"), ("2002", "2001")], repeat=2)))
@pytest.mark.parametrize("lasts", [0.3, 0.9])
@pytest.mark.parametrize("found", [[], ["2002"]])
@pytest.mark.parametrize("devices", DEVICES.values(), ids=DEVICES)
def test_a_short_talk_after_a_gap_ends_though_its_phone_had_dialled_under_the_id_before(
    devices: dict[str, list[str]], found: list[str], lasts: float, answers: tuple[str, str], ends: tuple[str, str]
) -> None:
    """2001 consults, 2002 rings over the gap, and a caller is queued under the id soon after both have talked."""
    board = Switchboard(with_site(has_source_times=False)).call("Established", 35, "C1", "2001", interactionId="I1")
    board.call("Held", 50, "C1", "2001").call("Originated", 51, "C2", "2001", cause="consultation")
    board.call("Delivered", 51.1, "C2", "2002").call("ConnectionCleared", 54, "C1", "2001")
    board.hears(_link("Lost", 56, devices), _link("Restored", 66, devices), _link("Began", 66, devices, "snapshot"))
    for device in found:
        board.call("Delivered", 66, "C2", device)
    board.hears(_link("Ended", 66, devices, "snapshot"))
    for one, device in enumerate(answers):
        board.call("Established", 70 + one / 500, "C2", device)
    for one, device in enumerate(ends):
        board.call("ConnectionCleared", 70.01 + lasts + one / 500, "C2", device)
    board.call("Queued", 70.4 + lasts, "C2", "5000", interactionId="I10").waits(100)

    talks = [leg for leg in board.legs if leg.call_id == "C2"]
    assert all(leg.disconnected_source_at is not None for leg in talks)
    assert {leg.device_id: leg.facts.queue_name for leg in talks} == {"2001": "", "2002": ""}
    assert "I10" not in {leg.facts.interaction_id for leg in talks}
