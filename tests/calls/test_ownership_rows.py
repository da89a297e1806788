"""Whose is it? The table of docs/call-identity.md, "Which leg owns a recording", row by row, over its edges of time.

Seconds count from Connected of call C1 at extension 2001. QMS is asked for C1's leg, and names recording G. Another
call, C2, may be at the extension before, meanwhile or afterwards.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from calls.core.state import SearchStatus
from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_gaps import link, snapshot

pytestmark = pytest.mark.core

START = 100.0
MANUAL = Path(__file__).parents[2] / "docs" / "call-identity.md"


@dataclass(frozen=True, kw_only=True)
class Other:
    """The extension's other call: when it was connected and left, and how late both were received."""

    connected: float
    ended: float | None = None
    late: float = 0.0
    #: The recording that QMS named for it before, when that began, when QMS was asked and when it answered.
    guid: str = ""
    began: float = 0.0
    asked: float | None = None
    named: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What happens; by default, C1's recording is its own without any doubt."""

    began: float = 0.1
    asked: float | None = 0.2
    answered: float = 3.0
    late: float = 0.0
    ended: float | None = None
    end_late: float = 0.0
    other: Other | None = None
    lost: float | None = None
    reused: bool = False
    #: When C1 is reported as connected again.
    repeated: float | None = None
    has_times: bool = True
    is_of_snapshot: bool = False

    def play(self) -> str:
        """Return who has G in the end: ``surely C1``, ``C1``, ``C2``, ``nobody``; ``again``: QMS is asked once more."""
        board = Switchboard(with_site(has_source_times=self.has_times))
        for _, step in sorted(self._steps(), key=lambda one: one[0]):
            step(board)
        (mine,) = [leg for leg in board.legs if leg.call_id == "C1"]
        if mine.search is SearchStatus.OPEN:
            return "again"
        owners = " and ".join(leg.call_id for leg in board.legs if leg.guid == "G")
        return f"surely {owners}" if mine.guid == "G" and mine.sure_at is not None else owners or "nobody"

    def _steps(self) -> list[tuple[float, Callable[[Switchboard], object]]]:
        steps = [_call("Established", 0.0, "C1", self.late), (self.answered, self._answer)]
        if self.is_of_snapshot:
            steps = [(-9.0, _hear_of_a_loss), (-0.001, _begin_snapshot), *steps, (0.001, _end_snapshot)]
        if self.ended is not None:
            steps.append(_call("ConnectionCleared", self.ended, "C1", self.end_late))
        if self.repeated is not None:
            steps.append(_call("Established", self.repeated, "C1", 0))
        if self.lost is not None:
            steps.append((self.lost, lambda board: board.hears(link("Lost", START + (self.lost or 0)))))
        if self.reused:
            steps.append((9, lambda board: board.call("Originated", START + 8, "C1", "2003").waits(START + 9)))
        return [*steps, *self._steps_of_other()]

    def _answer(self, board: Switchboard) -> object:
        asked = None if self.asked is None else START + self.asked
        return board.found(START + self.answered, _leg(board, "C1"), "G", started=START + self.began, asked=asked)

    def _steps_of_other(self) -> list[tuple[float, Callable[[Switchboard], object]]]:
        other = self.other
        if other is None:
            return []
        steps = [_call("Established", other.connected, "C2", other.late)]
        if other.ended is not None:
            steps.append(_call("ConnectionCleared", other.ended, "C2", other.late))
        if other.guid:
            steps.append((other.named, lambda board: _named_for_other(board, other)))
        return steps


def _named_for_other(board: Switchboard, other: Other) -> object:
    asked = None if other.asked is None else START + other.asked
    return board.found(START + other.named, _leg(board, "C2"), other.guid, started=START + other.began, asked=asked)


def _call(kind: str, at: float, call_id: str, late: float) -> tuple[float, Callable[[Switchboard], object]]:
    heard = replace(event(kind, START + at, callId=call_id, deviceId="2001"), gatewaytime=moment(START + at + late))
    return at + late, lambda board: board.hears(heard)


def _leg(board: Switchboard, call_id: str) -> int:
    return next(leg.number for leg in board.legs if leg.call_id == call_id)


def _hear_of_a_loss(board: Switchboard) -> object:
    board.call("Delivered", START - 9.5, "C1", "2001")
    return board.hears(link("Lost", START - 2.5), link("Restored", START - 1))


def _begin_snapshot(board: Switchboard) -> object:
    return board.hears(snapshot("Began", START))


def _end_snapshot(board: Switchboard) -> object:
    return board.hears(snapshot("Ended", START))


#: A call before C1 that QMS named G for, while it lasted and alone: its ownership was certain.
BEFORE = Other(connected=-1, ended=-0.05, guid="G", began=-0.9, asked=-0.5, named=-0.4)


def _edges(row: str, owners: Mapping[float, str], scene: Callable[[float], Scene]) -> list[tuple[str, Scene, str]]:
    return [(row, scene(edge), owner) for edge, owner in owners.items()]


def _held_by(connected: float, began: float) -> Scene:
    """Let C2 come after C1, and be named G first: the times alone decide, and C1 is asked for afterwards."""
    other = Other(connected=connected, guid="G", began=began, named=2.5)
    return Scene(began=began, asked=None, other=other, has_times=False)


def _long(ended: float | None) -> Other:
    """Return a call that came 5 s before C1, and that QMS named G for at once."""
    return Other(connected=-5, ended=ended, guid="G", began=-4.9, named=-4.7)


def _beside(connected: float, began: float, other: Other | None = None) -> Scene:
    """Let C2, connected then and without a recording, be heard of before C1's answer is; or another one than that."""
    return Scene(began=began, answered=8, other=other or Other(connected=connected), has_times=False)


_CERTAIN_ELSEWHERE = "another leg has the recording, and its ownership was certain"
_GOES_ON = "another leg has it, but had ended while QMS still named it as live"
_OF_BOTH = "another leg has it, and it began when both were connected (within 1 s)"
_LATE = (
    "it began more than 1.5 s after connected (by the source's own times, where that is heard over a second late and "
    "the clocks are known to agree), or at all after it where a snapshot found the leg"
)
_EARLY = "it began more than 1 s before connected, and Connected was received as it happened"
_EARLIER = (
    "it began more than 1 s before connected by the source's own times, and another leg was connected there as it"
    " began; or, with whatever times, QMS had named it for another leg that did not get it for this one's sake"
)
_REPEATED = (
    "the source reported again, with a later time, that the extension was connected, and it began with that report"
    " (not before it by over 0.25 s) and more than 0.25 s after connected"
)
_CERTAIN = (
    "Connected was received as it happened (within 0.25 s), QMS was asked while the leg lasted, and no other leg was"
    " connected there between began and the question"
)
_NEAR_END = (
    "it began more than 0.25 s after connected and less than 1 s before the leg ended, by the source's own times"
)
_AFTER = "it began when the leg had ended, or QMS was asked only then"
_LOST = "the link was lost while an unreported call could have begun it"
_REUSED = "the call's id was used again, no end was reported within a second, and its extension talks in another call"
_DOUBT = (
    "another leg of the extension without a recording was connected within 1 s of began, or within 6 s if the link"
    " stalls"
)
_NONE = "none of these"

#: (row of the table, what happens, who has G in the end); each limit just before it, at it and just after it.
CASES = [
    # QMS was asked for C2 just before, as and just after C1 was connected.
    *_edges(
        _CERTAIN_ELSEWHERE,
        {-0.001: "C2", 0: "nobody", 0.001: "nobody"},
        lambda asked: Scene(
            began=-0.9, answered=6, other=Other(connected=-1, guid="G", began=-0.9, asked=asked, named=5)
        ),
    ),
    # C2 is over, and QMS names its recording for a moment more: C1 asks on, where its Connected was not late.
    *_edges(
        _CERTAIN_ELSEWHERE,
        {0: "again", 0.25: "again"},
        lambda late: Scene(began=-0.9, asked=0.35, answered=0.4, late=late, other=BEFORE),
    ),
    # C2 ended just before, as and just after QMS was asked for C1.
    *_edges(
        _GOES_ON,
        {0.199: "C1", 0.2: "nobody", 0.201: "nobody"},
        lambda ended: Scene(
            began=-0.1,
            answered=0.4,
            other=Other(connected=-0.3, ended=ended, guid="G", began=-0.1, named=-0.01),
            has_times=False,
        ),
    ),
    # The same, where G fits C2 so well that C1 raised no doubt as it was heard of.
    *_edges(
        _GOES_ON,
        {0.199: "C1", 0.2: "again", 0.201: "again"},
        lambda ended: Scene(began=-4.9, answered=0.4, other=_long(ended), has_times=False),
    ),
    (_GOES_ON, Scene(began=-4.9, asked=None, answered=0.4, other=_long(0.1), has_times=False), "again"),
    (_GOES_ON, Scene(began=-4.9, answered=0.4, other=_long(None), has_times=False), "nobody"),
    (
        _GOES_ON,
        Scene(
            began=-0.1,
            asked=None,
            answered=0.4,
            has_times=False,
            other=Other(connected=-0.3, ended=0.1, guid="G", began=-0.1, named=-0.01),
        ),
        "nobody",
    ),
    # C2 was over before G began, which QMS named for it all the same.
    (
        _GOES_ON,
        Scene(began=-0.5, asked=None, other=Other(connected=-5, ended=-0.6, guid="G", began=-0.5, named=-0.1)),
        "C1",
    ),
    *_edges(_OF_BOTH, {-0.701: "nobody", 0.3: "nobody", 1: "nobody", 1.001: "C2"}, lambda b: _held_by(0.3, b)),
    *_edges(_OF_BOTH, {-1.001: "again", -0.001: "C1", 0: "nobody", 1: "nobody", 1.001: "C2"}, lambda b: _held_by(1, b)),
    *_edges(_OF_BOTH, {0.249: "C1", 0.3: "nobody", 1: "nobody", 1.001: "C2"}, lambda b: _held_by(1.3, b)),
    *_edges(
        _LATE, {1.499: "surely C1", 1.5: "surely C1", 1.501: "nobody"}, lambda began: Scene(began=began, asked=1.6)
    ),
    *_edges(
        _LATE, {1.499: "C1", 1.5: "C1", 1.501: "nobody"}, lambda began: Scene(began=began, asked=1.6, has_times=False)
    ),
    *_edges(
        _LATE,
        {-0.001: "surely C1", 0: "surely C1", 0.001: "nobody"},
        lambda began: Scene(began=began, asked=1.6, is_of_snapshot=True),
    ),
    *_edges(_EARLY, {-1.001: "again", -1: "C1", -0.999: "C1"}, lambda began: Scene(began=began)),
    # The leg is over: nothing is asked again.
    *_edges(_EARLY, {-1.001: "nobody", -1: "C1"}, lambda began: Scene(began=began, ended=1)),
    *_edges(
        _EARLIER,
        {-1.001: "again", -1: "C1"},
        lambda began: Scene(
            began=began, asked=0.6, late=0.5, other=Other(connected=-3, guid="G2", began=-2.9, named=-2.5)
        ),
    ),
    *_edges(_EARLIER, {-1.001: "again", -1: "nobody"}, lambda began: _held_by(0.5, began)),
    *_edges(_EARLY, {0.25: "again", 0.251: "C1"}, lambda late: Scene(began=-0.76, late=late)),
    *_edges(
        _REPEATED,
        {0.649: "surely C1", 0.65: "nobody", 1.5: "nobody"},
        lambda began: Scene(began=began, asked=1.6, repeated=0.9),
    ),
    *_edges(
        _REPEATED,
        {0.25: "surely C1", 0.251: "nobody"},
        lambda began: Scene(began=began, asked=0.5, repeated=0.1),
    ),
    # C2 was connected just before, as and just after QMS was asked for C1.
    *_edges(
        _CERTAIN, {0.199: "nobody", 0.2: "nobody", 0.201: "surely C1"}, lambda at: Scene(other=Other(connected=at))
    ),
    # C2 was connected after QMS was asked, and that was received in time, or late.
    *_edges(_CERTAIN, {0.25: "surely C1", 0.251: "nobody"}, lambda late: Scene(other=Other(connected=0.3, late=late))),
    *_edges(
        _CERTAIN,
        {0.25: "surely C1", 0.251: "nobody"},
        lambda late: Scene(late=late, asked=0.3, other=Other(connected=0.9)),
    ),
    *_edges(
        _CERTAIN,
        {-0.001: "nobody", 0: "surely C1", 0.001: "surely C1"},
        lambda asked: Scene(began=0, asked=asked, other=Other(connected=0.9)),
    ),
    *_edges(
        _CERTAIN,
        {0.199: "surely C1", 0.2: "surely C1", 0.201: "nobody"},
        lambda began: Scene(began=began, other=Other(connected=0.9)),
    ),
    *_edges(
        _CERTAIN,
        {-0.251: "nobody", -0.25: "surely C1"},
        lambda began: Scene(began=began, other=Other(connected=0.5)),
    ),
    # QMS was asked just before, as and just after C1 was connected.
    *_edges(_CERTAIN, {-0.001: "C1", 0: "surely C1"}, lambda asked: Scene(began=-0.1, asked=asked)),
    # C2 was over when the recording began, or C1 was connected; or it has a recording of its own.
    *_edges(
        _CERTAIN,
        {-0.001: "surely C1", 0: "surely C1", 0.001: "C1"},
        lambda ended: Scene(other=Other(connected=-5, ended=ended)),
    ),
    *_edges(
        _CERTAIN,
        {-0.101: "surely C1", -0.1: "surely C1", -0.099: "C1"},
        lambda ended: Scene(began=-0.1, other=Other(connected=-5, ended=ended)),
    ),
    (_CERTAIN, Scene(other=Other(connected=-5)), "C1"),
    (_CERTAIN, Scene(other=Other(connected=-5, guid="G2", began=-5, named=-4)), "surely C1"),
    # The link was lost within a second before C1 was connected, or before QMS was asked.
    *_edges(
        _CERTAIN,
        {-1.001: "surely C1", -1: "C1", 0.2: "C1", 0.201: "surely C1"},
        lambda lost: Scene(lost=lost),
    ),
    *_edges(_NEAR_END, {0.25: "surely C1", 0.251: "nobody"}, lambda began: Scene(began=began, asked=0.5, ended=0.8)),
    *_edges(_NEAR_END, {1.299: "nobody", 1.3: "surely C1"}, lambda ended: Scene(began=0.3, asked=0.5, ended=ended)),
    (_NEAR_END, Scene(began=0.3, asked=0.5, ended=0.8, has_times=False), "C1"),
    # C1 left just before, as and just after QMS was asked.
    *_edges(
        _CERTAIN,
        {0.199: "nobody", 0.2: "surely C1", 0.201: "surely C1"},
        lambda ended: Scene(ended=ended, other=Other(connected=0.9)),
    ),
    *_edges(
        _AFTER, {0.199: "surely C1", 0.2: "nobody", 0.201: "nobody"}, lambda b: Scene(began=b, asked=0.2, ended=0.2)
    ),
    *_edges(
        _AFTER, {0.499: "surely C1", 0.5: "surely C1", 0.501: "nobody"}, lambda asked: Scene(asked=asked, ended=0.5)
    ),
    (_AFTER, Scene(asked=None, ended=0.5), "C1"),
    # The end is received half a second late: whoever asked until then could not know of it.
    *_edges(
        _AFTER,
        {0.999: "surely C1", 1: "surely C1", 1.001: "nobody"},
        lambda asked: Scene(asked=asked, ended=0.5, end_late=0.5),
    ),
    *_edges(
        _LOST,
        {-1.001: "C1", -1: "nobody", 0: "nobody", 2: "nobody", 6.3: "nobody", 6.301: "C1"},
        lambda lost: Scene(began=0.3, lost=lost, has_times=False),
    ),
    *_edges(_LOST, {0.251: "nobody", 0.25: "C1"}, lambda began: Scene(began=began, lost=1, has_times=False)),
    *_edges(_REUSED, {5: "surely C1", 99: "nobody"}, lambda at: Scene(reused=True, other=Other(connected=4, ended=at))),
    # G fits C1, and C2 may have begun it too.
    *_edges(_DOUBT, {-0.901: "C1", -0.9: "nobody", 1.1: "nobody", 1.101: "C1"}, lambda at: _beside(at, 0.1)),
    # G does not fit C1: a link that stalls reports C2 up to 6 s late.
    *_edges(_DOUBT, {-0.701: "C1", -0.7: "nobody", 6.3: "nobody", 6.301: "C1"}, lambda at: _beside(at, 0.3)),
    *_edges(_DOUBT, {-1.301: "C1", -1.3: "nobody"}, lambda at: _beside(at, -0.3)),
    # G began before C1 was heard of: any call that was there may have begun it, but for one that was over.
    *_edges(_DOUBT, {-1.001: "nobody", -1: "C1"}, lambda began: _beside(-9, began)),
    # C2 was over when G began, or not yet.
    *_edges(
        _DOUBT,
        {-0.501: "C1", -0.5: "nobody"},
        lambda ended: Scene(began=-0.5, asked=None, late=0.3, other=Other(connected=-1, ended=ended)),
    ),
    # C2 came and left meanwhile: it was over while QMS named G as live; or it was over before G began.
    *_edges(
        _DOUBT,
        {0.599: "C1", 0.6: "nobody"},
        lambda ended: Scene(asked=0.6, other=Other(connected=0.15, ended=ended), has_times=False),
    ),
    *_edges(
        _DOUBT,
        {0.299: "C1", 0.3: "nobody"},
        lambda ended: Scene(began=0.3, asked=0.6, other=Other(connected=0.1, ended=ended), has_times=False),
    ),
    # C2 has a recording of its own.
    (_DOUBT, _beside(-1.1, -0.2, Other(connected=-1.1, guid="G2", began=-1.1, named=-0.5)), "C1"),
    (_DOUBT, _beside(-1.1, -0.2), "nobody"),
    # G began after C1 was heard of: a call that came at most a second before C1 may have begun it.
    *_edges(_DOUBT, {-1.001: "C1", -1: "nobody"}, lambda at: _beside(at, 1.2)),
    *_edges(_DOUBT, {1: "C1", 1.001: "nobody"}, lambda began: _beside(-0.5, began)),
    (_NONE, Scene(has_times=False), "C1"),
    (_NONE, Scene(began=-0.5, has_times=False), "C1"),
    (_NONE, Scene(began=1.2, asked=None), "C1"),
]


@pytest.mark.parametrize(("row", "scene", "owner"), CASES)
def test_a_recording_is_whose_the_table_says(row: str, scene: Scene, owner: str) -> None:
    assert scene.play() == owner, row


def test_each_row_of_the_manuals_table_is_tried() -> None:
    section = MANUAL.read_text().partition("## Which leg owns a recording")[2].partition("After a call was")[0]
    rows = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)

    assert [row for row in rows if row not in ("observation", "---")] == list(dict.fromkeys(row for row, _, _ in CASES))
