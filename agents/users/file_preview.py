"""What a file of users would change, before it is taken: what is doubtful in it, in sentences. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from agents.users.list_changes import Difference, compare, doubt, fit
from qms.port import ListedUser

#: Each kind of doubt is shown for this many users; the others are counted.
SHOWN = 10


class FilePreview(msgspec.Struct, frozen=True):
    """What a file holds: its users by id, what they change, and doubts in sentences."""

    users: dict[str, ListedUser]
    difference: Difference
    doubts: tuple[str, ...]


def preview(listed: Sequence[ListedUser], known: Mapping[str, ListedUser], devices: Iterable[str]) -> FilePreview:
    """Compare a file with the users that are known, and with the extensions that the PBX has."""
    fitting = [fit(user) for user in listed]
    users = {user.user_id: user for user in fitting}
    doubts = [*_duplicates(fitting), *_shared_extensions(users.values()), *_lost_zeros(users.values(), set(devices))]
    if sentence := doubt(len(known), len(users), None):
        doubts.append(sentence)
    return FilePreview(users, compare(known, users), tuple(doubts))


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


def _sentence(items: Sequence[str], text: str) -> Iterator[str]:
    if items:
        more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
        yield f"{text}: {', '.join(items[:SHOWN])}{more}."
