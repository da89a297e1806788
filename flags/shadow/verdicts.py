"""Compare the flags of a recording that another gateway wrote with those that this one would have written; pure."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from unicodedata import category, normalize

import msgspec


class ShadowVerdict(StrEnum):
    """How one flag compares."""

    SAME = "same"
    MISSING_THERE = "missing_there"
    MISSING_HERE = "missing_here"
    OTHER_CASE = "other_case"
    OTHER_FORMAT = "other_format"
    CUT = "cut"
    OTHER_VALUE = "other_value"
    #: A flag that this gateway does not write, or did not then, as of another system: it counts for neither side.
    NOT_OURS = "not_ours"


#: What each verdict means, for the page.
WORDS = {
    ShadowVerdict.SAME: "the same value",
    ShadowVerdict.MISSING_THERE: "the other gateway did not write it",
    ShadowVerdict.MISSING_HERE: "only the other gateway wrote it",
    ShadowVerdict.OTHER_CASE: "the same but for upper and lower case",
    ShadowVerdict.OTHER_FORMAT: "the same letters and digits, written differently",
    ShadowVerdict.CUT: "one value is the beginning of the other",
    ShadowVerdict.OTHER_VALUE: "another value",
    ShadowVerdict.NOT_OURS: "a flag that this gateway does not write, or did not then",
}
#: How a sign is named, and the categories of signs that are not seen: control, format, unassigned and private ones.
_CODE, _UNSEEN = "[U+{:04X}]", ("Cc", "Cf", "Cn", "Co")
#: Verdicts that are no difference.
AGREEING = (ShadowVerdict.SAME, ShadowVerdict.NOT_OURS)


class ComparedFlag(msgspec.Struct, frozen=True):
    """One flag of a recording. ``ours`` and ``theirs`` are empty where the flag is missing."""

    name: str
    verdict: ShadowVerdict
    ours: str = ""
    theirs: str = ""


def compare_flags(
    ours: Mapping[str, str], theirs: Mapping[str, str], written_here: Collection[str]
) -> Sequence[ComparedFlag]:
    """Compare flag by flag, in the order of names. ``written_here``: all flags that this gateway wrote then and writes.

    Example: ours ``{"CallerName": "Meyer Ltd"}``, theirs ``{"CallerName": "MEYER LTD"}``: other case.
    """
    names = sorted(ours.keys() | theirs.keys())
    return [_compared(name, ours.get(name), theirs.get(name), name in written_here) for name in names]


def is_complete(flags: Sequence[ComparedFlag]) -> bool:
    """Say whether the other gateway has written every flag that this one would have; more may come otherwise."""
    return all(one.verdict is not ShadowVerdict.MISSING_THERE for one in flags)


def marked(text: str) -> str:
    """Return a text with the code of each sign that is not seen, or that looks like another: ``7[U+200B]``.

    So are blanks at its begin and end, or after another, marked, and letters that are written in another form.
    """
    return "".join(_marked(sign, text[max(at - 1, 0) : at], text[at + 1 : at + 2]) for at, sign in enumerate(text))


def _marked(sign: str, before: str, after: str) -> str:
    if sign == " ":
        return sign if before not in ("", " ") and after else _CODE.format(ord(sign))
    is_unseen = sign.isspace() or category(sign) in _UNSEEN
    if is_unseen:
        return _CODE.format(ord(sign))
    is_alike = category(sign).startswith("M") or normalize("NFKC", sign) != sign
    return sign + _CODE.format(ord(sign)) if is_alike else sign


def agrees(flags: Sequence[ComparedFlag]) -> bool:
    """Say whether the recording carries what this gateway would have written."""
    return all(one.verdict in AGREEING for one in flags)


def _compared(name: str, ours: str | None, theirs: str | None, is_known: bool) -> ComparedFlag:
    if not is_known:
        return ComparedFlag(name, ShadowVerdict.NOT_OURS, ours or "", theirs or "")
    if ours is None:
        return ComparedFlag(name, ShadowVerdict.MISSING_HERE, "", theirs or "")
    if theirs is None:
        return ComparedFlag(name, ShadowVerdict.MISSING_THERE, ours)
    return ComparedFlag(name, _verdict(ours, theirs), ours, theirs)


def _verdict(ours: str, theirs: str) -> ShadowVerdict:
    if ours == theirs:
        return ShadowVerdict.SAME
    if ours.casefold() == theirs.casefold():
        return ShadowVerdict.OTHER_CASE
    if _bare(ours) and _bare(ours) == _bare(theirs):
        return ShadowVerdict.OTHER_FORMAT
    short, long = sorted((ours.rstrip("…"), theirs.rstrip("…")), key=len)
    return ShadowVerdict.CUT if short and long.startswith(short) else ShadowVerdict.OTHER_VALUE


def _bare(text: str) -> str:
    """Return the letters and digits of a text, in whichever form Unicode has them: decomposed, or as wide as a kanji.

    Normalized again after the case is folded, which may take letters apart.
    """
    folded = normalize("NFKC", normalize("NFKC", text).casefold())
    return "".join(sign for sign in folded if sign.isalnum())
