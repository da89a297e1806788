"""The loops beside Celery's consumer: which process runs them, and that an error ends none of them."""

from collections.abc import Callable

import pytest

from clock.stopping import stop
from devtools.servers import wait_until
from gateway_site import celery, worker_loops


class Loop:
    """A loop that fails twice and then goes on until the stop."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, note_life: Callable[[], None]) -> None:
        self.runs += 1
        if self.runs < 3:
            raise OSError("a defect")
        wait_until(lambda: stop.is_asked, "the stop")


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    one = Loop()
    monkeypatch.setattr(worker_loops, "_LOOPS", {"events": one})
    monkeypatch.setattr(worker_loops, "_running", {})
    monkeypatch.setattr(worker_loops, "PAUSE_SECONDS", 0.01)
    return one


def test_a_loop_that_failed_begins_again_and_a_stop_ends_it(loop: Loop) -> None:
    worker_loops.begin(["events", "default"])
    worker_loops.begin(["events"])
    wait_until(lambda: loop.runs == 3, "the third beginning")
    stop.ask()
    worker_loops.await_end(10)
    stop.forget()

    assert not worker_loops._running["events"].is_alive()
    assert loop.runs == 3


def test_the_process_in_which_a_pool_of_its_own_threads_is_made_begins_no_loop_before_it_is_ready(loop: Loop) -> None:
    celery._begin_loops_of_child()

    assert worker_loops._running == {}
