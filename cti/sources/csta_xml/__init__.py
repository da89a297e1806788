"""CSTA XML (ECMA-323) over TCP or TLS; ``options.py`` has what a site can set."""

from cti.sources.csta_xml.session import CstaSession

__all__ = ["CstaSession"]

from cti.sources.kind import SourceKind

SOURCE = SourceKind(
    slug="csta_xml",
    label="CSTA XML over TCP (ECMA-323)",
    session="cti.sources.csta_xml.session:CstaSession",
    options="cti.sources.csta_xml.options:CstaOptions",
    option_texts="cti.sources.csta_xml.option_texts:TEXTS",
    trace="cti.sources.csta_xml.trace:CstaTrace",
    needs_devices=True,
    can_make_calls=True,
)
