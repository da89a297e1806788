"""A call that nobody answered where it rang, and that is queued again: its caller is the same.

``Diverted`` says that it was led away from the phone, and so does the cause of ``ConnectionCleared``. What is queued
there again without such a sign, or later, may be the id's next call: its caller gave up.
"""

from typing import Any

import pytest

from tests.calls.test_handed_on_with_a_trunk import TIMES, timed
from tests.relatives.case import (
    JO,
    KNOWN,
    Case,
    Event,
    cleared,
    differences,
    diverted,
    flagged,
    queued,
    rings,
    talk,
)

pytestmark = pytest.mark.core

ANSWER = talk(24, 40, "100", "2002")
RINGS = [queued(1, "100", "5000", queue="Sales", **KNOWN), rings(5, "100", "2001")]
AGAIN = queued(16, "100", "5000", queue="Sales")


def away(device: str = "2001", to: str = "5000", at: float = 15.5, **members: Any) -> Event:
    return diverted(at, "100", device, to, **members)


KEPT = [
    timed(
        f"a call is queued again {how}",
        times,
        [*RINGS, *events, *ANSWER],
        [flagged("2002", 24, 40, "100", "R2", **known)],
    )
    for times in TIMES
    for how, events, known in (
        ("and led to its queue", [away(at=16), AGAIN], JO),
        ("a second after it was led there", [away(at=15), AGAIN], JO),
        ("after it was led away to no place that is named", [away(to="", at=16), AGAIN], JO),
        ("with a cause", [away(at=16, cause="callNotAnswered"), AGAIN], JO),
        (
            "in another queue",
            [away(to="5001", at=16), queued(16, "100", "5001", queue="Orders")],
            {**KNOWN, "queue": "Orders"},
        ),
        ("by a queue without a name", [away(at=16), queued(16, "100", "5000")], {**KNOWN, "queue": "5000"}),
        (
            "after several phones rang",
            [rings(5, "100", "2003"), away(at=16), away("2003", at=16), AGAIN],
            JO,
        ),
        (
            "after several phones rang, and is led away from them one by one",
            [
                rings(5, "100", "2003"),
                away(at=10),
                queued(10, "100", "5000", queue="Sales"),
                away("2003", at=16),
                AGAIN,
            ],
            JO,
        ),
        (
            "as often as nobody answers",
            [
                away(at=10),
                queued(10, "100", "5000", queue="Sales"),
                rings(11, "100", "2003"),
                away("2003", at=16),
                AGAIN,
            ],
            JO,
        ),
        (
            "after its phone is said not to have answered",
            [cleared(16, "100", "2001", cause="noAnswer"), AGAIN],
            JO,
        ),
    )
]


@pytest.mark.parametrize("one", KEPT, ids=str)
def test_nothing_is_lost_where(one: Case) -> None:
    assert differences(one) == ([], [])


OTHERS = [
    timed(
        f"a call is queued again {how}",
        times,
        [*RINGS, *events, *ANSWER],
        [flagged("2002", 24, 40, "100", "R2", queue="Sales")],
    )
    for times in TIMES
    for how, events in (
        ("long after it was led away", [away(at=10), AGAIN]),
        ("after it was led away from a phone that never rang", [away("2003", at=16), AGAIN]),
        ("and its phone was cleared", [cleared(16, "100", "2001"), AGAIN]),
        ("while its phone rings", [AGAIN]),
    )
]


@pytest.mark.parametrize("one", OTHERS, ids=str)
def test_nothing_is_given_to_another_caller_where(one: Case) -> None:
    assert differences(one) == ([], [])
