"""What goes wrong around a replay: torn files, missing time, retention meanwhile, two at once."""

from datetime import timedelta
from pathlib import Path

import pytest
import redis as redis_client
from pytest_django import Settings

from calls.models import Leg
from calls.replay.compare_period import PeriodComparison, compare_period, todays_settings
from calls.retention import retain
from cti.api import START, archive_journals, read_journal, source_archive
from cti.archive.files import ArchivedFrame
from cti.journal.stream import client, journal_key
from tests.journeys.stack import GatewayStack

pytestmark = [pytest.mark.nightly, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

CALLS = 5


@pytest.fixture
def gateway(
    redis: redis_client.Redis, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GatewayStack:
    """Give a gateway that labelled a call a minute, a frame of the archive for each, and whose journal is gone."""
    settings.ARCHIVE_DIR = tmp_path
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    one = GatewayStack()
    for number in range(CALLS):
        one.connects(f"C{number}", "2001", queueName="Sales")
        one.passes(1)
        one.clears(f"C{number}", "2001")
        one.passes(3)
        archive_journals(lambda: one.time)
        one.passes(56)
    client().delete(journal_key("pbx"))
    return one


def replayed(one: GatewayStack, begin: float = -60.0) -> PeriodComparison:
    return compare_period(
        one.source, one.begin + timedelta(seconds=begin), one.time, todays_settings(one.source), one.time
    )


def _frames() -> list[ArchivedFrame]:
    return [frame for frame in source_archive("pbx").frames() if isinstance(frame, ArchivedFrame)]


@pytest.mark.parametrize("damage", ["bits", "header", "cut"])
def test_a_damaged_file_leaves_out_what_it_held_and_nothing_is_different(gateway: GatewayStack, damage: str) -> None:
    frame = _frames()[2]
    raw = bytearray(frame.path.read_bytes())
    if damage == "bits":
        raw[frame.end - 20] ^= 0xFF
    elif damage == "header":
        raw[frame.offset : frame.offset + 4] = b"\0\0\0\0"
    else:
        del raw[frame.offset + 30 :]
    frame.path.write_bytes(raw)

    result = replayed(gateway)

    assert result.different == 0
    lost = 1 if damage != "cut" else CALLS - 2
    assert (result.compared, sum(result.apart.values())) == (CALLS - lost, lost)
    assert result.gaps == (damage != "cut")


def test_a_period_that_begins_in_mid_call_compares_the_calls_of_the_period_alone(gateway: GatewayStack) -> None:
    legs = gateway.legs()

    result = replayed(gateway, begin=(legs[2].connected_at - gateway.begin).total_seconds() + 0.5)

    assert (result.compared, result.different, dict(result.apart)) == (CALLS - 3, 0, {})


def test_a_period_without_archive_in_its_midst_is_named_and_left_out(gateway: GatewayStack) -> None:
    frames = _frames()
    path = frames[0].path
    raw = path.read_bytes()
    path.write_bytes(raw[: frames[1].offset] + raw[frames[3].offset :])

    result = replayed(gateway)

    assert (result.compared, result.different, result.gaps) == (CALLS - 2, 0, 1)
    assert dict(result.apart) == {"events of its call may be missing in the archive": 2}


def test_legs_that_retention_has_deleted_do_not_seem_to_be_new(gateway: GatewayStack, settings: Settings) -> None:
    settings.RETENTION_DAYS = 1
    now = gateway.time + timedelta(days=2)
    retain(lambda: now)
    assert not Leg.objects.exists()
    begin = gateway.begin - timedelta(minutes=1)

    result = compare_period(gateway.source, begin, gateway.time, todays_settings(gateway.source), now)

    assert (result.compared, result.different) == (0, 0)


def test_two_replays_at_once_come_to_the_same(gateway: GatewayStack) -> None:
    results: list[PeriodComparison] = []

    def again(_: PeriodComparison) -> None:
        if not results:
            results.append(replayed(gateway))

    now, begin = gateway.time, gateway.begin - timedelta(minutes=1)
    results.append(compare_period(gateway.source, begin, now, todays_settings(gateway.source), now, again))

    assert [(one.compared, one.different, one.events) for one in results] == [(CALLS, 0, 2 * CALLS)] * 2


def test_files_that_retention_deletes_meanwhile_are_a_gap(gateway: GatewayStack) -> None:
    frames = _frames()
    raw, folder = frames[0].path.read_bytes(), frames[0].path.parent
    frames[0].path.unlink()
    for number, frame in enumerate(frames):  # A file for each frame, as of an hour.
        (folder / f"{number:020}.gz").write_bytes(raw[frame.offset : frame.end])

    def deletes(_: PeriodComparison) -> None:
        for number in (1, 2):
            (folder / f"{number:020}.gz").unlink(missing_ok=True)

    begin = gateway.begin - timedelta(minutes=1)
    result = compare_period(gateway.source, begin, gateway.time, todays_settings(gateway.source), gateway.time, deletes)

    assert (result.gaps, result.different, result.compared) == (1, 0, CALLS - 2)
    assert dict(result.apart) == {"events of its call may be missing in the archive": 2}


def test_a_journal_that_is_trimmed_meanwhile_is_a_gap(
    redis: redis_client.Redis, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ARCHIVE_DIR = tmp_path
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    monkeypatch.setattr("calls.replay.journal_pages.AT_ONCE", 2)
    one = GatewayStack()
    for number in range(CALLS):
        one.connects(f"C{number}", "2001")
        one.passes(1)
        one.clears(f"C{number}", "2001")
        one.passes(30)
    ids = [entry.id for entry in read_journal("pbx", START, 2 * CALLS)]

    def trims(_: PeriodComparison) -> None:
        client().xtrim(journal_key("pbx"), minid=ids[6], approximate=False)
        client().set("trimmed:{pbx}", ids[6])

    begin = one.begin - timedelta(minutes=1)
    result = compare_period(one.source, begin, one.time, todays_settings(one.source), one.time, trims)

    assert (result.gaps, result.different, result.compared) == (1, 0, CALLS - 2)
    assert dict(result.apart) == {"events of its call may be missing in the archive": 2}
