"""Lists of QMS users compared: who came, who changed in what, who went, and whether the new list is to be believed.

Pure: no Django, no sockets, no clock.
"""

from collections.abc import Iterable, Mapping

import msgspec

from qms.port import ListedUser, UnreadableUser

#: Maximum length of a stored text, in characters.
MAXIMUM_LENGTH = 255
COMPARED = (
    "user_name",
    "first_name",
    "last_name",
    "extension",
    "agent_id",
    "department_name",
    "recording_service",
    "active",
    "licence",
)


class Change(msgspec.Struct, frozen=True):
    """One field of a user that is not what it was."""

    field: str
    before: str
    after: str


class Changed(msgspec.Struct, frozen=True):
    """A user who stayed with what changed."""

    user: ListedUser
    changes: tuple[Change, ...]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What a new list changes. ``gone`` holds user ids."""

    added: tuple[ListedUser, ...]
    changed: tuple[Changed, ...]
    gone: tuple[str, ...]
    unchanged: int


def fit(user: ListedUser) -> ListedUser:
    """Return the user with every text as the database holds it; without a user id, the user name stands for it."""
    texts = {name: value for name, value in msgspec.structs.asdict(user).items() if isinstance(value, str)}
    fitting = {name: value.replace("\0", "")[:MAXIMUM_LENGTH] for name, value in texts.items() if name != "licence"}
    fitting["user_id"] = fitting["user_id"] or fitting["user_name"]
    return user if all(texts[name] == value for name, value in fitting.items()) else _replace(user, fitting)


def with_those_kept(
    known: Mapping[str, ListedUser], listed: Mapping[str, ListedUser], unreadable: Iterable[UnreadableUser]
) -> dict[str, ListedUser]:
    """Return a list with the known users who may be among the unreadable ones: they stay as they are.

    An unreadable one without a user id may be anybody: then nobody is taken for gone.
    """
    user_ids = {one.user_id for one in unreadable}
    kept = known if "" in user_ids else {key: known[key] for key in user_ids & known.keys()}
    return {**kept, **listed}


def compare(known: Mapping[str, ListedUser], listed: Mapping[str, ListedUser]) -> Difference:
    """Say how a list differs from the one that is known; both by user id."""
    stayed = [Changed(user, _changes(known[key], user)) for key, user in listed.items() if key in known]
    changed = tuple(one for one in stayed if one.changes)
    return Difference(
        added=tuple(user for key, user in listed.items() if key not in known),
        changed=changed,
        gone=tuple(key for key in known if key not in listed),
        unchanged=len(stayed) - len(changed),
    )


def doubt(known: int, listed: int, accepts_down_to: int | None) -> str:
    """Say why a list needs a person's confirmation, or "": it is empty, or a third smaller."""
    if accepts_down_to is not None and listed >= accepts_down_to:
        return ""
    if not listed:
        kept = f"; the {known} known are kept until someone confirms that they are gone" if known else ""
        return f"QMS listed no users{kept}. Check which users are allocated to this Recording Service in QMS."
    if listed * 3 <= known * 2:
        return (
            f"QMS listed {listed} users where {known} were known; those are kept until someone confirms the new list."
        )
    return ""


def _changes(before: ListedUser, after: ListedUser) -> tuple[Change, ...]:
    if before == after:
        return ()
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in COMPARED)
    return tuple(Change(name, _shown(old), _shown(new)) for name, old, new in pairs if old != new)


def _shown(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _replace(user: ListedUser, texts: Mapping[str, str]) -> ListedUser:
    return msgspec.structs.replace(user, **texts)


def by_user_id(users: Iterable[ListedUser]) -> dict[str, ListedUser]:
    """Return the users by id; of one listed twice (a page that moved while it was read) the later stands."""
    return {user.user_id: user for user in users}
