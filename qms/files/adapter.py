"""A folder of recordings that are files, as Asterisk's MixMonitor and Oreka write them: a kind of recorder.

A recording's GUID is its path in the folder. It is live while it is written to. Its flags are in JSON files beside it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import ClassVar, Literal, Self
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec

import clock
from qms.adapters import AdapterOption, ConnectionCheck, ConnectionConfig
from qms.files.folder import FoundFile, RecordingFolder
from qms.files.names import BadPattern, NamePattern, read_pattern
from qms.files.sidecars import add_flags, read_flags, write_once
from qms.port import (
    Flag,
    FlagDefinition,
    FlaggedRecording,
    Licence,
    ListedUser,
    QmsRejected,
    QmsUnavailable,
    Recording,
    ServiceInfo,
    UnknownFlag,
    UnreadableRecording,
    UnreadableUser,
    ValueTooLong,
)

#: Flag definitions are kept here, one file each.
DEFINITIONS = ".qms-gateway-flags"
#: How far back a live recording may have begun where the gateway does not say, in hours.
LIVE_WITHIN = timedelta(hours=24)
#: Maximum number of extensions that ranges name.
MAXIMUM_EXTENSIONS = 100_000
FREEPBX = "{year}/{month}/{day}/*-{extension}-*-{date}-{time}-*.wav"
# A file that has not grown for this long is finished, in seconds.
_DEFAULT_IDLE_SECONDS = 10.0


class FileAdapter:
    """A ``RecorderAdapter`` over a folder. ``now`` is an argument where a test moves the clock."""

    kind: ClassVar[str] = "files"
    label: ClassVar[str] = "Folder of recordings (Asterisk MixMonitor, Oreka)"
    address: ClassVar[Literal["required", "unused"]] = "unused"
    check_names: ClassVar[Sequence[str]] = ("Folder", "File names")
    options: ClassVar[Sequence[AdapterOption]] = (
        AdapterOption(
            key="folder",
            label="Folder",
            required=True,
            help_text="Path of the folder as the gateway's machine sees it. It must be able to write there.",
        ),
        AdapterOption(
            key="patterns",
            label="File names",
            required=True,
            default=FREEPBX,
            lines=3,
            help_text="Patterns of paths within the folder, one a line: {extension}, {date} {time} or {epoch} or "
            "{uniqueid}, {call}, {year} {month} {day} {hour} for folders, * for anything.",
        ),
        AdapterOption(
            key="extensions",
            label="Extensions",
            required=True,
            lines=3,
            help_text="The extensions that are recorded: 2001, or 2001-2099, separated by commas or lines.",
        ),
        AdapterOption(key="time_zone", label="Time zone of the names", default="UTC", help_text="As in Europe/London."),
        AdapterOption(
            key="idle_seconds",
            label="Ended after (seconds)",
            default=f"{_DEFAULT_IDLE_SECONDS:g}",
            help_text="A recording has ended when its file was not written to for this long.",
        ),
    )

    def __init__(self, config: ConnectionConfig, now: Callable[[], datetime] = clock.now) -> None:
        self._now = now
        self._slug = config.slug
        self._folder = RecordingFolder(Path(config.option("folder")), _patterns(dict(config.options)))
        self._extensions = list(_extensions(config.option("extensions")))
        self._idle = timedelta(seconds=_idle_seconds(dict(config.options)))

    @classmethod
    def from_config(cls, config: ConnectionConfig) -> Self:
        """Make an adapter; raises ``QmsUnavailable`` for options that cannot be used."""
        if problems := cls.problems(dict(config.options)):
            key, problem = next(iter(problems.items()))
            raise QmsUnavailable(f"{key}: {problem}", code="Configuration")
        return cls(config)

    @classmethod
    def problems(cls, options: Mapping[str, str]) -> Mapping[str, str]:
        """Return what is wrong with the options."""
        found: dict[str, str] = {}
        for key, look in (
            ("patterns", _patterns),
            ("extensions", _checked_extensions),
            ("idle_seconds", _idle_seconds),
        ):
            try:
                look(options)
            except ValueError as error:
                found[key] = str(error)
        if not Path(options.get("folder", "")).is_absolute():
            found["folder"] = "Give a whole path, from / on."
        return found

    @property
    def clock_offset_seconds(self) -> float | None:
        """Return None: the recorder's clock is not known."""
        return None

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def checks(self) -> Sequence[ConnectionCheck]:
        """Return the steps of Test connection that come first."""
        return (
            ConnectionCheck(
                "Folder",
                self._folder_found,
                "Check the path, whether its file system is mounted, and that the gateway's user may write there.",
            ),
            ConnectionCheck(
                "File names", self._names_found, "Compare the patterns with the names of a few files of today."
            ),
        )

    def service_info(self) -> ServiceInfo:
        """Say which folder it is."""
        self._folder.check()
        return ServiceInfo(self._slug, str(self._folder.root), "1", ())

    def users(self) -> Iterator[ListedUser | UnreadableUser]:
        """Yield a user for each extension that is recorded."""
        self._folder.check()
        for extension in self._extensions:
            yield ListedUser(
                user_id=extension,
                user_name=extension,
                first_name="",
                last_name="",
                extension=extension,
                recording_service="Any",
                active=True,
                licence=Licence.UNLIMITED,
            )

    def find_live_recording(self, extension: str, not_started_before: datetime | None = None) -> Recording | None:
        """Return the newest recording of the extension that is being written to, or None."""
        now = self._now()
        # Names state whole seconds: what began within the second asked for counts.
        since = (not_started_before or now - LIVE_WITHIN).replace(microsecond=0)
        live = [
            one
            for one in self._folder.between(since, now + LIVE_WITHIN)
            if one.named.extension == extension and not self._has_ended(one)
        ]
        newest = max(live, key=lambda one: (one.named.began, one.named.path), default=None)
        return self._recording(newest) if newest else None

    def flag_definitions(self) -> list[FlagDefinition]:
        """Return the flags that were created for this folder."""
        self._folder.check()
        places = (self._folder.root / DEFINITIONS).glob("*.json")
        try:
            files = sorted(places, key=lambda one: (one.stat().st_mtime_ns, one))
            return [msgspec.json.decode(one.read_bytes(), type=FlagDefinition) for one in files]
        except (OSError, msgspec.DecodeError) as error:
            raise QmsUnavailable("The definitions of flags cannot be read.") from error

    def create_flag_definition(self, definition: FlagDefinition) -> FlagDefinition:
        """Create a flag. Raises ``QmsRejected`` with code FlagAlreadyExists when it exists."""
        self._folder.check()
        folder = self._folder.root / DEFINITIONS
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise QmsUnavailable(f"The folder cannot be written to: {error.strerror}.") from error
        if not write_once(folder / f"{quote(definition.name, safe='')}.json", msgspec.json.encode(definition)):
            raise QmsRejected(f"The flag exists already ({definition.name}).", code="FlagAlreadyExists")
        return definition

    def write_flags(self, guid: str, flags: Sequence[Flag]) -> int:
        """Write flags to a recording, all or nothing, and return how many were new."""
        place = self._folder.place_of(guid)
        lengths = {one.name: one.max_length for one in self.flag_definitions()}
        for flag in flags:
            if flag.name not in lengths:
                raise UnknownFlag(f"The flag was not created ({flag.name}).")
            if len(flag.value) > (lengths[flag.name] or len(flag.value)):
                raise ValueTooLong(f"The value is longer than the flag allows ({flag.name}).")
        return add_flags(place, guid, flags, self._now().astimezone(UTC).isoformat())

    def flags(self, guid: str) -> list[Flag]:
        """Read back what a recording carries."""
        return [Flag(name, value) for name, value in read_flags(self._folder.place_of(guid)).items()]

    def recordings(self, begin: datetime, end: datetime) -> Iterator[FlaggedRecording | UnreadableRecording]:
        """Yield the recordings that began in [begin, end), oldest first, with their flags."""
        found = sorted(self._folder.between(begin, end), key=lambda one: (one.named.began, one.named.path))
        for one in found:
            yield self._flagged(one)

    def _flagged(self, one: FoundFile) -> FlaggedRecording | UnreadableRecording:
        try:
            held = read_flags(self._folder.root / one.named.path)
        except QmsUnavailable as error:
            self._folder.check()  # Without the folder, it is no single recording that cannot be read.
            return UnreadableRecording(str(error))
        return FlaggedRecording(self._recording(one), tuple(Flag(name, value) for name, value in held.items()))

    def _recording(self, one: FoundFile) -> Recording:
        ended = one.written_at if self._has_ended(one) else None
        return Recording(one.named.path, one.named.extension, one.named.began, ended)

    def _has_ended(self, one: FoundFile) -> bool:
        return self._now() - one.written_at > self._idle

    def _folder_found(self) -> str:
        self._folder.check()
        probe = self._folder.root / f".qms-gateway-test-{self._slug}"
        probe.unlink(missing_ok=True)
        try:
            write_once(probe, b"test\n")
        finally:
            probe.unlink(missing_ok=True)
        return f"{self._folder.root} can be read and written to."

    def _names_found(self) -> str:
        now = self._now()
        found = list(self._folder.between(now - timedelta(days=1), now + timedelta(minutes=5)))
        if not found:
            return "No recording of the last 24 hours has a name of these patterns. Make a call and test again."
        newest = max(found, key=lambda one: one.named.began)
        began = newest.named.began.strftime("%Y-%m-%d %H:%M:%S")
        extension = newest.named.extension
        recordings = "1 recording" if len(found) == 1 else f"{len(found)} recordings"
        return f"{recordings} of the last 24 hours; the newest: extension {extension}, {began} UTC."


def _zone(options: Mapping[str, str]) -> tzinfo:
    name = options.get("time_zone") or "UTC"
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadPattern(f"{name!r} is no time zone.") from None


def _patterns(options: Mapping[str, str]) -> list[NamePattern]:
    lines = [line for line in (options.get("patterns") or FREEPBX).splitlines() if line.strip()]
    zone = _zone(options)
    return [read_pattern(line, zone) for line in lines]


def _checked_extensions(options: Mapping[str, str]) -> list[str]:
    if not (found := list(_extensions(options.get("extensions", "")))):
        raise ValueError("Name at least one extension.")
    return found


def _extensions(text: str) -> Iterator[str]:
    """Yield the extensions of a list such as "2001-2003, 0123"; zeros in front are kept."""
    count = 0
    for word in text.replace(",", " ").replace(";", " ").split():
        first, dash, last = word.partition("-")
        numbers = range(int(first), int(last) + 1) if dash and first.isdecimal() and last.isdecimal() else None
        if numbers is None:
            yield word
            continue
        count += len(numbers)
        if count > MAXIMUM_EXTENSIONS or not numbers:
            raise ValueError(f"{word} is no range of at most {MAXIMUM_EXTENSIONS} extensions.")
        yield from (str(number).zfill(len(first)) for number in numbers)


def _idle_seconds(options: Mapping[str, str]) -> float:
    text = options.get("idle_seconds") or str(_DEFAULT_IDLE_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:
        raise ValueError("Give a number of seconds from 1 to 3600.")
    return seconds
