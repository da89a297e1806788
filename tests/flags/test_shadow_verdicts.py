"""Shadow mode: each way in which another gateway's flags differ has its name."""

import pytest

from flags.shadow.verdicts import ShadowVerdict, compare_flags


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ("Sales", "Sales", ShadowVerdict.SAME),
        ("Sales", "SALES", ShadowVerdict.OTHER_CASE),
        ("+49 30 123", "+4930123", ShadowVerdict.OTHER_FORMAT),
        ("Sales and sup…", "Sales and support", ShadowVerdict.CUT),
        ("Sales", "Support", ShadowVerdict.OTHER_VALUE),
        ("Sales", None, ShadowVerdict.MISSING_THERE),
        (None, "Sales", ShadowVerdict.MISSING_HERE),
    ],
)
def test_each_way_to_differ_has_its_name(ours: str | None, theirs: str | None, verdict: ShadowVerdict) -> None:
    here, there = ({} if text is None else {"QueueName": text} for text in (ours, theirs))
    [found] = compare_flags(here, there, {"QueueName"})
    assert found.verdict is verdict


def test_a_flag_of_another_system_is_no_difference() -> None:
    [found] = compare_flags({}, {"QualityScore": "7"}, {"QueueName"})
    assert found.verdict is ShadowVerdict.NOT_OURS
