"""The simulated QMS: its troubles, its side door, its file, its command."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from devtools.servers import stopped
from launcher.paths import ROOT
from qms.port import Flag, FlagDefinition, Licence, ListedUser, QmsError, QmsLoginFailed, QmsUnavailable, QmsUnclear
from qms.soap.service import ConnectionSettings, SoapRecordingService
from simulators.qms.envelopes import Credentials
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.people import person
from simulators.qms.records import SimulatedService, SimulatedUser, Troubles
from simulators.qms.server import SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms
from simulators.qms.storage import RecordFile
from vault.fields import Secret

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NORTH = SimulatedService("north", "main", ("10.0.0.1", "node-n"))
SOUTH = SimulatedService("south", "main", ("10.0.0.2",))
ISLAND = SimulatedService("island", "other", ("10.0.0.3",))


@pytest.fixture
def qms() -> SimulatedQms:
    return SimulatedQms([NORTH, SOUTH, ISLAND])


@pytest.fixture
def server(qms: SimulatedQms) -> Iterator[SimulatedServer]:
    with in_thread(SimulatedServer(qms, Credentials("gateway", "s3cret"))) as server:
        yield server


def at(server: SimulatedServer, path: str) -> str:
    return f"http://127.0.0.1:{server.port}/{path}"


def service(server: SimulatedServer, slug: str, password: str = "s3cret", login: str = "basic") -> SoapRecordingService:
    return SoapRecordingService(
        ConnectionSettings(url=at(server, slug), username="gateway", password=Secret(password), login=login)
    )


def test_the_same_index_is_the_same_person_in_every_simulator() -> None:
    """The simulated contact centre has its own copy of this rule; both must agree."""
    people = [person(index) for index in (0, 1, 19, 20, 21, 400)]

    assert [f"{one.first_name} {one.last_name} {one.extension} {one.agent_id}" for one in people] == [
        "Alice Archer 2001 9101",
        "Bob Baker 2002 9102",
        "Tina Turner 2020 9120",
        "Alice Baker 2021 9121",
        "Bob Chen 2022 9122",
        "Alice Archer 2401 9501",
    ]


def test_services_of_one_data_server_share_flags_and_recordings(server: SimulatedServer, qms: SimulatedQms) -> None:
    qms.set_users([person(0, "node-n")])
    recording = qms.connected("2001", datetime.now(UTC))
    assert recording is not None
    service(server, "north").create_flag_definition(FlagDefinition("AgentId"))

    assert service(server, "south").write_flags(recording.guid, [Flag("AgentId", "1")]) == 1
    assert service(server, "south").find_live_recording("2001") is None
    assert service(server, "island").flag_definitions() == []
    with pytest.raises(QmsError):
        service(server, "island").flags(recording.guid)


def test_the_first_service_answers_at_the_well_known_path_too(server: SimulatedServer) -> None:
    assert service(server, "recording-service").service_info().recording_service == "north"


def test_a_user_of_any_is_seen_by_every_service_of_the_data_server(server: SimulatedServer, qms: SimulatedQms) -> None:
    qms.set_users([person(0)])
    qms.connected("2001", datetime.now(UTC))

    assert service(server, "north").find_live_recording("2001") is not None
    assert service(server, "south").find_live_recording("2001") is not None
    assert service(server, "island").find_live_recording("2001") is None


@pytest.mark.parametrize(
    "user",
    [
        SimulatedUser(extension="1", active=False),
        SimulatedUser(extension="1", licence=Licence.NONE),
        SimulatedUser(extension="1", licence=Licence.ON_DEMAND),
        SimulatedUser(extension="1", recording_service="10.9.9.9"),
        SimulatedUser(extension="01"),
    ],
)
def test_only_an_active_licensed_user_of_the_site_is_recorded(qms: SimulatedQms, user: SimulatedUser) -> None:
    qms.set_users([user])

    assert qms.connected("1", NOON) is None


def test_one_extension_may_live_at_two_services(qms: SimulatedQms) -> None:
    here, there = (
        SimulatedUser(extension="1", recording_service="10.0.0.1", user_id="a"),
        SimulatedUser(extension="1", recording_service="10.0.0.3", user_id="b"),
    )
    qms.set_users([here, there])

    first, second = qms.connected("1", NOON, "north"), qms.connected("1", NOON, "island")

    assert first is not None
    assert second is not None
    assert (first.service, second.service, first.ended_at) == ("north", "island", None)


def test_after_one_is_deleted_recordings_have_guids_of_their_own(qms: SimulatedQms) -> None:
    qms.set_users([person(0)])
    made = [qms.connected("2001", NOON) for _ in range(2)]
    assert made[0] is not None
    del qms.recordings[made[0].guid]
    made += [qms.connected("2001", NOON) for _ in range(2)]

    assert len({one.guid for one in made if one is not None}) == 4


def test_a_recording_may_go_on_at_another_extension(qms: SimulatedQms) -> None:
    qms.set_users([person(0), person(1)])
    recording = qms.connected("2001", NOON)
    qms.moved("2001", "2002", NOON)

    found = qms.find_live_recording("north", "2002", None, NOON)

    assert found is not None
    assert recording is not None
    assert found.guid == recording.guid
    assert qms.find_live_recording("north", "2001", None, NOON) is None


@pytest.mark.parametrize("login", ["username_token", "basic", ""])
def test_a_wrong_or_missing_login_is_refused(server: SimulatedServer, login: str) -> None:
    with pytest.raises(QmsLoginFailed):
        service(server, "north", "wrong", login).service_info()


def test_a_service_that_is_down_is_unavailable_and_the_others_are_not(server: SimulatedServer) -> None:
    requests.post(at(server, "faults"), json={"service": "north", "down": True}, timeout=5)

    with pytest.raises(QmsUnavailable):
        service(server, "north").service_info()
    with pytest.raises(QmsUnclear):
        service(server, "north").create_flag_definition(FlagDefinition("AgentId"))
    assert service(server, "south").service_info().recording_service == "south"


def test_a_delay_holds_each_answer(server: SimulatedServer) -> None:
    requests.post(at(server, "faults"), json={"delay_ms": 60}, timeout=5)
    began = time.monotonic()

    service(server, "north").service_info()

    assert time.monotonic() - began >= 0.06


def outcomes_of_writes(port: InProcessRecordingService | SoapRecordingService, guid: str) -> list[str]:
    """Write two hundred flags, one by one, and return how each ended."""
    ends = []
    for index in range(200):
        try:
            port.write_flags(guid, [Flag(f"F{index}", "x")])
            ends.append("written")
        except QmsError as error:
            ends.append(type(error).__name__)
    return ends


def flawed(seed: int) -> tuple[SimulatedQms, str]:
    qms = SimulatedQms(troubles=Troubles(fault_rate=0.3), seed=seed)
    qms.set_users([person(0)])
    for index in range(200):
        qms.create_flag_definition("recording-service", FlagDefinition(f"F{index}"))
    recording = qms.connected("2001", NOON)
    assert recording is not None
    return qms, recording.guid


def test_faults_are_of_every_kind_and_the_same_for_the_same_seed_in_both_twins() -> None:
    qms, guid = flawed(7)
    in_process = outcomes_of_writes(InProcessRecordingService(qms, "recording-service", lambda: NOON), guid)
    again, _ = flawed(7)
    with in_thread(SimulatedServer(again, Credentials("gateway", "s3cret"))) as server:
        over_http = outcomes_of_writes(service(server, "recording-service"), guid)

    assert in_process == over_http
    assert {"written", "QmsBusy", "QmsUnclear"} == set(in_process)
    assert again.recordings[guid].flags == qms.recordings[guid].flags


def test_a_write_that_was_lost_after_it_was_done_can_be_read_back() -> None:
    qms, guid = flawed(7)
    ends = outcomes_of_writes(InProcessRecordingService(qms, "recording-service", lambda: NOON), guid)
    done = set(qms.recordings[guid].flags)

    unclear = {f"F{index}" for index, end in enumerate(ends) if end == "QmsUnclear"}

    assert unclear & done
    assert unclear - done
    assert {f"F{index}" for index, end in enumerate(ends) if end == "written"} <= done


def test_the_tap_opens_and_closes_recordings_and_the_state_lists_them(server: SimulatedServer) -> None:
    users = [{"extension": "0123"}, {"extension": "9", "active": False}]
    requests.post(at(server, "users"), json={"users": users}, timeout=5)
    opened = requests.post(
        at(server, "tap"),
        json=[{"extension": "0123", "state": "connected"}, {"extension": "9", "state": "connected"}],
        timeout=5,
    ).json()
    requests.post(at(server, "tap"), json={"extension": "0123", "state": "disconnected"}, timeout=5)

    state = requests.get(at(server, "state"), timeout=5).json()

    assert [one["guid"] is None for one in opened] == [False, True]
    assert [(one["guid"], one["extension"]) for one in state["recordings"]] == [(opened[0]["guid"], "0123")]
    assert state["recordings"][0]["endedAt"] is not None
    assert [user["userId"] for user in state["users"]] == ["0123", "9"]


@pytest.mark.parametrize("body", ["", "{", '{"extension": 1}', '{"extension": "1", "state": "held"}', '{"x": 1}'])
def test_the_control_api_says_what_it_does_not_understand(server: SimulatedServer, body: str) -> None:
    answer = requests.post(at(server, "tap"), data=body, timeout=5)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_users_may_be_added(server: SimulatedServer, qms: SimulatedQms) -> None:
    qms.set_users([person(0)])

    requests.post(at(server, "users"), json={"users": [{"extension": "7"}], "replace": False}, timeout=5)

    assert [user.extension for user in qms.users] == ["2001", "7"]


def test_the_wsdl_is_served_with_the_servers_own_address(server: SimulatedServer) -> None:
    port = SoapRecordingService(
        ConnectionSettings(
            url=at(server, "south"), wsdl=at(server, "south?wsdl"), username="gateway", password=Secret("s3cret")
        )
    )

    assert at(server, "south") in requests.get(at(server, "south?wsdl"), timeout=5).text
    assert port.service_info().recording_service == "south"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nonsense",
        "<!DOCTYPE x [<!ENTITY e 'x'>]><x>&e;</x>",
        "<x/>",
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><x/></s:Body></s:Envelope>',
    ],
)
def test_a_request_that_is_not_of_the_contract_is_an_invalid_request(server: SimulatedServer, body: str) -> None:
    answer = requests.post(at(server, "north"), data=body, timeout=5)

    assert answer.status_code == 500
    assert "InvalidRequest" in answer.text


def test_what_is_no_http_ends_the_connection_and_nothing_else(server: SimulatedServer) -> None:
    for nonsense in (b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"x" * 300_000):
        with socket.create_connection(("127.0.0.1", server.port), 5) as connection, contextlib.suppress(OSError):
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    assert requests.get(at(server, "state"), timeout=5).status_code == 200


def test_the_file_brings_everything_back(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / "state")
    qms = SimulatedQms([NORTH], seed=3, keep=file.keep)
    qms.set_users([person(0), person(1)])
    qms.create_flag_definition("north", FlagDefinition("AgentId", 9))
    first, second = qms.connected("2001", NOON), qms.connected("2002", NOON)
    assert first is not None
    assert second is not None
    qms.write_flags("north", first.guid, [Flag("AgentId", "9101")])
    qms.disconnected("2002", NOON + timedelta(seconds=1))
    with (tmp_path / "state").open("ab") as torn:
        torn.write(b'{"type":"recor')

    back = SimulatedQms([NORTH], seed=3)
    again = RecordFile(tmp_path / "state")
    back.restore(again.records())
    third = back.connected("2002", NOON + timedelta(seconds=2))

    assert (back.users, back.flag_definitions("north")) == (qms.users, qms.flag_definitions("north"))
    assert [back.recordings[guid] for guid in (first.guid, second.guid)] == list(qms.recordings.values())
    assert back.find_live_recording("north", "2001", None, NOON) is not None
    assert third is not None
    assert third.guid not in (first.guid, second.guid)


@pytest.fixture
def simulate_qms() -> list[str]:
    return [sys.executable, "-m", "simulators.qms", "--port", "0", "--users", "3"]


@contextlib.contextmanager
def started(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    environment = os.environ | {"QMS_PASSWORD": "s3cret"}
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process,
        stopped(process),
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        yield process, line.split()[-1].removesuffix("/recording-service")


def test_the_command_serves_ends_at_once_and_keeps_its_state(tmp_path: Path, simulate_qms: list[str]) -> None:
    command = [
        *simulate_qms,
        "--state",
        str(tmp_path / "state"),
        "--service",
        "a:d:10.0.0.1,n",
        "--service",
        "b:d:10.0.0.2",
    ]
    with started(command) as (process, url):
        port = SoapRecordingService(ConnectionSettings(url=f"{url}/b", username="gateway", password=Secret("s3cret")))
        users = [user.extension for user in port.users() if isinstance(user, ListedUser)]
        tapped = {"extension": "2001", "state": "connected"}
        guid = requests.post(f"{url}/tap", json=tapped, timeout=20).json()[0]["guid"]
        process.send_signal(signal.SIGTERM)
        # The connection of ``port`` is still open: a server that waited for it would not end.
        status = process.wait(10)

    with started(command) as (_, url):
        state = requests.get(f"{url}/state", timeout=20).json()

    assert users == ["2002"]
    assert status == 0
    assert [one["guid"] for one in state["recordings"]] == [guid]
