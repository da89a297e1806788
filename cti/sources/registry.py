"""Which class speaks which kind of source; loaded when it is needed.

A class of this table is made with ``(config: SourceConfig, stamp: Stamp)`` and is a ``Session``.
"""

import importlib

from cti.sources.port import Session, SourceConfig, Stamp

SESSIONS = {
    "csta_xml": "cti.sources.csta_xml.session:CstaSession",
    "asterisk_ami": "cti.sources.asterisk_ami.session:AmiSession",
}


class NoSession(Exception):
    """A source of this kind has no session: it needs no listener."""

    retryable = False


def has_session(kind: str) -> bool:
    """Say whether sources of this kind are listened to."""
    return kind in SESSIONS


def open_session(config: SourceConfig, stamp: Stamp) -> Session:
    """Make a session of the source's kind; it connects when it is run.

    Raises ``NoSession``, or ``LinkError`` when the source's options are wrong.
    """
    if not has_session(config.kind):
        raise NoSession(f"A source of kind {config.kind} has no listener")
    module, _, name = SESSIONS[config.kind].partition(":")
    session: Session = getattr(importlib.import_module(module), name)(config, stamp)
    return session
