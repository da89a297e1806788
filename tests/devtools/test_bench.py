"""The benches' own arithmetic, and that what they print can be read by a program."""

import os
import threading

import msgspec
import pytest

from devtools.bench.__main__ import main
from devtools.bench.meter import taken
from devtools.bench.result import Result, Usage, latency, table
from devtools.servers import wait_until


def test_percentiles_are_durations_that_were_measured() -> None:
    found = latency("asked", [number / 1000 for number in range(1, 101)])

    assert (found.count, found.p50, found.p95, found.p99, found.longest) == (100, 0.05, 0.095, 0.099, 0.1)


def test_nothing_measured_is_reported_as_nothing() -> None:
    assert latency("asked", []).count == 0


def test_a_table_shows_rates_latencies_and_processes() -> None:
    usage = Usage(kind="events", cpu_per_1000_calls=2.5, cores=0.5, first_mib=80, last_mib=81, peak_mib=90)
    one = Result(
        bench="calls",
        what="10 calls/s",
        rate=1234.5,
        unit="calls/s",
        cpu_seconds=3,
        against="floor",
        ratio=0.5,
        latencies=[latency("asked", [0.25])],
        usage=[usage],
        notes=["settled"],
    )

    shown = table([one])

    assert all(word in shown for word in ("1,234", "0.50", "asked", "250", "events", "2.50", "settled"))


def test_a_short_duration_is_shown_to_the_microsecond() -> None:
    one = Result(
        bench="soap", what="asked", rate=1, unit="calls/s", cpu_seconds=1, latencies=[latency("asked", [0.000059])]
    )

    assert "0.059" in table([one])


def test_a_process_is_counted_with_all_that_it_started() -> None:
    mine = taken({"me": os.getpid()})["me"]

    assert mine.bytes > 2**20
    wait_until(lambda: taken({"me": os.getpid()})["me"].cpu > mine.cpu, "CPU time")


def test_a_wait_is_counted_as_a_wakeup() -> None:
    before = taken({"me": os.getpid()})["me"].wakeups
    threading.Event().wait(0.001)

    assert taken({"me": os.getpid()})["me"].wakeups > before


def test_a_bench_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["nonsense"])


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["sources", "soap", "intake", "backlog", "reconcile", "gaps"])
def test_the_quick_form_prints_json(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--quick", "--json"]) == 0

    found = msgspec.json.decode(capfd.readouterr().out, type=list[Result])
    assert {one.bench for one in found} == {name}
    assert all(one.rate > 0 for one in found)
