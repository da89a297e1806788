"""CTI source ``http``: a program posts CloudEvents to ``POST /api/events``; ``cti.http_intake`` takes them."""

from cti.sources.kind import SourceKind

SOURCE = SourceKind(slug="http", label="HTTP intake (CloudEvents)", trace="cti.sources.http.trace:HttpTrace")
