"""The archive has every event of the journal once, whatever was interrupted, and says what it cannot read."""

import gzip
import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from cti import api
from cti.archive import files
from cti.archive.archiver import archive_journals, archive_source
from cti.archive.files import ArchivedFrame, ArchiveUnwritable, DamagedPlace, SourceArchive, lines_of
from cti.archive.frames import BEGINNING, VERSION, FrameError, header_of, pack_frame, read_entries, read_prefix
from cti.events import Event
from cti.journal.archive_status import archive_reports
from cti.journal.fold_marks import folded_by, note_folded
from cti.journal.stream import Entry, read_journal
from cti.journal.writer import JournalWriter
from gateway_site.ops.health_parts import health
from tests.cti.examples import AT, established, source

NOW = AT + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, settings: Settings) -> None:
    settings.ARCHIVE_DIR = tmp_path / "archive"


def now() -> datetime:
    return NOW


def append(*numbers: int, call: str = "4711", epoch: int = 5000) -> None:
    writer = JournalWriter("pbx", epoch)
    writer._count = numbers[0] - 1
    made: Sequence[Event] = [established(f"event-{number}", call=call) for number in numbers]
    writer.append(made)


def copy() -> int:
    return archive_source("pbx", now, NOW + timedelta(seconds=1))


def copy_one(archive: SourceArchive) -> None:
    with archive.locked():
        position = archive.position()
        archive.append(read_journal("pbx", position, 1), position, NOW)


def archived() -> list[str]:
    """Return the ids of all entries that can be read."""
    found = [one for one in api.source_archive("pbx").frames() if isinstance(one, ArchivedFrame)]
    return [entry.id for frame in found for entry in read_entries(lines_of(frame))]


def only_file() -> Path:
    (path,) = api.source_archive("pbx").files()
    return path


def test_every_event_is_archived_once_in_order(redis: object) -> None:
    append(1, 2, 3)
    assert copy() == 3
    append(4, 5)
    assert copy() == 2
    assert copy() == 0

    assert archived() == ["5000-1", "5000-2", "5000-3", "5000-4", "5000-5"]
    text = gzip.decompress(only_file().read_bytes())  # As zcat would.
    assert text.splitlines()[4].startswith(b'5000-5 {"type":"csta.call.Established"')


def test_its_files_are_the_owners_alone(redis: object) -> None:
    append(1)
    copy()

    assert only_file().stat().st_mode & 0o777 == 0o600
    assert only_file().parent.stat().st_mode & 0o777 == 0o700


def test_a_frame_torn_by_a_crash_is_written_again_and_what_was_before_it_is_read(redis: object) -> None:
    append(1, 2)
    copy()
    whole = only_file().stat().st_size
    append(3)
    copy()
    for torn in (whole + 1, whole + 30, only_file().stat().st_size - 1):
        os.truncate(only_file(), torn)
        assert archived() == ["5000-1", "5000-2"]
        assert api.source_archive("pbx").position() == "5000-2"

        copy()
        assert archived() == ["5000-1", "5000-2", "5000-3"]


def test_a_frame_that_a_power_loss_left_empty_is_written_again(redis: object) -> None:
    append(1, 2)
    copy()
    whole = only_file().stat().st_size
    append(3)
    copy()
    with only_file().open("r+b") as file:
        file.seek(-20, os.SEEK_END)
        file.write(bytes(20))
    assert only_file().stat().st_size > whole

    copy()

    assert archived() == ["5000-1", "5000-2", "5000-3"]


def test_what_follows_a_damaged_place_is_read(redis: object) -> None:
    for number in (1, 2, 3):
        append(number)
        copy()
    raw = bytearray(only_file().read_bytes())
    second = [found.start() for found in BEGINNING.finditer(raw)][1]
    raw[second : second + 4] = b"\0\0\0\0"
    only_file().write_bytes(raw)

    found = list(api.source_archive("pbx").frames())

    assert archived() == ["5000-1", "5000-3"]
    assert [one.why for one in found if isinstance(one, DamagedPlace)] == ["no frame begins here"]


def test_a_frame_of_a_later_version_is_named_as_such(redis: object) -> None:
    append(1)
    copy()
    raw = bytearray(only_file().read_bytes())
    assert raw[16] == VERSION
    raw[16] = VERSION + 1
    only_file().write_bytes(raw)

    (found,) = api.source_archive("pbx").frames()

    assert isinstance(found, DamagedPlace)
    assert found.why == "a later version of the gateway wrote it (form 2)"


def test_events_that_the_journal_forgot_before_they_were_archived_show_as_a_break_in_the_chain(redis: object) -> None:
    append(1)
    copy()
    append(*range(2, 400))
    assert api.trim_journal("pbx", "5000-399")
    copy()

    first, second = (one.header for one in api.source_archive("pbx").frames() if isinstance(one, ArchivedFrame))

    assert (first.after, first.last) == ("0-0", "5000-1")
    assert second.after == api.journal_state("pbx").first_id


def test_each_hour_has_a_file_of_its_own(redis: object, monkeypatch: pytest.MonkeyPatch) -> None:
    append(1)
    copy()
    monkeypatch.setattr(files, "MAXIMUM_FILE_BYTES", 1)  # The same hour, but the file is full.
    append(2)
    copy()

    names = [path.name for path in api.source_archive("pbx").files()]

    assert names == [f"{5000:020}-{1:020}.gz", f"{5000:020}-{2:020}.gz"]
    assert archived() == ["5000-1", "5000-2"]


def test_a_clock_that_was_put_back_changes_neither_order_nor_what_is_kept(redis: object, tmp_path: Path) -> None:
    archive = SourceArchive(tmp_path / "pbx")
    with archive.locked():
        for at, entry_id in ((NOW, "5000-1"), (NOW - timedelta(hours=3), "5000-2")):
            archive.append([api.Entry(entry_id, b"not JSON")], "0-0", at)

    headers = [one.header for one in archive.frames() if isinstance(one, ArchivedFrame)]

    assert [one.first for one in headers] == ["5000-1", "5000-2"]
    assert [one.begin for one in headers] == [NOW, NOW - timedelta(hours=3)]
    assert archive.position() == "5000-2"


def test_a_caller_is_erased_from_all_files_and_the_rest_stays(redis: object) -> None:
    append(1, call="of the caller")
    append(2)
    copy()
    append(3, call="of the caller")
    copy()

    assert api.erase_from_archives(re.compile(b"of the caller")) == 2

    assert archived() == ["5000-2"]
    assert b"of the caller" not in gzip.decompress(only_file().read_bytes())
    assert only_file().stat().st_mode & 0o777 == 0o600
    assert api.source_archive("pbx").position() == "5000-3"
    assert copy() == 0  # What was erased is not archived again.
    headers = [one.header for one in api.source_archive("pbx").frames() if isinstance(one, ArchivedFrame)]
    assert [one.erased_calls for one in headers] == [(), ()], "the call's id is what it was erased by"
    assert api.erase_from_archives(re.compile(b"of the caller")) == 0


def test_an_erasure_removes_what_cannot_be_searched(redis: object) -> None:
    append(1, call="of the caller")
    copy()
    append(2)
    copy()
    raw = bytearray(only_file().read_bytes())
    raw[-5] ^= 0xFF  # Within the checksum of the second frame.
    only_file().write_bytes(raw)

    assert api.erase_from_archives(re.compile(b"of the caller")) == 1

    assert archived() == []


@pytest.mark.django_db
def test_what_is_too_old_goes_and_then_the_oldest_until_all_fits(redis: object, settings: Settings) -> None:
    source("pbx", "asterisk_ami")
    for epoch, hours in ((1, 0), (2, 2), (3, 4)):
        archive = api.source_archive("pbx")
        with archive.locked():
            entry = api.Entry(f"{epoch}-1", os.urandom(700_000).hex().encode())
            archive.append([entry], "0-0", NOW + timedelta(hours=hours))
    settings.ARCHIVE_DAYS = 1

    archive_journals(lambda: NOW + timedelta(hours=25))
    assert archived() == ["2-1", "3-1"]

    settings.ARCHIVE_MAX_BYTES = 1_048_576
    archive_journals(lambda: NOW + timedelta(hours=25))
    assert archived() == ["3-1"]


@pytest.mark.django_db
def test_a_folder_that_cannot_be_written_is_reported_and_nothing_is_lost(redis: object, settings: Settings) -> None:
    source("pbx", "asterisk_ami")
    append(1)
    Path(settings.ARCHIVE_DIR).write_text("a file in its place")

    assert archive_journals(now) == 0

    (report,) = archive_reports().values()
    assert report.error == f"The archive {settings.ARCHIVE_DIR}/pbx cannot be written: Not a directory"
    (part,) = (one for one in health(NOW) if one.kind == "archive")
    assert not part.ok
    assert part.text.startswith(report.error)
    Path(settings.ARCHIVE_DIR).unlink()
    assert archive_journals(now) == 1
    (part,) = (one for one in health(NOW) if one.kind == "archive")
    assert part.ok


def test_a_full_disk_is_said_and_the_next_run_writes_what_is_missing(
    redis: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(1)
    copy()
    append(2)

    def half_written(descriptor: int, data: bytes) -> int:
        if len(data) < 40:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: len(data) // 2])

    write = os.write
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", half_written)
        with pytest.raises(ArchiveUnwritable, match="No space left on device"):
            copy()
    assert archived() == ["5000-1"]

    assert copy() == 1
    assert archived() == ["5000-1", "5000-2"]


@pytest.mark.django_db
def test_an_archive_that_is_switched_off_keeps_nothing(redis: object, settings: Settings) -> None:
    source("pbx", "asterisk_ami")
    append(1)
    settings.ARCHIVE_DAYS = 0

    assert archive_journals(now) == 0
    assert not Path(settings.ARCHIVE_DIR).exists()


def test_another_process_is_waited_for_but_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.01)
    archive = api.source_archive("pbx")
    with archive.locked(), pytest.raises(api.ArchiveError, match="Another process"), archive.locked():
        pass


def test_bytes_that_are_no_frame_are_refused() -> None:
    entries = [api.Entry("1-1", b"{}")]
    frame = pack_frame(header_of(entries, "0-0", NOW), entries)
    for broken in (frame[:5], b"x" * 40):
        with pytest.raises(FrameError):
            read_prefix(broken)


def test_a_payload_is_given_back_whatever_line_ends_its_sender_used() -> None:
    payload = b'{"time":"2026-11-29T08:00:00Z",\r\n"a":1,\r"b":2}'
    entries = [Entry("1-0", payload), Entry("2-0", payload)]
    header = header_of(entries, "0-0", AT)
    packed = pack_frame(header, entries)
    assert read_entries(gzip.decompress(packed)) == [Entry(one.id, payload.replace(b"\n", b" ")) for one in entries]


def test_how_far_a_journal_was_folded_at_a_moment_is_known_while_that_is_needed(redis: object) -> None:
    for minutes, entry_id in ((0, "1-1"), (60, "1-2"), (120, "1-3"), (180, "1-4")):
        at = NOW + timedelta(minutes=minutes)
        note_folded("pbx", entry_id, at, at - timedelta(minutes=90))

    assert folded_by("pbx", NOW + timedelta(minutes=125)) == "1-3"
    assert folded_by("pbx", NOW + timedelta(minutes=300)) == "1-4"
    assert folded_by("pbx", NOW + timedelta(minutes=61)) == "1-2"
    assert folded_by("pbx", NOW + timedelta(minutes=59)) == "0-0"  # Forgotten: nobody needs it any more.


def test_the_newest_file_is_looked_through_once_for_many_frames(redis: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """At many calls a second each frame would else cost as much as all that are in its file."""
    archive, looked, scan = api.source_archive("pbx"), [], files.scan

    def noted(path: Path) -> Iterator[ArchivedFrame | DamagedPlace]:
        looked.append(path)
        return scan(path)

    monkeypatch.setattr(files, "scan", noted)
    for number in range(1, 6):
        append(number)
        copy_one(archive)
    assert archive.position() == "5000-5"
    assert looked == []
    assert api.source_archive("pbx").position() == "5000-5"
    assert len(looked) == 1


def test_what_another_process_did_to_the_newest_file_is_noticed(redis: object) -> None:
    archive = api.source_archive("pbx")
    append(1, call="0301234")
    copy_one(archive)
    append(2)
    assert copy() == 1
    assert archive.position() == "5000-2"
    api.erase_from_archives(re.compile(rb"0301234"))
    append(3)
    copy_one(archive)
    assert archived() == ["5000-2", "5000-3"]
