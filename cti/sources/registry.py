"""Which module speaks which kind of source; loaded when it is needed.

A module of this table offers ``open_session(config: SourceConfig, stamp: Stamp) -> Session``.
"""

import importlib

from cti.sources.port import Session, SourceConfig, Stamp

SESSIONS = {
    "csta_xml": "cti.sources.csta_xml.session",
    "asterisk_ami": "cti.sources.asterisk_ami.session",
}


class NoSession(Exception):
    """A source of this kind has no session: it needs no listener."""

    retryable = False


def has_session(kind: str) -> bool:
    """Say whether sources of this kind are listened to."""
    return kind in SESSIONS


def open_session(config: SourceConfig, stamp: Stamp) -> Session:
    """Make a session of the source's kind; it connects when it is run. Raises ``NoSession``."""
    if not has_session(config.kind):
        raise NoSession(f"A source of kind {config.kind} has no listener")
    session: Session = importlib.import_module(SESSIONS[config.kind]).open_session(config, stamp)
    return session
