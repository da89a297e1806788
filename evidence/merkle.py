"""Hashes that stand for many: the root of a tree over leaves, and the path that proves one leaf; pure.

RFC 9162, 2.1: leaves and nodes are hashed with another first byte, so that a node is never taken for a leaf; a tree of
n leaves is split at the largest power of two below n.
"""

import hashlib
from collections.abc import Sequence

_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(_LEAF + content).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of at least one leaf."""
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return _node(root_of(leaves[:at]), root_of(leaves[at:]))


def path_of(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the hashes beside the way from a leaf to the root, from below."""
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*path_of(leaves[:at], index), root_of(leaves[at:])]
    return [*path_of(leaves[at:], index - at), root_of(leaves[:at])]


def root_by_path(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root to which a path leads; None where a path of this length is not of such a leaf."""
    if not 0 <= index < count:
        return None
    if count == 1:
        return leaf if not path else None
    if not path:
        return None
    at, beside = _split(count), path[-1]
    if index < at:
        left = root_by_path(leaf, index, at, path[:-1])
        return None if left is None else _node(left, beside)
    right = root_by_path(leaf, index - at, count - at, path[:-1])
    return None if right is None else _node(beside, right)


def _split(count: int) -> int:
    return int(1 << ((count - 1).bit_length() - 1))


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
