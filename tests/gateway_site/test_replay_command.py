"""``./gateway manage replay`` says what would be different, and leaves everything as it is."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
import redis as redis_client
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from calls.replay.recorded import RecordedLegs, RecordedSlice
from cti.models import CtiSource
from flags.models import FlagSetting
from qms.models import RecordingService
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(
    redis: redis_client.Redis, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GatewayStack:
    """Give a gateway that labelled one call."""
    settings.ARCHIVE_DIR = tmp_path / "archive"
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    one = GatewayStack()
    one.connects("C1", "2001", queueName="Sales")
    one.passes(1)
    one.clears("C1", "2001")
    one.passes(3)
    return one


def replay(*arguments: str, begin: str = "2026-03-02", end: str = "2026-03-03") -> list[str]:
    out = io.StringIO()
    call_command("replay", "--from", begin, "--to", end, *arguments, stdout=out)
    return [line.strip() for line in out.getvalue().splitlines()][1:]


def test_it_says_that_nothing_would_be_different(gateway: GatewayStack) -> None:
    lines = replay()

    assert lines[-1] == "Nothing would be different: 1 leg was compared."


def test_events_that_are_not_folded_yet_are_named(gateway: GatewayStack) -> None:
    gateway.call("Established", "C2", "2001")
    since = timezone.localtime(gateway.now())

    said = f"The gateway has not folded the events from {since:%Y-%m-%d %H:%M:%S} on yet: they are left out."
    assert said in replay()


def test_a_period_that_goes_on_ends_now(gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clock.now", lambda: gateway.time)
    out = io.StringIO()
    call_command("replay", "--from", "2026-03-02", "--to", "2026-03-03T00:00:05", stdout=out)
    now = timezone.localtime(gateway.time)

    assert out.getvalue().startswith(f"pbx, 2026-03-02 00:00 to now, {now:%Y-%m-%d %H:%M:%S}: 2 events in ")

    monkeypatch.setattr("clock.now", lambda: gateway.time + timedelta(days=2))
    call_command("replay", "--from", "2026-03-02", "--to", "2026-03-03T00:00:05", stdout=out)
    assert "\npbx, 2026-03-02 00:00 to 2026-03-03 00:00:05: " in out.getvalue()


def test_the_settings_of_a_file_are_tried_and_not_kept(gateway: GatewayStack, tmp_path: Path) -> None:
    file = tmp_path / "tried.toml"
    file.write_text('[[flags]]\nname = "QueueName"\nenabled = false\n')

    lines = replay("--config", str(file))

    assert "1 leg would be different; 1 leg was compared." in lines
    assert "1  The flag QueueName would not be written. Cause: the settings of the flags." in lines
    assert lines[-1].startswith(f"leg {gateway.legs()[0].pk}, extension 2001, ")
    assert FlagSetting.objects.get(name="QueueName").enabled
    assert replay()[-1] == "Nothing would be different: 1 leg was compared."


def test_what_of_a_file_no_replay_can_try_is_named(gateway: GatewayStack, tmp_path: Path) -> None:
    file = tmp_path / "tried.toml"
    file.write_text(
        '[[cti_sources]]\nslug = "pbx"\nenabled = false\nhost = "other"\n'
        '[[recording_services]]\nslug = "rs1"\nshadow = true\nguid_window_seconds = 0.5\n'
    )
    unchanged = tmp_path / "unchanged.toml"
    unchanged.write_text('[[recording_services]]\nslug = "rs1"\nshadow = false\n')

    said = "Not tried, for what was recorded cannot show what it does: "
    said += "pbx: enabled, pbx: host, rs1: guid_window_seconds, rs1: shadow."
    assert said in replay("--config", str(file))
    assert "Not tried" not in " ".join(replay("--config", str(unchanged)))


UNTRIED = {
    "pbx: tls, pbx: username, pbx: secret_env": """
[[cti_sources]]
slug = "pbx"
tls = true
username = "x"
secret_env = "NOPE"
""",
    "rs1: ca_file, rs1: login, rs1: username, rs1: password_env": """
[[recording_services]]
slug = "rs1"
username = "other"
password_env = "OTHER"
login = "none"
ca_file = "/x.pem"
""",
    "pbx: recording_services": """
[[recording_services]]
slug = "other"
data_server = "ds1"
url = "http://127.0.0.1:9/"
[[cti_sources]]
slug = "pbx"
recording_services = ["other"]
""",
    "rs1: data_server, rs1: identifiers, rs1: refresh_at": """
[[data_servers]]
slug = "ds2"
[[recording_services]]
slug = "rs1"
data_server = "ds2"
identifiers = ["z"]
refresh_at = 03:04:00
""",
    "pbx: kind, pbx: host, pbx: port, pbx: options.agents, pbx: devices (the link did not watch 2001 and 1 more then), "
    "pbx: queues (the link did not watch 5000 then)": """
[[cti_sources]]
slug = "pbx"
kind = "csta_xml"
host = "h"
port = 1
devices = ["2001", "2099"]
queues = {"5000" = "Sales"}
options = {stale_hours = 3, agents = false}
""",
    "QueueName: order": """
[[flags]]
name = "QueueName"
order = 9
""",
}


@pytest.mark.parametrize("named", UNTRIED)
def test_any_changed_setting_that_a_replay_does_not_use_is_named(
    gateway: GatewayStack, tmp_path: Path, named: str
) -> None:
    """Before: only those of a list were, and with another login, or another service, nothing would be different."""
    file = tmp_path / "tried.toml"
    file.write_text(UNTRIED[named])
    assert f"Not tried, for what was recorded cannot show what it does: {named}." in replay("--config", str(file))


@pytest.mark.parametrize(
    "text",
    [
        '[[recording_services]]\nslug = "rs1"\nenabled = false\nidentifiers = ["z"]\nguid_window_seconds = 0.5\n',
        UNTRIED["pbx: recording_services"],
    ],
)
def test_what_is_said_not_to_be_tried_makes_no_difference(gateway: GatewayStack, tmp_path: Path, text: str) -> None:
    """Before: no leg of a service that is switched off would be flagged, because of "QMS users, their mapping"."""
    file = tmp_path / "tried.toml"
    file.write_text(text)
    lines = replay("--config", str(file))

    assert "Not tried" in " ".join(lines)
    assert lines[-1] == "Nothing would be different: 1 leg was compared."
    assert RecordingService.objects.get(slug="rs1").enabled


def test_a_name_of_a_queue_is_not_tried_and_what_is_used_is_not_named(gateway: GatewayStack, tmp_path: Path) -> None:
    CtiSource.objects.update(queues={"5000": "Sales"})
    file = tmp_path / "tried.toml"
    file.write_text('[[cti_sources]]\nslug = "pbx"\nqueues = {"5000" = "Service"}\n')
    assert "pbx: queues (their names)." in " ".join(replay("--config", str(file)))

    file.write_text(
        '[[cti_sources]]\nslug = "pbx"\nqueues = {"5001" = "x"}\noptions = {stale_hours = 3}\nseating = "free"\n'
        '[[recording_services]]\nslug = "rs1"\nwrapup_wait_seconds = 9\n'
        '[[flags]]\nname = "QueueName"\nmax_length = 3\nprivacy = "mask"\n'
    )
    assert "Not tried" not in " ".join(replay("--config", str(file)))


def test_a_file_that_cannot_be_applied_is_refused_with_its_problems(gateway: GatewayStack, tmp_path: Path) -> None:
    file = tmp_path / "tried.toml"
    file.write_text('[[flags]]\nname = "QueueName"\ncolour = "red"\n')

    with pytest.raises(CommandError, match=r"cannot be tried:\n.*colour"):
        replay("--config", str(file))
    none = tmp_path / "none.toml"
    with pytest.raises(CommandError) as missing:
        replay("--config", str(none))
    assert str(missing.value) == f"{none}: No such file or directory"


def test_a_period_of_centuries_reads_no_more_than_the_time_that_has_calls(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers: set[int] = set()
    slice_ = RecordedLegs.slice

    def counted(self: RecordedLegs, number: int) -> RecordedSlice:
        numbers.add(number)
        assert len(numbers) < 100
        return slice_(self, number)

    monkeypatch.setattr(RecordedLegs, "slice", counted)
    monkeypatch.setattr("clock.now", lambda: gateway.time + timedelta(hours=1))

    assert replay(begin="1970-01-01", end="9998-12-31")[-1] == "Nothing would be different: 1 leg was compared."


def test_events_that_wait_after_the_period_are_not_said_to_be_left_out_of_it(gateway: GatewayStack) -> None:
    """Before: at every moment of a busy day the replay of yesterday said so, for it reads on for two hours."""
    end = gateway.time + timedelta(seconds=30)
    gateway.passes_unheard(60)
    gateway.call("Established", "unfolded", "2001")
    gateway.passes_unheard(60)

    assert "has not folded" not in " ".join(replay(end=f"{end:%Y-%m-%dT%H:%M:%S}"))
    later = end + timedelta(minutes=2)
    assert "has not folded" in " ".join(replay(end=f"{later:%Y-%m-%dT%H:%M:%S}"))


def test_a_period_without_events_and_a_wrong_source_are_said(gateway: GatewayStack) -> None:
    (line,) = replay(begin="2026-02-01", end="2026-02-02")
    assert line == (
        "Nothing was compared: no event of that time is kept on this machine; the archive keeps 30 days (ARCHIVE_DAYS)."
    )
    with pytest.raises(CommandError, match=r"There is no CTI source other\. There are: pbx\."):
        replay("--source", "other")
    with pytest.raises(CommandError, match="--from must be earlier than --to"):
        replay(begin="2026-03-03", end="2026-03-02")
