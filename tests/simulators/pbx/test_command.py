"""The command as a process, followed by the gateway's own session: what it reports is what happened."""

import asyncio
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from cti.events import (
    CallData,
    CallEvent,
    CallInformation,
    Conferenced,
    ConnectionCleared,
    Event,
    LoggedOn,
    Transferred,
    encode,
)
from cti.sources.csta_xml import CstaSession
from cti.sources.port import DeviceClass, LinkError, MonitorRefusal, Quarantined, SourceConfig, Stamp
from launcher.paths import ROOT
from simulators.pbx.truth_log import CallLine, LegLine

DEVICES = (*(str(2001 + n) for n in range(12)), *(str(2900 + n) for n in range(5)))
QUEUES = {"5000": "Sales", "5001": "Support", "5002": "Billing"}


class Kept:
    """An outlet that keeps what it gets."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.trouble: list[object] = []
        self.heard = asyncio.Event()

    async def linked(self) -> None:
        pass

    async def accept(self, events: Sequence[Event]) -> None:
        self.events += events
        if any(isinstance(event, CallEvent) for event in events):
            self.heard.set()

    async def pace(self, size: int) -> None:
        """Hold nothing up."""

    async def quarantine(self, message: Quarantined) -> None:
        self.trouble.append(message)

    async def refused(self, device: str, refusal: MonitorRefusal | None) -> None:
        self.trouble.append((device, refusal))

    async def devices(self, seen: Sequence[DeviceClass]) -> None:
        """Never called: the PBX names its devices."""
        raise AssertionError(seen)

    async def lacks(self, lack: MonitorRefusal) -> None:
        self.trouble.append(lack)


class Programs:
    """Starts the simulated PBX with options, and ends what it started."""

    def __init__(self, folder: Path) -> None:
        self.ledger = folder / "ledger.jsonl"
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *options: str) -> tuple[subprocess.Popen[str], int]:
        """Return the program and the port that it says it listens on."""
        command = [
            sys.executable,
            "-m",
            "simulators.pbx",
            "--port",
            "0",
            "--ledger",
            str(self.ledger),
            *options,
        ]
        program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self._started.append(program)
        assert program.stdout is not None
        found = re.search(r"listens on 127\.0\.0\.1:(\d+)", program.stdout.readline())
        assert found is not None
        return program, int(found[1])

    def end(self) -> None:
        for program in self._started:
            program.kill()
            program.communicate()


@pytest.fixture
def pbx(tmp_path: Path) -> Iterator[Programs]:
    programs = Programs(tmp_path)
    yield programs
    programs.end()


def session(port: int) -> CstaSession:
    config = SourceConfig(slug="demo", kind="csta_xml", host="127.0.0.1", port=port, devices=DEVICES, queues=QUEUES)
    return CstaSession(config, Stamp("demo", "1"))


def lines(ledger: Path) -> list[LegLine | CallLine]:
    return [msgspec.json.decode(line, type=LegLine | CallLine) for line in ledger.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Event], list[LegLine]]:
    """Follow a whole short day; give the gateway's events and the truth."""
    programs = Programs(tmp_path_factory.mktemp("day"))
    kept = Kept()
    try:
        program, port = programs.start("--agents", "12", "--speed", "20", "--for", "4", "--seed", "7")
        asyncio.run(asyncio.wait_for(session(port).run(kept), 60))
        assert program.wait(60) == 0
    finally:
        programs.end()
    assert not kept.trouble
    return kept.events, [line for line in lines(programs.ledger) if isinstance(line, LegLine)]


def calls(events: list[Event], kind: type[CallEvent]) -> list[CallData]:
    return [event.data for event in events if isinstance(event, kind)]


def test_what_the_gateway_decodes_is_what_truly_happened(followed: tuple[list[Event], list[LegLine]]) -> None:
    events, legs = followed
    ends = {(data.call_id, data.device_id) for data in calls(events, ConnectionCleared) if not data.outside}
    for data in calls(events, Transferred):
        ends |= {(data.primary_old_call_id, data.transferring_device_id)}
        ends |= {(data.secondary_old_call_id, data.transferring_device_id)}
    for data in calls(events, Conferenced):
        ends |= {(data.secondary_old_call_id, data.conferencing_device_id)}
    named = {data.call_id: data.caller_name for data in calls(events, CallEvent) if data.caller_name}
    personal = {data.call_id for data in calls(events, CallEvent) if data.caller_name_source == "personal"}

    assert len(legs) > 40
    assert all(leg.heard for leg in legs)
    assert all((leg.call_ref, leg.extension) in ends for leg in legs)
    for leg in legs:
        reported = {name for ref in leg.call_refs if ref not in personal and (name := named.get(ref))}
        assert reported <= {leg.caller_name}
        assert leg.caller_name is None or leg.caller_name in named.values()
    queues = {data.queue_name for data in calls(events, CallEvent)} - {None}
    assert queues == {leg.queue_name for leg in legs} - {None} == set(QUEUES.values())


def test_wrap_ups_agents_and_call_data_are_those_of_the_ledger(followed: tuple[list[Event], list[LegLine]]) -> None:
    events, legs = followed
    reported = calls(events, CallInformation)
    wrapups = Counter(
        (one.call_id, one.device_id, one.wrapup.template, one.wrapup.result) for one in reported if one.wrapup
    )
    correlators = Counter((one.device_id, one.query_data["correlatorData"]) for one in reported if one.query_data)
    agents = {
        (event.data.device_id, event.data.agent_id, event.data.agent_name)
        for event in events
        if isinstance(event, LoggedOn)
    }

    assert wrapups == Counter(
        (leg.call_ref, leg.extension, leg.wrapup_template, leg.wrapup_result) for leg in legs if leg.wrapup_result
    )
    assert correlators == Counter((leg.extension, leg.query_data["correlatorData"]) for leg in legs if leg.query_data)
    assert {(leg.extension, leg.agent_id, leg.agent_name) for leg in legs} <= agents
    assert len({leg.interaction_id for leg in legs} - {one.interaction_id for one in calls(events, CallEvent)}) == 0


def test_no_personal_name_stands_in_the_ledger(followed: tuple[list[Event], list[LegLine]]) -> None:
    events, legs = followed
    personal = {
        (data.call_id, data.caller_name) for data in calls(events, CallEvent) if data.caller_name_source == "personal"
    }

    assert personal
    assert not {(ref, leg.caller_name) for leg in legs for ref in leg.call_refs} & personal


def test_sigterm_ends_it_at_once_and_unfinished_legs_stand_in_the_ledger(pbx: Programs) -> None:
    long_calls = ("--talk-seconds", "600", "--ring-seconds", "0.1", "--calls-per-second", "20", "--mix", "queue=1")
    program, port = pbx.start("--agents", "12", *long_calls)
    kept = Kept()

    async def follow() -> None:
        following = asyncio.create_task(session(port).run(kept))
        async with asyncio.timeout(20):
            while not any(b"Established" in encode(event) for event in kept.events):
                kept.heard.clear()
                await kept.heard.wait()
            program.send_signal(signal.SIGTERM)
            with_end = await asyncio.gather(following, return_exceptions=True)
        assert with_end[0] is None or isinstance(with_end[0], LinkError)

    asyncio.run(follow())
    out, _ = program.communicate(timeout=60)

    assert program.returncode == 0
    assert "legs" in out
    assert {line.ended for line in lines(pbx.ledger) if isinstance(line, LegLine)} == {"unfinished"}


def test_a_run_with_an_end_to_which_nobody_comes_says_so(pbx: Programs) -> None:
    program, _ = pbx.start("--for", "5", "--client-seconds", "0.1")

    assert program.wait(60) == 1


@pytest.mark.parametrize("options", [("--mix", "dance=1"), ("--agents", "99999"), ("--qms", "nowhere")])
def test_options_that_cannot_be_are_refused(options: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "simulators.pbx", "--port", "0", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=ROOT, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith("./gateway simulate_pbx: ")
