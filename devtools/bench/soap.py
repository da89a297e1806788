"""How many calls a second one thread makes through the SOAP adapter, against a trivial server in another process.

The baseline is zeep called plainly, with its own transport; the floor posts one envelope made beforehand over urllib3
and does not look at what the answer says. All three send the same login, and keep one connection.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3
import zeep
from zeep.wsse.username import UsernameToken

from devtools.bench.options import Load
from devtools.bench.result import Result, latency
from devtools.bench.soap_server import GUID, NAMESPACE
from devtools.servers import free_port, is_listening, stop, wait_until
from qms.port import Flag
from qms.soap.contract import OWN_WSDL
from qms.soap.http import Limits
from qms.soap.service import ConnectionSettings, SoapRecordingService
from vault.fields import Secret

ASKED = 5_000
#: Each way is measured so often, turn by turn, so that what else the machine does meets all of them.
TURNS = 5
EXTENSION = "2001"
FLAGS = [Flag(f"Flag {number}", f"Value {number} & more") for number in range(6)]
CONNECTION = ConnectionSettings(url="", username="gateway", password=Secret("secret"))
FLOOR, BASELINE, OURS = "prepared envelope over urllib3", "zeep called plainly", "the adapter"


@dataclass(frozen=True)
class Measured:
    """One way of asking: how long each question took, in seconds of the clock, and all in seconds of the CPU."""

    durations: Sequence[float]
    cpu: float

    def __add__(self, other: "Measured") -> "Measured":
        return Measured([*self.durations, *other.durations], self.cpu + other.cpu)

    @property
    def rate(self) -> float:
        """Return the questions in a second."""
        return len(self.durations) / sum(self.durations)


def soap(load: Load) -> list[Result]:
    """Measure FindLiveRecording and WriteFlags."""
    with served() as url:
        ours = SoapRecordingService(connection_to(url))
        theirs = _plain(url)
        texts = [{"name": flag.name, "value": flag.value} for flag in FLAGS]
        find = {
            OURS: lambda: ours.find_live_recording(EXTENSION),
            BASELINE: lambda: theirs.FindLiveRecording(extension=EXTENSION),
            FLOOR: _bare(url, ours, "FindLiveRecording", {"extension": EXTENSION}),
        }
        write = {
            OURS: lambda: ours.write_flags(GUID, FLAGS),
            BASELINE: lambda: theirs.WriteFlags(recordingGuid=GUID, flag=texts),
            FLOOR: _bare(url, ours, "WriteFlags", {"recordingGuid": GUID, "flag": texts}),
        }
        found = ours.find_live_recording(EXTENSION)
        assert found is not None
        assert (found.guid, ours.write_flags(GUID, FLAGS)) == (GUID, len(FLAGS))
        return [*_compared("FindLiveRecording", find, load), *_compared("WriteFlags", write, load)]


@contextmanager
def served(*words: str, module: str = "soap_server") -> Iterator[str]:
    """Run a trivial server in another process and give its address."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", f"devtools.bench.{module}", str(port), *words])
    try:
        wait_until(lambda: is_listening(port), "the SOAP server")
        yield f"http://127.0.0.1:{port}/recording-service"
    finally:
        stop(server)


def connection_to(url: str, seconds: float = Limits().total_seconds) -> ConnectionSettings:
    """Return how the adapter reaches the server; ``seconds``: the timeout of a question."""
    limits = Limits(read_seconds=seconds, total_seconds=seconds)
    return ConnectionSettings(url=url, username=CONNECTION.username, password=CONNECTION.password, limits=limits)


def _plain(url: str) -> Any:
    token = UsernameToken(CONNECTION.username, CONNECTION.password.reveal())  # type: ignore[no-untyped-call]
    client: Any = zeep.Client(str(OWN_WSDL), wsse=token)  # type: ignore[no-untyped-call]
    return client.create_service(f"{{{NAMESPACE}}}RecordingServiceSoap", url)


def _bare(url: str, ours: SoapRecordingService, operation: str, fields: dict[str, object]) -> Callable[[], object]:
    contract, pool = ours.line.contract, urllib3.PoolManager()
    envelope = contract.sealed(contract.envelope(operation, fields))
    head = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{contract.action(operation)}"'}

    def ask() -> object:
        return pool.request("POST", url, body=envelope, headers=head, timeout=5.0).data

    return ask


def _compared(operation: str, ways: dict[str, Callable[[], object]], load: Load) -> list[Result]:
    asked = max(round(ASKED * load.size / TURNS), 10)
    measured = {name: Measured([], 0.0) for name in ways}
    for ask in ways.values():
        ask()  # Its connection and what it makes once are not what is measured.
    for _ in range(TURNS):
        for name, ask in ways.items():
            measured[name] += _measured(ask, asked)
    ours = measured[OURS]
    beside = [_result(operation, OURS, ours, other, ours.rate / measured[other].rate) for other in (FLOOR, BASELINE)]
    return [*beside, *(_result(operation, name, measured[name]) for name in (FLOOR, BASELINE))]


def _measured(ask: Callable[[], object], times: int) -> Measured:
    durations, cpu = [], time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        ask()
        durations.append(time.perf_counter() - began)
    return Measured(durations, time.process_time() - cpu)


def _result(operation: str, way: str, one: Measured, against: str = "", ratio: float | None = None) -> Result:
    """Return a way's figures; its percentiles and CPU time only once, measured alone or beside the floor."""
    what = f"{operation}: {way}"
    shown = against != BASELINE
    per_1000 = one.cpu / len(one.durations) * 1000
    return Result(
        bench="soap",
        what=what,
        rate=one.rate,
        unit="calls/s",
        cpu_seconds=one.cpu,
        against=against,
        ratio=ratio,
        latencies=[latency("asked to answered", one.durations)] if shown else [],
        notes=[f"{per_1000:.3f} CPU s per 1,000 calls, {1000 / per_1000:,.0f} calls a CPU second"] if shown else [],
    )
