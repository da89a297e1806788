"""What a file of users would change, before it is taken: what is doubtful in it, in sentences. Pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from agents.users.list_changes import Difference, compare, doubt, fit, with_those_kept
from qms.port import ListedUser, UnreadableUser

#: Each kind of doubt is shown for this many users; the others are counted.
SHOWN = 10


#: What Excel makes of a number that is no quantity: 4.42E+11, 2001.0, 1,234; and the mark with which it keeps a text.
_EXCEL_NUMBER = re.compile(r"\d+([.,]\d+)?[Ee]\+?\d+|\d+[.,]0+|\d{1,3}([.,]\d{3})+|'.*")


class FilePreview(msgspec.Struct, frozen=True):
    """What a file holds and changes.

    :param listed: how many of its users can be read.
    :param size: how many users the list has when those that cannot be read stay as they are.
    :param unreadable: the lines that cannot be read; known users who may be meant stay as they are.
    :param doubts: what a person should look at, in sentences.
    :param is_smaller: the list is so much smaller than the known one that it is taken only when a person says so.
    """

    listed: int
    size: int
    unreadable: tuple[UnreadableUser, ...]
    difference: Difference
    doubts: tuple[str, ...]
    is_smaller: bool


def preview(
    listed: Sequence[ListedUser | UnreadableUser], known: Mapping[str, ListedUser], devices: Iterable[str]
) -> FilePreview:
    """Compare a file with the users that are known, and with the extensions that the PBX has."""
    fitting = [fit(user) for user in listed if isinstance(user, ListedUser)]
    unreadable = tuple(user for user in listed if isinstance(user, UnreadableUser))
    users = {user.user_id: user for user in fitting}
    whole = with_those_kept(known, users, unreadable)
    is_smaller = bool(doubt(len(known), len(whole), None))
    doubts = [
        *_duplicates(fitting),
        *_shared_extensions(whole.values()),
        *_lost_zeros(users.values(), set(devices)),
        *_odd_extensions(users.values()),
    ]
    if is_smaller:
        doubts.append(
            f"The list is much smaller than the one that is known: {len(whole)} users instead of {len(known)}."
        )
    return FilePreview(len(users), len(whole), unreadable, compare(known, whole), tuple(doubts), is_smaller)


def _duplicates(listed: Sequence[ListedUser]) -> Iterator[str]:
    counts = Counter(user.user_id for user in listed)
    double = [f"{user_id} ({count} times)" for user_id, count in counts.items() if count > 1]
    yield from _sentence(double, "Listed more than once, the last line counts")


def _shared_extensions(users: Iterable[ListedUser]) -> Iterator[str]:
    active = Counter(user.extension for user in users if user.active and user.extension)
    shared = [f"{extension} ({count} users)" for extension, count in active.items() if count > 1]
    yield from _sentence(shared, "Extensions with several active users; none of them is matched by extension")


def _lost_zeros(users: Iterable[ListedUser], devices: set[str]) -> Iterator[str]:
    """Say which extensions differ from the PBX's by zeros in front, as after Excel took them for numbers."""
    by_number: dict[str, str] = {device.lstrip("0"): device for device in devices if device.startswith("0")}
    near = [
        f"{user.extension} of {user.user_name or user.user_id} (the PBX has {by_number[user.extension]})"
        for user in users
        if user.extension and user.extension not in devices and user.extension in by_number
    ]
    yield from _sentence(near, "Extensions that lack zeros in front; format the column as text in Excel")


def _odd_extensions(users: Iterable[ListedUser]) -> Iterator[str]:
    """Say which extensions look as if Excel had changed them, or hold characters that nobody sees."""
    odd = [
        f"{user.extension!a} of {user.user_name or user.user_id}"
        for user in users
        if _EXCEL_NUMBER.fullmatch(user.extension) or any(map(_is_unseen, user.extension))
    ]
    yield from _sentence(
        odd, "Extensions that look changed by Excel or hold unseen characters; they are taken as written"
    )


def _is_unseen(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cf", "Cc")


def _sentence(items: Sequence[str], text: str) -> Iterator[str]:
    if items:
        more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
        yield f"{text}: {', '.join(items[:SHOWN])}{more}."
