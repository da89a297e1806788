"""A folder of recordings as Asterisk and Oreka write them, behind the contract of every recorder."""

import json
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from devtools.recorder_contract import AGENT, NOON, QUEUE, RecorderContract
from qms.adapters import ConnectionConfig
from qms.files.adapter import FileAdapter
from qms.files.names import BadPattern, read_pattern
from qms.port import (
    Flag,
    FlagAlreadyWritten,
    FlaggedRecording,
    ListedUser,
    QmsUnavailable,
    RecordingNotFound,
    UnreadableRecording,
)
from simulators.qms.files import SimulatedFileRecorder

ZONE = ZoneInfo("America/New_York")


class FileSide(SimulatedFileRecorder):
    """The recorder's side: its time is what the adapter takes for now."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, ZONE)
        self.now = NOON

    def set_now(self, now: datetime) -> None:
        """Let time pass: what is in progress is written to."""
        self.now = now
        self.goes_on(now)

    def begins(self, extension: str) -> None:
        """Begin a recording."""
        self.connected(extension, self.now)

    def ends(self, extension: str) -> None:
        """End it."""
        self.disconnected(extension, self.now)


def config_of(root: Path, **options: str) -> ConnectionConfig:
    given = {"folder": str(root), "extensions": "2001-2002, 0123", "time_zone": "America/New_York", **options}
    return ConnectionConfig(slug="files", options=tuple(given.items()))


def adapter(side: FileSide, **options: str) -> FileAdapter:
    return FileAdapter(config_of(side.root, **options), now=lambda: side.now)


@pytest.fixture
def side(tmp_path: Path) -> FileSide:
    return FileSide(tmp_path)


@pytest.fixture
def service(side: FileSide) -> FileAdapter:
    made = adapter(side)
    for definition in (AGENT, QUEUE):
        made.create_flag_definition(definition)
    return made


class TestFiles(RecorderContract):
    """The contract."""

    unknown_guid = "2026/03/02/external-2001-1-20260302-070000-1772452800.9.wav"
    precision = timedelta(seconds=1)
    seems_live = timedelta(seconds=10)

    @pytest.fixture
    def side(self, tmp_path: Path) -> FileSide:
        return FileSide(tmp_path)

    @pytest.fixture
    def config(self, side: FileSide) -> ConnectionConfig:
        return config_of(side.root)

    @pytest.fixture
    def away(self, side: FileSide) -> ConnectionConfig:
        return config_of(side.root / "not mounted")

    @pytest.fixture
    def service(self, side: FileSide, config: ConnectionConfig) -> FileAdapter:
        return FileAdapter(config, now=lambda: side.now)


def test_the_flags_are_plain_json_beside_the_recording(side: FileSide, service: FileAdapter) -> None:
    place = side.connected("2001", NOON)
    guid = str(place.relative_to(side.root))
    service.write_flags(guid, [Flag("AgentId", "9101")])
    service.write_flags(guid, [Flag("QueueName", "Sales")])

    first = json.loads(place.with_name(place.name + ".flags.json").read_text())
    second = json.loads(place.with_name(place.name + ".flags.2.json").read_text())
    assert first == {"recording": guid, "flags": {"AgentId": "9101"}, "writtenAt": "2026-03-02T12:00:00+00:00"}
    assert second["flags"] == {"QueueName": "Sales"}
    assert sorted(one.suffix for one in place.parent.iterdir()) == [".json", ".json", ".wav"]


def test_of_many_that_write_at_once_one_value_stands(side: FileSide, service: FileAdapter) -> None:
    guid = str(side.connected("2001", NOON).relative_to(side.root))
    gate, ends = threading.Barrier(8), []

    def write(value: str) -> None:
        gate.wait(10)
        try:
            ends.append(service.write_flags(guid, [Flag("AgentId", value)]))
        except FlagAlreadyWritten:
            ends.append(-1)

    threads = [threading.Thread(target=write, args=[f"A{number}"]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(ends) == [-1] * 7 + [1]
    assert len(service.flags(guid)) == 1


def test_a_write_that_dies_halfway_leaves_nothing_that_is_read(
    side: FileSide, service: FileAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    guid = str(side.connected("2001", NOON).relative_to(side.root))

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", dies)
    with pytest.raises(KeyboardInterrupt):
        service.write_flags(guid, [Flag("AgentId", "9101")])
    monkeypatch.undo()

    assert service.flags(guid) == []
    assert service.write_flags(guid, [Flag("AgentId", "9101")]) == 1


def test_a_sidecar_that_cannot_be_read_decides_nothing(side: FileSide, service: FileAdapter) -> None:
    place = side.connected("2001", NOON)
    place.with_name(place.name + ".flags.json").write_text("{half")
    guid = str(place.relative_to(side.root))

    with pytest.raises(QmsUnavailable):
        service.flags(guid)
    with pytest.raises(QmsUnavailable):
        service.write_flags(guid, [Flag("AgentId", "9101")])


@pytest.mark.parametrize("guid", ["../outside.wav", "/etc/passwd", "", "2026/03/02/notes.txt", "a\0b", "x" * 5000])
def test_a_guid_leads_to_no_other_file(side: FileSide, service: FileAdapter, guid: str) -> None:
    with pytest.raises(RecordingNotFound):
        service.flags(guid)
    with pytest.raises(RecordingNotFound):
        service.write_flags(guid, [Flag("AgentId", "9101")])


def test_a_link_in_the_folder_leads_to_no_file_outside(side: FileSide, service: FileAdapter, tmp_path: Path) -> None:
    place = side.connected("2001", NOON)
    secret = tmp_path.parent / "secret.wav"
    secret.write_bytes(b"x")
    place.unlink()
    place.symlink_to(secret)

    assert service.find_live_recording("2001") is None
    with pytest.raises(RecordingNotFound):
        service.flags(str(place.relative_to(side.root)))


def test_a_folder_that_is_not_mounted_is_unavailable_and_never_empty(side: FileSide, service: FileAdapter) -> None:
    gone = adapter(side, folder=str(side.root / "not-there"))
    for call in (gone.service_info, lambda: list(gone.users()), lambda: gone.find_live_recording("2001")):
        with pytest.raises(QmsUnavailable, match="cannot be read"):
            call()
    with pytest.raises(QmsUnavailable):
        gone.flags("2026/03/02/external-2001-1-20260302-070000-1.1.wav")


def test_extensions_keep_their_zeros(service: FileAdapter) -> None:
    assert [one.extension for one in service.users() if isinstance(one, ListedUser)] == ["2001", "2002", "0123"]


def test_a_name_that_is_too_long_for_a_guid_is_no_recording(side: FileSide, service: FileAdapter) -> None:
    side.connected("2001", NOON, other="4" * 120)

    assert service.find_live_recording("2001") is None


NAMES = {
    "{year}/{month}/{day}/*-{extension}-*-{date}-{time}-*.wav": "2026/03/02/q-2001-0163-20260302-120000-17.1.wav",
    "{date}_{time}_*_{extension}_*.wav": "20260302_120000_ABCD_2001_x.wav",
    "*-{extension}-{uniqueid}.wav": "out-2001-1772452800.17.wav",
    "{extension}/{epoch}-{call}-{extension}.mp3": "2001/1772452800-call7-2001.mp3",
    "{year}/{month}/{day}/{hour}/{date}_{time}_{extension}.gsm": "2026/03/02/12/20260302_120000_2001.gsm",
}


@pytest.mark.parametrize(("pattern", "name"), NAMES.items())
def test_names_of_several_recorders_are_read(pattern: str, name: str) -> None:
    read = read_pattern(pattern, UTC).read(name)

    assert read is not None
    assert (read.extension, read.began) == ("2001", NOON)


@pytest.mark.parametrize("caller", ["9-2002-1", "44-1632", "2002-", "-2002", "-" * 100])
def test_a_callers_number_with_separators_makes_no_recording_of_another_extension(caller: str) -> None:
    """The number comes from outside: it decides neither whose the recording is nor how long its name is looked at."""
    pattern = read_pattern("{year}/{month}/{day}/*-{extension}-*-{date}-{time}-*.wav", UTC)
    began = time.thread_time()

    assert pattern.read(f"2026/03/02/external-2001-{caller}-20260302-120000-17.1.wav") is None
    assert time.thread_time() - began < 0.5


def test_the_last_star_holds_whatever_is_left() -> None:
    read = read_pattern("{extension}_{epoch}_*.wav", UTC).read("2001_1772452800_a_b-c.d.wav")

    assert read is not None
    assert read.extension == "2001"


USELESS = (
    "*.wav",
    "{extension}.wav",
    "{date}-{time}.wav",
    "{extension}-{date}.wav",
    "../{extension}-{epoch}",
    "{x}",
    "extension-{date}-{time}.wav",
    "*{extension}-{epoch}.wav",
    "{extension}{date}-{time}.wav",
    "{extension}-{call}{epoch}.wav",
)


@pytest.mark.parametrize("pattern", USELESS)
def test_a_pattern_that_cannot_find_a_recording_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        read_pattern(pattern, UTC)


def test_options_that_cannot_be_used_are_named() -> None:
    options = {"folder": "here", "patterns": "*.wav", "extensions": "", "idle_seconds": "soon"}

    assert set(FileAdapter.problems(options)) == {"folder", "patterns", "extensions", "idle_seconds"}
    with pytest.raises(QmsUnavailable) as refusal:
        FileAdapter.from_config(ConnectionConfig(slug="x", options=tuple(options.items())))
    assert refusal.value.code == "Configuration"


def test_only_the_folders_of_the_days_in_question_are_looked_into(side: FileSide, service: FileAdapter) -> None:
    old = side.connected("2001", NOON - timedelta(days=3))
    os.utime(old, (NOON.timestamp(), NOON.timestamp()))

    assert service.find_live_recording("2001", NOON - timedelta(seconds=3)) is None


@pytest.mark.parametrize(
    ("patterns", "name"),
    [
        ("{extension}-{epoch}.wav", "2001-1772452800.wav"),
        ("{extension}-{epoch}.wav\n{extension}-{epoch}.*", "2001-1772452800.wav"),
        ("*/{extension}-{epoch}.wav", "a/2001-1772452800.wav"),
        ("{extension}/{extension}-{epoch}.wav", "2001/2001-1772452800.wav"),
        ("{call}/{extension}-{epoch}.wav", "17/2001-1772452800.wav"),
        ("[a]?/*/{extension}-{epoch}.wav", "[a]?/b/2001-1772452800.wav"),
    ],
)
def test_a_recording_is_listed_once_whatever_its_folder_is_called(side: FileSide, patterns: str, name: str) -> None:
    place = side.root / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"x")
    service = adapter(side, patterns=patterns)

    began = datetime.fromtimestamp(1772452800, UTC)
    listed = list(service.recordings(began - timedelta(hours=5), began + timedelta(hours=5)))
    assert [one.recording.guid for one in listed if isinstance(one, FlaggedRecording)] == [name]
    assert len(listed) == 1


def test_a_sidecar_that_cannot_be_read_spoils_no_other_recording(side: FileSide, service: FileAdapter) -> None:
    odd, _ = side.connected("2001", NOON), side.connected("2002", NOON)
    odd.with_name(odd.name + ".flags.json").write_text("{")

    kinds = [type(one) for one in service.recordings(NOON, NOON + timedelta(seconds=1))]
    assert kinds == [UnreadableRecording, FlaggedRecording]


def test_definitions_that_cannot_be_read_are_unavailable(side: FileSide, service: FileAdapter) -> None:
    (side.root / ".qms-gateway-flags" / "Gone.json").symlink_to("/nowhere")
    with pytest.raises(QmsUnavailable, match="definitions"):
        service.flag_definitions()
