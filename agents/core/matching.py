"""Match agents with QMS users: pure, explained, exact.

What an administrator mapped by hand comes first; then extensions count: they are text and compared exactly. A near
miss is named, never used.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum

import msgspec

#: Shorter ends say nothing: every second extension ends in "1".
MINIMUM_END = 3
#: Maximum number of near misses or names in a sentence.
MAXIMUM_NAMED = 3
#: Maximum length of a foreign text in a sentence, in characters; a leg's reason holds 500.
MAXIMUM_SHOWN = 40
#: Maximum length of an administrator's text in a sentence, in characters.
MAXIMUM_QUOTED = 120


class MatchKind(StrEnum):
    """How the question "whose recording is this extension's?" was answered."""

    MATCHED = "matched"
    UNMATCHED = "user_unmatched"
    CONFLICT = "extension_conflict"
    INACTIVE = "user_inactive"
    UNLICENSED = "user_unlicensed"


class MatchVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one extension. ``services``: Recording Services to ask, in order, as primary keys.

    ``is_doubtful``: matched, but agent id or name differ, as the reason says. ``is_by_hand``: a mapping by hand
    decided, whether it could be used or not.
    """

    kind: MatchKind
    reason: str
    services: tuple[int, ...] = ()
    user_id: str = ""
    is_doubtful: bool = False
    is_by_hand: bool = False


# gc=False: there are many, and never in a cycle.
class Listed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A QMS user as one Recording Service lists it. ``recording_service``: an address, a node name, or "Any".

    ``user_id`` is a key of the Data Server: its Recording Services list the same user under the same one.
    """

    service_id: int
    user_id: str
    extension: str
    data_server_id: int = 0
    agent_id: str = ""
    name: str = ""
    active: bool = True
    licensed: bool = True
    recording_service: str = "Any"


class Instance(msgspec.Struct, frozen=True):
    """A Recording Service that records a CTI source's extensions, and the identifiers it answers for."""

    service_id: int
    identifiers: tuple[str, ...] = ()


class ManualMapping(msgspec.Struct, frozen=True, kw_only=True):
    """An administrator's statement that an agent is a user of a Data Server. ``user``: how the user was named then."""

    agent_id: str
    data_server_id: int
    user_id: str
    user: str
    by: str
    on: date
    reason: str


class _User(msgspec.Struct, frozen=True, gc=False):
    """One user, by however many services listed, and the services that may be asked for its recordings."""

    user_id: str
    extension: str
    agent_id: str
    name: str
    active: bool
    licensed: bool
    services: tuple[int, ...]


class Directory:
    """The QMS users of one CTI source, ready to be asked by extension.

    ``instances`` come in the order in which they are to be asked, ``mappings`` are those that stand, one an agent. The
    same user (id, extension and name) listed by several services is one user. With ``has_fixed_seating`` an agent whose
    id contradicts QMS's at the extension is not matched there. Answers are O(1) in the number of users.
    """

    def __init__(
        self,
        users: Iterable[Listed],
        instances: Sequence[Instance],
        mappings: Iterable[ManualMapping] = (),
        *,
        has_fixed_seating: bool = False,
    ) -> None:
        self._has_fixed_seating = has_fixed_seating
        self._at: dict[str, list[_User]] = defaultdict(list)
        self._elsewhere: dict[str, str] = {}
        self._ends: dict[str, list[str]] | None = None
        self._mappings = {one.agent_id: one for one in mappings if one.agent_id}
        mapped: dict[tuple[int, str], list[Listed]] = {_key(one): [] for one in self._mappings.values()}
        listed = _by_identity(_noted(users, mapped))
        self._mapped = {key: _merge(found, instances) for key, found in mapped.items() if found}
        for listings in listed.values():
            user = _merge(listings, instances)
            if user.services:
                self._at[user.extension].append(user)
            else:
                self._elsewhere[user.extension] = listings[0].recording_service

    def verdict(self, extension: str, agent_id: str = "", agent_name: str = "") -> MatchVerdict:
        """Say whose recording is made at an extension, with a reason in one sentence.

        An agent who is mapped by hand is that user or nobody. Else agent id and name are only compared: a difference is
        stated in the reason and, unless seating is fixed, refuses nothing.
        """
        if (mapping := self._mappings.get(agent_id)) is not None:
            return _by_hand(mapping, self._mapped.get(_key(mapping)))
        users = self._at.get(extension, ())
        active = [user for user in users if user.active]
        if len(active) > 1:
            return MatchVerdict(kind=MatchKind.CONFLICT, reason=_conflict(extension, active))
        if active:
            if self._has_fixed_seating and _is_another(active[0], agent_id, agent_name):
                return _at_anothers(active[0], agent_id)
            return _sole(active[0], agent_id, agent_name)
        if users:
            return MatchVerdict(kind=MatchKind.INACTIVE, reason=_inactive(users[0]), user_id=users[0].user_id)
        return MatchVerdict(kind=MatchKind.UNMATCHED, reason=self._unmatched(extension))

    def near_misses(self, extension: str) -> list[str]:
        """Return the listed extensions that someone may have meant by this one; they are shown, never used."""
        if self._ends is None:
            self._ends = _index_of_ends(self._at)
        plain = _plain(extension)
        found = {*self._ends.get(plain, ()), *self._listed_within(plain)}
        return sorted(found - {extension})

    def _listed_within(self, plain: str) -> Iterator[str]:
        """Yield the listed extensions that this longer form ends with: +49 89 555 2001 ends with 2001."""
        assert self._ends is not None
        for start in range(1, len(plain) - MINIMUM_END + 1):
            end = plain[start:]
            yield from (one for one in self._ends.get(end, ()) if _plain(one) == end)

    def _unmatched(self, extension: str) -> str:
        if not extension:
            return "The call names no extension, so no QMS user can be matched; check the CTI source's monitors."
        if extension in self._elsewhere:
            return (
                f"Extension {_shown(extension)} belongs in QMS to the Recording Service "
                f"{_shown(self._elsewhere[extension])}, which is not allocated to this CTI source or not enabled; "
                "allocate and enable it, or correct the user in QMS."
            )
        if near := self.near_misses(extension):
            return (
                f"No QMS user has extension {_shown(extension)}; QMS lists {_several(near)}, which is not "
                f"{_shown(extension)}: correct the extension in QMS, then refresh the QMS users."
            )
        return (
            f"No QMS user has extension {_shown(extension)}; create the user in QMS or correct its extension, then "
            "refresh the QMS users."
        )


def _key(one: Listed | ManualMapping) -> tuple[int, str]:
    return one.data_server_id, one.user_id


def _noted(users: Iterable[Listed], wanted: dict[tuple[int, str], list[Listed]]) -> Iterator[Listed]:
    """Yield the users, and note the wanted ones on the way, those without an extension too."""
    for user in users:
        if (found := wanted.get(_key(user))) is not None:
            found.append(user)
        yield user


def _by_identity(users: Iterable[Listed]) -> dict[tuple[str, str, str], list[Listed]]:
    found: dict[tuple[str, str, str], list[Listed]] = {}
    for user in users:
        if user.extension:
            found.setdefault((user.user_id, user.extension, user.name), []).append(user)
    return found


def _merge(listings: Sequence[Listed], instances: Sequence[Instance]) -> _User:
    first, active = listings[0], [one for one in listings if one.active]
    return _User(
        user_id=first.user_id,
        extension=first.extension,
        agent_id=next((one.agent_id for one in listings if one.agent_id), ""),
        name=first.name,
        active=bool(active),
        licensed=any(one.licensed for one in active or listings),
        services=_services(listings, instances),
    )


def _services(listings: Sequence[Listed], instances: Sequence[Instance]) -> tuple[int, ...]:
    """Return which to ask: all for "Any", else who answers for the user's identifier, else who listed the user."""
    listers = {one.service_id for one in listings}
    ours = tuple(one.service_id for one in instances if one.service_id in listers)
    wanted = {one.recording_service for one in listings}
    if ours and any(one.casefold() == "any" for one in wanted):
        return tuple(one.service_id for one in instances)
    return tuple(one.service_id for one in instances if wanted.intersection(one.identifiers)) or ours


def _sole(user: _User, agent_id: str, agent_name: str) -> MatchVerdict:
    if not user.licensed:
        reason = (
            f"{_named(user)} has extension {_shown(user.extension)} in QMS but no recording licence; give the user a "
            "licence in QMS, then refresh the QMS users."
        )
        return MatchVerdict(kind=MatchKind.UNLICENSED, reason=reason, user_id=user.user_id)
    doubt = _doubt(user, agent_id, agent_name)
    reason = f"Extension {_shown(user.extension)} is that of {_named(user)} in QMS{doubt}."
    return MatchVerdict(
        kind=MatchKind.MATCHED, reason=reason, services=user.services, user_id=user.user_id, is_doubtful=bool(doubt)
    )


def _by_hand(mapping: ManualMapping, user: _User | None) -> MatchVerdict:
    kind, trouble = _hindrance(user)
    who, agent = _shown(mapping.user), _shown(mapping.agent_id)
    act = f"mapped by hand by {_shown(mapping.by)} on {mapping.on:%Y-%m-%d}"
    why = _cut(mapping.reason.rstrip(". "), MAXIMUM_QUOTED)
    if user is None or trouble:
        reason = f"Agent {agent} was {act} to {who} in QMS ({why}), but {trouble}"
        return MatchVerdict(kind=kind, reason=reason, user_id=mapping.user_id, is_by_hand=True)
    reason = f"Agent {agent} is {_named(user)} in QMS, {act}: {why}."
    return MatchVerdict(kind=kind, reason=reason, services=user.services, user_id=user.user_id, is_by_hand=True)


def _hindrance(user: _User | None) -> tuple[MatchKind, str]:
    """Return why a user cannot be matched and what to do, or that it can."""
    if user is None:
        return MatchKind.UNMATCHED, "QMS no longer lists that user; map the agent to another user, or end the mapping."
    if not user.services:
        where = "a Recording Service that is not allocated to this CTI source or not enabled"
        return MatchKind.UNMATCHED, f"that user belongs to {where}; allocate and enable it, or end the mapping."
    if not user.active:
        what = "activate the user in QMS and refresh the QMS users, or end the mapping."
        return MatchKind.INACTIVE, f"that user is not active, so QMS does not record there; {what}"
    if not user.licensed:
        what = "give the user one in QMS and refresh the QMS users, or end the mapping."
        return MatchKind.UNLICENSED, f"that user has no recording licence; {what}"
    return MatchKind.MATCHED, ""


def _is_another(user: _User, agent_id: str, agent_name: str) -> bool:
    """Say whether the ids contradict. QMS's agent id holds a number or a name, so it is compared with both."""
    is_known = bool(agent_id and user.agent_id)
    return is_known and user.agent_id != agent_id and not _is_same_name(user.agent_id, agent_name)


def _at_anothers(user: _User, agent_id: str) -> MatchVerdict:
    reason = (
        f"Seats are fixed at this CTI source, and extension {_shown(user.extension)} is that of {_named(user)}, agent "
        f"id {_shown(user.agent_id)}, but agent {_shown(agent_id)} is logged on there: let the agent use the "
        "extension of their own, correct the agent id in QMS and refresh the QMS users, or map the agent by hand."
    )
    return MatchVerdict(kind=MatchKind.UNMATCHED, reason=reason, user_id=user.user_id)


def _doubt(user: _User, agent_id: str, agent_name: str) -> str:
    """Return what does not fit."""
    if _is_another(user, agent_id, agent_name):
        return (
            f", but QMS has agent id {_shown(user.agent_id)} there and the CTI source {_shown(agent_id)}: check who "
            "is logged on there, or correct the agent id in QMS"
        )
    if agent_name and user.name and not _is_same_name(user.name, agent_name):
        return (
            f", but the CTI source calls the agent there {_shown(agent_name)}: check who is logged on there, or "
            "correct the name in QMS"
        )
    return ""


def _conflict(extension: str, users: Sequence[_User]) -> str:
    return (
        f"Extension {_shown(extension)} belongs to {len(users)} active users in QMS "
        f"({_several([_named(user) for user in users])}), so neither is matched; make all but one inactive or correct "
        "their extensions in QMS, then refresh the QMS users."
    )


def _inactive(user: _User) -> str:
    return (
        f"{_named(user)} has extension {_shown(user.extension)} in QMS but is not active, so QMS does not record "
        "there; activate the user in QMS, then refresh the QMS users."
    )


def _index_of_ends(extensions: Iterable[str]) -> dict[str, list[str]]:
    """Return, for each plain form of an extension and each end of it, the extensions listed so."""
    ends: dict[str, list[str]] = defaultdict(list)
    for extension in extensions:
        plain = _plain(extension)
        ends[plain].append(extension)
        for start in range(1, len(plain) - MINIMUM_END + 1):
            ends[plain[start:]].append(extension)
    return ends


def _plain(extension: str) -> str:
    """Return the extension without what people add to it: signs, spaces, capitals and leading zeros."""
    kept = "".join(sign for sign in extension if sign.isalnum()).casefold()
    return kept.lstrip("0") or kept


def _is_same_name(one: str, other: str) -> bool:
    """Say whether two spellings name one person: "Archer, Alice" is "Alice Archer"."""
    return sorted(one.casefold().replace(",", " ").split()) == sorted(other.casefold().replace(",", " ").split())


def _named(user: _User) -> str:
    return f"{_shown(user.name) or 'a user without a name'} (user {_shown(user.user_id)})"


def _shown(text: str) -> str:
    return _cut(text, MAXIMUM_SHOWN)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _several(texts: Sequence[str]) -> str:
    """Join as a person would: a, b, c and 2 more."""
    shown = ", ".join(_shown(text) if len(text) > 2 * MAXIMUM_SHOWN else text for text in texts[:MAXIMUM_NAMED])
    return shown if len(texts) <= MAXIMUM_NAMED else f"{shown} and {len(texts) - MAXIMUM_NAMED} more"
