"""CSTA XML (ECMA-323) over TCP or TLS; ``options.py`` has what a site can set."""

from cti.sources.csta_xml.session import CstaSession

__all__ = ["CstaSession"]
