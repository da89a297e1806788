"""How many events of a source are folded at once, from what its folds took."""

from calls.pipeline.slice_size import FEWEST, SliceSize


def _folded(size: SliceSize, folds: int, each: float) -> None:
    """Note folds of different sizes that take 20 ms and so much for every event."""
    for turn in range(folds):
        events = 300 + 40 * (turn % 5)
        size.note(events, 0.02 + each * events)


def test_one_fold_that_stood_still_makes_no_slice_smaller() -> None:
    """PostgreSQL waited for a lock, or the process for a processor; what came meanwhile is to be folded at once."""
    size = SliceSize()
    _folded(size, 40, 0.0002)
    before = size.limit()
    size.note(500, 5.0)

    assert size.limit() == before


def test_events_that_take_long_from_one_fold_on_make_slices_smaller() -> None:
    size = SliceSize()
    _folded(size, 40, 0.0002)
    _folded(size, 20, 0.01)

    assert size.limit() == FEWEST


def test_a_source_alone_in_its_process_has_slices_of_three_times_the_time() -> None:
    size = SliceSize()
    _folded(size, 40, 0.0005)

    assert size.limit(is_alone=True) == 3 * size.limit()
