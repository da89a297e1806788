"""A Recording Service answers to do harm: what it costs the gateway. ``python -m devtools.attacks hostile-answers``."""

import pytest

from devtools.attacks.hostile_answers import KINDS, cost_of
from qms.soap.service import Limits

#: Of a whole answer, in seconds; a site's default is 5.
TIMEOUT = 1.0
QUICK = ("a head that never ends", "a body that never ends", "entities that grow to 3 GB", "a byte each half second")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[] if kind in QUICK else [pytest.mark.slow]) for kind in KINDS]
)
def test_no_answer_costs_more_than_its_time_and_a_little_memory(kind: str) -> None:
    cost = cost_of(kind, TIMEOUT)

    assert cost.ended_as.startswith("QmsUnavailable"), "nothing of it is taken for an answer"
    assert cost.seconds < TIMEOUT + 3
    assert cost.megabytes < 2 * Limits().max_bytes / 1_048_576 + 32
