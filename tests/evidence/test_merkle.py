"""The tree of hashes: each leaf is proved by its path, and by no other leaf, place or path."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.merkle import leaf_hash, path_of, root_by_path, root_of


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(at).encode()) for at in range(count)]


def test_the_tree_is_that_of_the_rfc() -> None:
    """RFC 9162, 2.1.1: three leaves are split as two and one."""
    a, b, c = leaves(3)
    assert root_of([a, b, c]) == sha256(b"\x01" + sha256(b"\x01" + a + b).digest() + c).digest()
    assert leaf_hash(b"") == sha256(b"\x00").digest()


@given(st.integers(1, 70), st.data())
def test_every_leaf_is_proved_at_its_place_alone(count: int, data: st.DataObject) -> None:
    all_leaves, index = leaves(count), data.draw(st.integers(0, count - 1))
    path, root = path_of(all_leaves, index), root_of(all_leaves)

    assert root_by_path(all_leaves[index], index, count, path) == root
    for other in {0, count - 1, (index + 1) % count} - {index}:
        assert root_by_path(all_leaves[index], other, count, path) != root
        assert root_by_path(all_leaves[other], index, count, path) != root


@pytest.mark.parametrize("index", [-1, 5, 6])
def test_a_place_outside_the_tree_proves_nothing(index: int) -> None:
    assert root_by_path(leaves(1)[0], index, 5, path_of(leaves(5), 0)) is None


def test_a_path_that_is_too_long_or_too_short_proves_nothing() -> None:
    path = path_of(leaves(5), 2)
    assert root_by_path(leaves(5)[2], 2, 5, path[:-1]) is None
    assert root_by_path(leaves(5)[2], 2, 5, [*path, path[0]]) is None
