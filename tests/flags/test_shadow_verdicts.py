"""Shadow mode: each way in which another gateway's flags differ has its name."""

import pytest

from flags.shadow.verdicts import ShadowVerdict, compare_flags, marked


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ("Sales", "Sales", ShadowVerdict.SAME),
        ("Sales", "SALES", ShadowVerdict.OTHER_CASE),
        ("+49 30 123", "+4930123", ShadowVerdict.OTHER_FORMAT),
        ("Kunde Süd", "Kunde Su\u0308d", ShadowVerdict.OTHER_FORMAT),
        ("4711", "\uff14\uff17\uff11\uff11", ShadowVerdict.OTHER_FORMAT),
        ("4711", "47\u200b11 ", ShadowVerdict.OTHER_FORMAT),
        ("Süd", "Sud", ShadowVerdict.OTHER_VALUE),
        ("4711", "\uff14\uff17\uff11\uff12", ShadowVerdict.OTHER_VALUE),
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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Kunde Süd", "Kunde Süd"),
        ("Su\u0308d", "Su\u0308[U+0308]d"),
        ("\uff17", "\uff17[U+FF17]"),
        ("7\u200b", "7[U+200B]"),
        ("a\xa0b", "a[U+00A0]b"),
        (" a  b ", "[U+0020]a [U+0020]b[U+0020]"),
        ("a\nb", "a[U+000A]b"),
        ("+49 (30) 1", "+49 (30) 1"),
    ],
)
def test_signs_that_are_not_seen_or_look_like_others_are_marked(text: str, shown: str) -> None:
    assert marked(text) == shown


def test_a_flag_of_another_system_is_no_difference() -> None:
    [found] = compare_flags({}, {"QualityScore": "7"}, {"QueueName"})
    assert found.verdict is ShadowVerdict.NOT_OURS
