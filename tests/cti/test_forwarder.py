"""``forward`` brings a file's events to the intake: all of them, in order, over restarts and refusals."""

import json
import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from cti import api
from cti.http_intake.file_tail import FilePositionError
from cti.http_intake.forwarder import Forwarder, ForwardError
from cti.http_intake.tokens import mint_token
from devtools.servers import free_port
from tests.cti.examples import as_json, cloud_event, source

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("cti.urls"),
    pytest.mark.usefixtures("redis"),
]


def lines(*ids: str) -> bytes:
    return b"".join(as_json(cloud_event(one)) + b"\n" for one in ids)


def journalled() -> list[str]:
    return [json.loads(entry.payload)["id"] for entry in api.read_journal("web", "0-0", 10_000)]


class Sleep:
    """Note the pauses, and change the world in the first of them."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) > 20:
            raise TimeoutError("nothing helped")
        self.in_pause()

    def in_pause(self) -> None:
        """Do nothing, unless a test says what."""


@pytest.fixture
def sleep() -> Sleep:
    return Sleep()


@pytest.fixture
def forwarder(live_server: LiveServer, tmp_path: Path, sleep: Sleep) -> Forwarder:
    return make(live_server.url, tmp_path, mint_token(source()).text, sleep)


def make(url: str, folder: Path, token: str, sleep: Sleep) -> Forwarder:
    return Forwarder(folder / "events", folder / "state", f"{url}/api/events", token, sleep)


def test_every_line_is_sent_in_order_and_one_that_is_being_written_waits(forwarder: Forwarder, tmp_path: Path) -> None:
    ids = [str(number) for number in range(450)]
    file = tmp_path / "events"
    file.write_bytes(lines(*ids) + lines("last")[:40])
    forwarder.run(is_once=True)
    assert journalled() == ids

    file.write_bytes(lines(*ids, "last"))
    forwarder.run(is_once=True)
    assert journalled() == [*ids, "last"]


def test_a_restart_goes_on_where_the_last_life_was_answered(live_server: LiveServer, tmp_path: Path) -> None:
    token = mint_token(source()).text
    (tmp_path / "events").write_bytes(lines("1", "2"))
    make(live_server.url, tmp_path, token, Sleep()).run(is_once=True)
    (tmp_path / "events").open("ab").write(lines("3"))

    make(live_server.url, tmp_path, token, Sleep()).run(is_once=True)

    assert journalled() == ["1", "2", "3"]
    assert json.loads((tmp_path / "state").read_text())["offset"] == len(lines("1", "2", "3"))


@pytest.mark.parametrize("how", ["renamed", "truncated"])
def test_a_new_file_of_the_same_name_is_sent_from_its_start(forwarder: Forwarder, tmp_path: Path, how: str) -> None:
    file = tmp_path / "events"
    file.write_bytes(lines("1", "2"))
    forwarder.run(is_once=True)

    if how == "renamed":
        file.rename(tmp_path / "events.1")
        with (tmp_path / "events.1").open("ab") as old:
            old.write(lines("late"))
    file.write_bytes(lines("3"))
    forwarder.run(is_once=True)

    assert journalled() == (["1", "2", "late", "3"] if how == "renamed" else ["1", "2", "3"])


def test_a_file_that_was_rotated_while_nobody_read_is_sent_to_its_end_first(
    live_server: LiveServer, tmp_path: Path
) -> None:
    token, file = mint_token(source()).text, tmp_path / "events"
    file.write_bytes(lines("1", "2"))
    make(live_server.url, tmp_path, token, Sleep()).run(is_once=True)
    with file.open("ab") as old:
        old.write(lines("3"))
    written_in_order(file.rename(tmp_path / "events.2"), 1)
    (tmp_path / "events.1").write_bytes(lines("4", "5"))
    written_in_order(tmp_path / "events.1", 2)
    (tmp_path / "events.0.gz").write_bytes(b"an older one, packed")
    file.write_bytes(lines("6"))
    written_in_order(file, 3)

    make(live_server.url, tmp_path, token, Sleep()).run(is_once=True)

    assert journalled() == ["1", "2", "3", "4", "5", "6"]


def written_in_order(file: Path, second: int) -> None:
    """Set when a file was written last."""
    os.utime(file, (second, second))


def test_a_file_that_is_gone_is_reported_and_the_new_one_sent_whole(
    live_server: LiveServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token, file = mint_token(source()).text, tmp_path / "events"
    file.write_bytes(lines("1"))
    make(live_server.url, tmp_path, token, Sleep()).run(is_once=True)
    inode = file.stat().st_ino
    file.write_bytes(lines("2", "3"))  # The same inode, but not the same file.
    assert file.stat().st_ino == inode

    make(live_server.url, tmp_path, token, Sleep()).run(is_once=True)

    assert journalled() == ["1", "2", "3"]
    assert "file_gone" in caplog.text


@pytest.mark.parametrize("text", ["", "[]", "3", '{"inode": "x", "offset": 1}', '{"inode": 1}', "\x00"])
def test_a_state_that_is_not_ours_is_for_a_person_to_fix(tmp_path: Path, text: str) -> None:
    (tmp_path / "state").write_text(text)

    with pytest.raises(FilePositionError, match=r"state does not hold the last position.*Delete it"):
        make("http://127.0.0.1:1", tmp_path, "any", Sleep())


def test_a_broken_line_holds_nothing_up(forwarder: Forwarder, tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(b"broken\n\n" + lines("1") + b"\xff\n" + b"[" * 9999 + b"\n")
    forwarder.run(is_once=True)
    with (tmp_path / "events").open("ab") as file:
        file.write(lines("2"))
    forwarder.run(is_once=True)

    assert journalled() == ["1", "2"]


def test_a_gateway_that_is_not_ready_is_asked_again(
    forwarder: Forwarder, tmp_path: Path, sleep: Sleep, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "events").write_bytes(lines("1"))
    good, settings.JOURNAL_URL = settings.JOURNAL_URL, f"redis://127.0.0.1:{free_port()}/0"
    monkeypatch.setattr(sleep, "in_pause", lambda: setattr(settings, "JOURNAL_URL", good))

    forwarder.run(is_once=True)

    assert sleep.pauses == [2.0]
    assert journalled() == ["1"]


def test_a_batch_that_is_too_large_is_sent_in_parts(forwarder: Forwarder, tmp_path: Path, settings: Settings) -> None:
    settings.INTAKE_MAX_EVENTS = 3
    (tmp_path / "events").write_bytes(lines("1", "2", "3", "4", "5"))

    forwarder.run(is_once=True)

    assert journalled() == ["1", "2", "3", "4", "5"]


def test_a_token_that_opens_nothing_needs_a_person(live_server: LiveServer, tmp_path: Path, sleep: Sleep) -> None:
    (tmp_path / "events").write_bytes(lines("1"))

    with pytest.raises(ForwardError, match="401"):
        make(live_server.url, tmp_path, "wrong", sleep).run(is_once=True)
    assert not (tmp_path / "state").exists()


def test_the_command_forwards_with_the_token_of_the_environment(
    live_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "events").write_bytes(lines("1"))
    (tmp_path / "token").write_text(mint_token(source()).text + "\n")
    arguments = ["forward", str(tmp_path / "events"), "--url", f"{live_server.url}/api/events", "--once"]
    with pytest.raises(CommandError, match="GATEWAY_TOKEN"):
        call_command(*arguments)
    monkeypatch.setenv("GATEWAY_TOKEN_FILE", str(tmp_path / "token"))

    call_command(*arguments)

    assert journalled() == ["1"]
    assert (tmp_path / "events.forwarded").exists()
