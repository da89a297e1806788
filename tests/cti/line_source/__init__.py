"""A kind of source as an integrator adds one: this folder and nothing else (docs/add-a-cti-source.md)."""

from cti.sources.kind import SourceKind

SOURCE = SourceKind(
    slug="line", label="One line over TCP is one event", session="tests.cti.line_source.session:LineSession"
)
