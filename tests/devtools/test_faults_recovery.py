"""How long a fault is felt is read from looks taken twice a second."""

from datetime import UTC, datetime, timedelta

from devtools.faults.options import options
from devtools.faults.recovery import FlowLook, seconds_until_normal
from devtools.faults.schedule import upgrade_and_back

BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)


def looks(flow: str) -> list[FlowLook]:
    """Make a look each half second; "." is normal, "x" is not."""
    return [FlowLook(BEGAN + timedelta(seconds=i / 2), one == ".") for i, one in enumerate(flow)]


def test_a_fault_that_nobody_felt_took_no_time() -> None:
    assert seconds_until_normal(looks("." * 60), BEGAN) == 0


def test_a_fault_is_over_when_events_flow_for_two_seconds() -> None:
    assert seconds_until_normal(looks("..xxxx.x......"), BEGAN) == 4


def test_a_stall_long_after_a_fault_is_not_counted_to_it() -> None:
    assert seconds_until_normal(looks("." * 30 + "xxxx" + "." * 10), BEGAN) == 0


def test_a_fault_that_lasts_to_the_end_took_all_the_time() -> None:
    assert seconds_until_normal(looks("..xxxxxxx"), BEGAN) == 4


def test_an_upgrade_and_its_way_back_are_planned_once_each() -> None:
    assert [(one.at, one.kind) for one in upgrade_and_back(["up", "back"], 90)] == [(30, "up"), (60, "back")]


def test_the_layouts_are_asked_for_by_words() -> None:
    assert options(["--replicas"]).has_replicas
    assert options(["--hosts", "2"]).hosts == 2
    assert options(["--upgrade-from", "v0.1.0"]).upgrade_from == "v0.1.0"
