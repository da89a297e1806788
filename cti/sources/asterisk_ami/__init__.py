"""CTI source ``asterisk_ami``: the Asterisk Manager Interface over TCP.

framing -> reassembly -> messages -> pbx_state (channels, calls, legs, transfers, dialling, agents, variables) -> CTI
events. classification separates phones from trunks; snapshot reads what is in progress. session is the client,
with answers and originated_calls (canary calls); these three alone are not pure.
"""

from cti.sources.kind import SourceKind

SOURCE = SourceKind(
    slug="asterisk_ami",
    label="Asterisk Manager Interface",
    session="cti.sources.asterisk_ami.session:AmiSession",
    options="cti.sources.asterisk_ami.options:AmiOptions",
    option_texts="cti.sources.asterisk_ami.option_texts:TEXTS",
    trace="cti.sources.asterisk_ami.trace:AmiTrace",
    settle_ms=0,
    port=5038,
    tls_port=5039,
    can_make_calls=True,
)
