"""A phone holds a call that has no recording and answers another within a second: the recording is the second's.

Uma's call 100 is connected at 13.5 and put on hold; Vic's call 101 is connected then. Times are seconds.
"""

import pytest

from tests.relatives.case import Case, Recording, cleared, established, holds, played, queued, retrieves

pytestmark = pytest.mark.core

#: When Uma is put on hold, Vic's call is connected and heard, and the recording begins; and whose it is.
TIMES: dict[str, tuple[float, float, float, float, str]] = {
    "named before the second answer is heard": (13.9, 14.1, 14.15, 14.12, "Vic"),
    "named after the second answer is heard": (13.9, 14.1, 14.11, 14.12, "Vic"),
    "it began before the second answer is heard, and just after the hold": (13.9, 14.0, 14.05, 13.95, "Vic"),
    "held soon after the first answer": (13.7, 13.85, 13.9, 13.87, "Vic"),
    "it began with either answer": (13.55, 13.65, 13.7, 13.68, "nobody"),
    "it began with the first answer": (13.9, 14.1, 14.15, 13.55, "Uma"),
    "it began with no answer": (13.9, 14.5, 14.55, 13.95, "nobody"),
    "it began with the first answer, as that call was put on hold": (13.58, 14.1, 14.15, 13.65, "Uma"),
    "it began just before the second answer may have been": (13.58, 13.95, 14.0, 13.69, "Uma"),
    "it began with the first answer, and may have begun with the second": (13.58, 13.93, 14.0, 13.69, "nobody"),
}


def _owner(held: float, answered: float, heard: float, began: float) -> str:
    uma = [queued(0, "100", interaction="I1", name="Uma"), established(13.5, "100", "2001"), holds(held, "100", "2001")]
    answer = {**established(answered, "101", "2001", interaction="I2"), "callerName": "Vic", "heard": heard}
    ends = [cleared(22, "101", "2001"), retrieves(22.5, "100", "2001"), cleared(27, "100", "2001")]
    recordings: list[Recording] = [("R1", "2001", began, 22)]
    events = [*uma, {**answer, "callerNameSource": "global_phonebook"}, *ends]
    replay = played(Case("", events, [], recordings=recordings))
    flags = [replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid == "R1"]
    return next((one["CallerName"] for one in flags if one), "nobody")


@pytest.mark.parametrize(("held", "answered", "heard", "began", "owner"), TIMES.values(), ids=TIMES)
def test_a_recording_that_began_with_the_second_answer_is_the_second_calls(
    held: float, answered: float, heard: float, began: float, owner: str
) -> None:
    assert _owner(held, answered, heard, began) == owner
