"""CTI source ``asterisk_ami``: the Asterisk Manager Interface over TCP.

framing -> mending -> messages -> picture (board, callbook, ledger, conversations, joining, dialling, agents,
variables) -> CTI events; session is the client. All but session is pure.
"""

from cti.sources.kind import SourceKind

SOURCE = SourceKind(
    slug="asterisk_ami",
    label="Asterisk Manager Interface",
    session="cti.sources.asterisk_ami.session:AmiSession",
    options="cti.sources.asterisk_ami.options:AmiOptions",
    settle_ms=0,
)
