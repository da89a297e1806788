"""How sources are spread over processes by load; a name for each source, and the share of a process's time it takes."""

import random

import pytest

from cti.journal.lease_shares import IDLE_WEIGHT, MARGIN, Loads, Move, moves_to

IDLE = dict.fromkeys("abcdefgh", 0.0)
BUSY = {"a": 0.6, "b": 0.3, "c": 0.05}


@pytest.mark.parametrize(
    ("why", "own", "loads", "free", "taken"),
    [
        ("alone, it takes all that is free", "p", {"p": {}}, "abc", "abc"),
        ("free sources go one by one to the lightest", "p", {"p": {}, "q": {}}, "abcd", "ac"),
        ("the other process takes the other half", "q", {"p": {}, "q": {}}, "abcd", "bd"),
        ("a free source does not go to a busy process", "p", {"p": {"x": 0.5}, "q": {}}, "ab", ""),
        ("idle sources are spread by number", "q", {"p": IDLE, "q": {}}, "", "abcd"),
        ("a third that comes takes from the heaviest", "r", {"p": IDLE, "q": {"x": 0.0}, "r": {}}, "", "abcd"),
        ("an idle process takes what evens both out best", "q", {"p": BUSY, "q": {}}, "", "a"),
        ("it leaves the one source that takes all the time", "q", {"p": {"a": 1.0}, "q": {}}, "", ""),
        ("it takes the light ones from beside it", "q", {"p": {"a": 0.9, "b": 0.0}, "q": {}}, "", "b"),
        ("a busier process takes nothing", "p", {"p": BUSY, "q": {"x": 0.2}}, "", ""),
        ("a third that is not the lightest waits", "q", {"p": BUSY, "q": {"x": 0.2}, "r": {}}, "", ""),
        ("a small difference moves nothing", "q", {"p": {"a": 0.33, "b": 0.3}, "q": {"x": 0.28, "y": 0.29}}, "", ""),
        ("two sources apart stay apart", "q", {"p": {"a": 0.7}, "q": {"x": 0.3}}, "", ""),
        ("more processes than sources leave some without", "q", {"p": {"a": 0.0}, "q": {}}, "", ""),
    ],
)
def test_the_rule(why: str, own: str, loads: Loads, free: str, taken: str) -> None:
    moves = moves_to(own, loads, list(free))

    assert sorted(move.slug for move in moves) == sorted(taken), why
    holders = {slug: name for name, held in loads.items() for slug in held}
    assert all(move.holder == holders.get(move.slug, "") for move in moves)


def test_a_source_that_is_still_free_at_the_next_look_is_taken_by_whoever_looks() -> None:
    """The one that should take it may be frozen."""
    assert moves_to("p", {"p": {"x": 0.5}, "q": {}}, ["a"], {"a"}) == [Move("a")]


@pytest.mark.parametrize("seed", range(20))
def test_from_any_state_processes_come_to_rest_and_a_load_that_is_measured_a_little_wrong_moves_nothing_back(
    seed: int,
) -> None:
    rng = random.Random(seed)
    names, load = [f"p{n}" for n in range(rng.randint(2, 5))], {f"s{n}": rng.random() / 4 for n in range(16)}
    held: dict[str, dict[str, float]] = {name: {} for name in names}
    for slug, share in load.items():
        held[rng.choice(names)][slug] = share

    for _ in range(20):
        moved = _round(held, names)
        if not moved:
            break
    assert not moved
    for name in names:  # A tenth of the margin for each source is what a measurement may be wrong by.
        held[name] = {slug: load[slug] + rng.uniform(-MARGIN / 10, MARGIN / 10) for slug in held[name]}
    assert len(_round(held, names)) <= 1
    heaviest, lightest = (
        end(sum(map(IDLE_WEIGHT.__add__, one.values())) for one in held.values()) for end in (max, min)
    )
    assert heaviest - lightest < max(load.values()) + IDLE_WEIGHT + 2 * MARGIN


def _round(held: dict[str, dict[str, float]], names: list[str]) -> list[Move]:
    """Let each process look once, and take what it wants."""
    moved = []
    for name in names:
        for move in moves_to(name, held, []):
            held[name][move.slug] = held[move.holder].pop(move.slug)
            moved.append(move)
    return moved
