"""Which devices of a source are extensions whose calls have legs."""

from typing import Any

import pytest

from calls.core.device_lists import DeviceLists, NoExtension
from calls.core.source_state import SiteSettings
from calls.explain.texts.no_leg import SourceCoverage
from gateway_site.reconciliation.hearing import UNHEARD, HearingRules

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("lists", "why"),
    [
        ({}, None),
        ({"devices": {"2001", "2002"}}, None),
        ({"devices": {"2002"}}, NoExtension.NOT_LISTED),
        ({"devices": {"2002"}, "canaries": {"2001"}}, None),
        ({"devices": {"2001"}, "queues": {"2001"}}, NoExtension.QUEUE),
        ({"ignored": {"2001"}, "canaries": {"2001"}}, NoExtension.IGNORED),
        ({"ignored": {"2001"}, "queues": {"2001"}}, NoExtension.IGNORED),
        ({"needs_devices": True}, NoExtension.NOTHING_LISTED),
        ({"needs_devices": True, "canaries": {"2001"}}, None),
        ({"needs_devices": True, "devices": {"02001"}}, NoExtension.NOT_LISTED),
    ],
)
def test_fold_and_comparison_judge_an_extension_by_the_same_lists(
    lists: dict[str, Any], why: NoExtension | None
) -> None:
    named: dict[str, Any] = {name: frozenset(one) if isinstance(one, set) else one for name, one in lists.items()}

    assert DeviceLists(**named).why_no_extension("2001") is why
    assert SiteSettings(**named).is_extension("2001") is (why is None)
    assert (HearingRules(**named).lack("2001") == "") is (why is None)


def test_each_reason_has_its_words_in_the_answers_and_its_cause_in_the_comparison() -> None:
    assert {SourceCoverage(why).value for why in NoExtension} == {why.value for why in NoExtension}
    causes = [
        HearingRules(ignored=frozenset("1"), queues=frozenset("2"), devices=frozenset("3")).lack(n) for n in "124"
    ]
    assert tuple(causes) == UNHEARD
