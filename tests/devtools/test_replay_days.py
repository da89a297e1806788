"""Days of the demo's traffic, replayed by the same code and settings: nothing is different. The gate of a release."""

import subprocess
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import redis as redis_client
from pytest_django import Settings

from calls.api import compare_period, todays_settings
from cti.models import CtiSource
from devtools.replay_days.__main__ import main
from devtools.replay_days.days import BEGIN, play_day

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

#: The demo's own.
CALLS_PER_SECOND = 0.75
_DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _empty_archive(redis: redis_client.Redis, settings: Settings, tmp_path: Path) -> None:
    settings.ARCHIVE_DIR = tmp_path


def test_the_demos_traffic_gives_no_difference_and_a_flag_that_is_switched_off_that_alone() -> None:
    day = play_day(1, timedelta(seconds=12), CALLS_PER_SECOND)

    assert day.is_right, day
    assert day.flagged > 3

    source, end = CtiSource.objects.get(), BEGIN + timedelta(hours=1)
    settings = todays_settings(source)
    specs = tuple(spec for spec in settings.specs if spec.field != "agent_id")
    found = compare_period(source, BEGIN, end, msgspec.structs.replace(settings, specs=specs), end)
    assert [(one.kind, one.cause, one.subject, one.count) for one in found.sorted_groups()] == [
        ("flag", "flag_settings", "AgentId", day.flagged)
    ]


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_minutes_of_other_days_give_no_difference(seed: int) -> None:
    day = play_day(seed, timedelta(minutes=5), CALLS_PER_SECOND)

    assert day.is_right, day


@pytest.mark.nightly
def test_a_whole_day_with_few_calls_gives_no_difference() -> None:
    day = play_day(5, timedelta(hours=24), 0.002)

    assert day.is_right, day

    source, begin = CtiSource.objects.get(), BEGIN + timedelta(hours=11)
    found = compare_period(source, begin, begin + timedelta(hours=5), todays_settings(source), begin + _DAY)
    assert found.compared > 0
    assert (found.groups, dict(found.apart), found.failures) == ({}, {}, 0), "the fold began in the midst of the day"


@pytest.mark.parametrize(("statuses", "status"), [({}, 0), ({2: 1}, 1), ({3: -9}, 1)])
def test_days_are_played_side_by_side_and_one_that_differs_or_dies_is_enough(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], statuses: dict[int, int], status: int
) -> None:
    played: list[list[str]] = []

    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        played.append(command[3:])
        seed = int(command[6])
        ended = statuses.get(seed, 0)
        return subprocess.CompletedProcess(command, ended, f"seed {seed}: played\n" if ended >= 0 else "")

    monkeypatch.setattr("devtools.replay_days.__main__.subprocess.run", run)

    assert main(["--seeds", "1", "2", "3", "--hours", "0.5", "--jobs", "2"]) == status
    day = ["--hours", "0.5", "--calls-per-second", "0.02"]
    assert sorted(played) == [["--jobs", "1", "--seeds", str(seed), *day] for seed in (1, 2, 3)]
    said = capsys.readouterr().out
    assert said.count(": played") == (2 if status else 3) + (statuses == {2: 1})
    assert ("seed 3: the process ended with status -9" in said) is (statuses == {3: -9})
