"""The text of one Python file, its tree and its tokens, all addressed by byte offsets."""

import ast
import io
import keyword
import tokenize
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

_BLANK = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
    tokenize.ENDMARKER,
}  # fmt: skip


class Span(NamedTuple):
    """A stretch of bytes, from ``start`` up to, without, ``end``."""

    start: int
    end: int


@dataclass(frozen=True)
class Token:
    """A token that means something: no comment, no line break."""

    text: str
    start: int
    end: int

    @property
    def is_keyword(self) -> bool:
        """Say whether the token is a word of the language."""
        return keyword.iskeyword(self.text)


Positioned = ast.expr | ast.stmt | ast.keyword


@dataclass(frozen=True, eq=False)
class Source:
    """A file's text; ``path`` is relative to the project, with slashes."""

    path: str
    data: bytes

    @classmethod
    def read(cls, root: Path, path: Path) -> "Source":
        """Read a file of the project."""
        return cls(path.resolve().relative_to(root.resolve()).as_posix(), path.read_bytes())

    @cached_property
    def tree(self) -> ast.Module:
        """Return the syntax tree; raises ``SyntaxError`` for text that is no Python."""
        return ast.parse(self.data)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Return the parent of each node."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def line_starts(self) -> list[int]:
        """Return the offset of each line's first byte."""
        return [0, *accumulate(len(line) for line in self.data.splitlines(keepends=True))]

    @cached_property
    def tokens(self) -> list[Token]:
        """Return the tokens that mean something, in order."""
        return [
            Token(one.string, self._offset(one.start), self._offset(one.end))
            for one in tokenize.tokenize(io.BytesIO(self.data).readline)
            # A token over several lines is a text; it is never an operator, and its own end is not asked for.
            if one.type not in _BLANK and one.start[0] == one.end[0]
        ]

    def _offset(self, place: tuple[int, int]) -> int:
        start = self.line_starts[place[0] - 1]
        if self.data.isascii():
            return start + place[1]
        line = self.data[start : self.line_starts[place[0]]].decode()
        return start + len(line[: place[1]].encode())

    def span(self, node: Positioned) -> Span:
        """Return where the node stands; brackets around an expression are not a part of it."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.line_starts[node.lineno - 1] + node.col_offset
        return Span(start, self.line_starts[node.end_lineno - 1] + node.end_col_offset)

    def text(self, span: Span) -> str:
        """Return the text of a stretch."""
        return self.data[span.start : span.end].decode()

    def between(self, start: int, end: int) -> list[Token]:
        """Return the tokens that lie within."""
        first = bisect_left(self.tokens, start, key=lambda one: one.start)
        last = bisect_left(self.tokens, end, key=lambda one: one.start)
        return self.tokens[first:last]

    def before(self, offset: int) -> Token | None:
        """Return the last token that ends at or before the offset."""
        place = bisect_right(self.tokens, offset, key=lambda one: one.end)
        return self.tokens[place - 1] if place else None

    def after(self, offset: int) -> Token | None:
        """Return the first token that begins at or after the offset."""
        place = bisect_left(self.tokens, offset, key=lambda one: one.start)
        return self.tokens[place] if place < len(self.tokens) else None

    def bracketed(self, node: Positioned, within: Span) -> Span:
        """Return the node's stretch with the brackets around it, as far as these lie within the other stretch."""
        span = self.span(node)
        while True:
            left, right = self.before(span.start), self.after(span.end)
            if left is None or right is None or (left.text, right.text) != ("(", ")"):
                return span
            if left.start < within.start or right.end > within.end:
                return span
            span = Span(left.start, right.end)

    def line_of(self, offset: int) -> int:
        """Return the number of the line, from 1, that holds the offset."""
        return bisect_right(self.line_starts, offset)
