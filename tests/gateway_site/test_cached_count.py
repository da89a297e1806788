"""A count that takes long is not done at each request; one that does not is always fresh."""

import pytest

from gateway_site.ops.cached_count import CachedCount


class Slow:
    """A count that takes some time of a clock that stands otherwise."""

    def __init__(self, seconds: float) -> None:
        self.time, self.seconds, self.counted = 0.0, seconds, 0

    def __call__(self) -> int:
        """Count once more."""
        self.counted += 1
        self.time += self.seconds
        return self.counted


@pytest.mark.parametrize(("later", "expected"), [(0, 1), (29, 1), (31, 2)])
def test_a_count_of_three_tenths_of_a_second_is_done_again_after_thirty_seconds(later: float, expected: int) -> None:
    slow = Slow(0.3)
    seldom = CachedCount(slow, lambda: slow.time)
    assert seldom() == 1
    slow.time += later

    assert seldom() == expected


def test_a_cheap_count_is_done_each_time() -> None:
    cheap = Slow(0.01)
    seldom = CachedCount(cheap, lambda: cheap.time)

    assert [seldom(), seldom()] == [1, 2]
