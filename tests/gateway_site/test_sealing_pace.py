"""Sealing evidence leaves the processors to the calls."""

from datetime import UTC, datetime, timedelta

import pytest

from clock.stopping import Stop
from gateway_site.sealing import collect

NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)


def test_sealing_rests_after_each_block_and_ends_with_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute's writes in one piece would take a processor from the calls of that time."""
    rests: list[float] = []
    times = iter([0.0, 0.5, 2.0, 3.0, 9.0])
    blocks = iter([collect.REST, collect.REST_LATE, 0, collect.REST])
    monkeypatch.setattr(collect, "sleep", rests.append)
    monkeypatch.setattr(collect, "monotonic", lambda: next(times, 10.0))
    collect._paced(lambda _: next(blocks), lambda: NOW, NOW + timedelta(seconds=20))
    assert rests == [0.5 * collect.REST, 1.0 * collect.REST_LATE]

    asked = Stop()
    asked.ask()
    monkeypatch.setattr(collect, "stop", asked)
    collect._paced(lambda _: pytest.fail("it goes on"), lambda: NOW, NOW + timedelta(seconds=20))
