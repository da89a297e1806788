"""What a recorder holds, whatever it speaks: users, recordings, fields and their values."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID, uuid4


class Refusal(StrEnum):
    """Why the recorder refuses; each service has a word of its own for it."""

    NO_RECORDING = "no recording"
    NO_FIELD = "no field"
    FIELD_EXISTS = "field exists"
    OTHER_VALUE = "other value"
    TOO_LONG = "too long"
    BAD_REQUEST = "bad request"
    NOT_ALLOWED = "not allowed"
    BUSY = "busy"


class Refused(Exception):
    """The recorder says no, and about what."""

    def __init__(self, reason: Refusal, subject: str = "") -> None:
        """Take the reason, and the name or id that it is about."""
        super().__init__(f"{reason}: {subject}")
        self.reason, self.subject = reason, subject


@dataclass(frozen=True)
class Person:
    """A user of the recorder; ``licence`` is None, Unlimited or OnDemand as in the contract."""

    number: int
    login: str
    first_name: str
    last_name: str
    extension: str
    agent_id: str = ""
    department: str = ""
    server: str = "Any"
    is_active: bool = True
    licence: str = "Unlimited"


@dataclass(frozen=True)
class Recorded:
    """A recording; one without an end is in progress."""

    guid: UUID
    extension: str
    began: datetime
    ended: datetime | None = None


@dataclass(frozen=True)
class Field:
    """A field that recordings may have a value of; a length of 0 is no limit."""

    name: str
    length: int = 0


def guid_of(text: str) -> UUID:
    """Read a GUID in any form; raises ``Refused`` for what is none."""
    try:
        return UUID(text.strip())
    except ValueError as error:
        raise Refused(Refusal.BAD_REQUEST, text[:80]) from error


class Archive:
    """The memory of a recorder, and the truth for the tests; safe to use from several threads."""

    def __init__(self, people: Iterable[Person] = (), fields: Iterable[Field] = ()) -> None:
        """Begin with some users and fields, and no recording."""
        self._lock = threading.RLock()
        self._people = list(people)
        self._fields = {one.name: one for one in fields}
        self._recordings: dict[UUID, Recorded] = {}
        self._values: dict[UUID, dict[str, str]] = {}
        self._writes: Counter[tuple[UUID, str]] = Counter()

    def record(self, extension: str, began: datetime | None = None, guid: UUID | None = None) -> UUID:
        """Begin a recording at an extension and return its GUID."""
        one = Recorded(guid or uuid4(), extension, began or datetime.now(UTC))
        with self._lock:
            self._recordings[one.guid] = one
        return one.guid

    def end(self, guid: UUID, ended: datetime | None = None) -> None:
        """End a recording."""
        with self._lock:
            self._recordings[guid] = replace(self._recordings[guid], ended=ended or datetime.now(UTC))

    def flags(self, guid: UUID | str) -> dict[str, str]:
        """Return what a recording holds: the truth, whatever the service says."""
        with self._lock:
            return dict(self._values.get(UUID(str(guid)), {}))

    def writes(self, guid: UUID | str, name: str) -> int:
        """Return how often a flag of a recording was written, the same value again included."""
        with self._lock:
            return self._writes[UUID(str(guid)), name]

    def people(self) -> list[Person]:
        """Return the users."""
        with self._lock:
            return list(self._people)

    def replace_people(self, people: Iterable[Person]) -> None:
        """Have these users and no others."""
        with self._lock:
            self._people = list(people)

    def hire(self, person: Person) -> None:
        """Add a user."""
        with self._lock:
            self._people.append(person)

    def live(self, extension: str, not_before: datetime | None = None) -> Recorded | None:
        """Return the newest recording in progress at an extension."""
        with self._lock:
            found = [one for one in self._recordings.values() if one.extension == extension and one.ended is None]
        wanted = [one for one in found if not_before is None or one.began >= not_before]
        return max(wanted, key=lambda one: one.began, default=None)

    def fields(self) -> list[Field]:
        """Return the fields, in the order of their making."""
        with self._lock:
            return list(self._fields.values())

    def create_field(self, field: Field) -> None:
        """Add a field; raises ``Refused`` for one that exists."""
        with self._lock:
            if field.name in self._fields:
                raise Refused(Refusal.FIELD_EXISTS, field.name)
            self._fields[field.name] = field

    def write(self, guid: UUID, values: Mapping[str, str]) -> int:
        """Write values, all or none, and return how many; raises ``Refused``."""
        with self._lock:
            self._check(guid, values)
            self._values.setdefault(guid, {}).update(values)
            self._writes.update((guid, name) for name in values)
        return len(values)

    def _check(self, guid: UUID, values: Mapping[str, str]) -> None:
        held = self.read(guid)
        for name, value in values.items():
            if (field := self._fields.get(name)) is None:
                raise Refused(Refusal.NO_FIELD, name)
            if field.length and len(value) > field.length:
                raise Refused(Refusal.TOO_LONG, name)
            if held.get(name, value) != value:
                raise Refused(Refusal.OTHER_VALUE, name)

    def read(self, guid: UUID) -> dict[str, str]:
        """Return the values of a recording; raises ``Refused`` for an unknown one."""
        with self._lock:
            if guid not in self._recordings:
                raise Refused(Refusal.NO_RECORDING, str(guid))
            return self.flags(guid)

    def between(self, begin: datetime, end: datetime) -> list[Recorded]:
        """Return the recordings that began in the time, the oldest first."""
        with self._lock:
            found = [one for one in self._recordings.values() if begin <= one.began < end]
        return sorted(found, key=lambda one: one.began)
