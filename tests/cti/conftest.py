"""The protocol tests' own clock, and a listener with its line for the tests of listeners.

Protocol tests play both sides in one event loop, so a pause of the whole process is no time for either side.
"""

import asyncio
import selectors
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from cti.sources.registry import use_packages
from tests.cti.examples import source
from tests.cti.listening import LINE_SOURCE, Listening, Process
from tests.simulators.switch import Switch, switch

#: Longest time between two looks at the clock that counts, in seconds; what is longer was a pause of the process.
MAXIMUM_STEP = 0.02


class FrequentSelector(selectors.DefaultSelector):
    """Wait in short pieces, so that true waiting is never taken for a pause."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, after a quarter of the step at the latest."""
        return super().select(min(timeout, MAXIMUM_STEP / 4) if timeout is not None else None)


class SteadyLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still while the machine lets its process wait."""

    def __init__(self) -> None:
        self._seen_at, self._passed = super().time(), 0.0
        super().__init__(FrequentSelector())

    def time(self) -> float:
        """Return the seconds that this loop had to work or to wait in."""
        now = super().time()
        self._passed += min(now - self._seen_at, MAXIMUM_STEP)
        self._seen_at = now
        return self._passed


@pytest.fixture(autouse=True)
def _steady_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give ``asyncio.run`` the steady loop: short time-outs then hold on a busy machine too."""
    monkeypatch.setattr("asyncio.events.new_event_loop", SteadyLoop)


@pytest.fixture
def line_sources() -> Iterator[None]:
    """Install the tests' own kind of source, as an integrator does."""
    use_packages([LINE_SOURCE])
    yield
    use_packages(())


@pytest.fixture
def pbx(line_sources: None) -> Iterator[Switch]:
    with switch() as one:
        source("pbx", "line", host="127.0.0.1", port=one.port)
        yield one


@pytest.fixture
def listening(pbx: Switch) -> Iterator[Listening]:
    one = Listening()
    pbx.wait_for_link()
    yield one
    one.stop()


@pytest.fixture
def processes(settings: Settings, tmp_path: Path) -> Iterator[list[Process]]:
    running: list[Process] = []
    yield running
    for one in running:
        one.end()
