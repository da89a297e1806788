"""How a kind of CTI source declares itself. Pure."""

import msgspec

#: Events of different monitors may arrive in any order within this time, in milliseconds (rule 4 of the design).
DEFAULT_SETTLE_MS = 1000


class OptionText(msgspec.Struct, frozen=True):
    """How a form names an option, and what it says below: plain words, with the unit."""

    label: str
    help: str = ""


class SourceKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of CTI source: the constant ``SOURCE`` in the package of its folder.

    ``session``: ``"module:Class"`` of a ``cti.sources.port.Session``, made with ``(config, stamp)`` when it is needed;
    None for a kind that posts its events and needs no listener. ``options``: ``"module:Class"`` of the msgspec struct
    that reads ``CtiSource.options``; None for a kind without options. ``option_texts``: ``"module:NAME"`` of a map from
    an option's name to its ``OptionText``; an option without one is shown by its name. ``trace``: ``"module:Class"`` of
    a ``cti.sources.trace.TraceReader``, made as a session is; None where recorded traces cannot be read. ``settle_ms``:
    how late events of other monitors may arrive, in milliseconds; 0 for a source that is one ordered stream.
    ``needs_devices``: it reports only devices that are listed. ``port``, ``tls_port``: where it is reached in clear and
    over TLS where the source names no port; 0: the source has to name it. ``can_make_calls``: its sessions are
    ``cti.sources.port.CallMaker``.
    """

    slug: str
    label: str
    session: str | None = None
    options: str | None = None
    option_texts: str | None = None
    trace: str | None = None
    settle_ms: int = DEFAULT_SETTLE_MS
    needs_devices: bool = False
    port: int = 0
    tls_port: int = 0
    can_make_calls: bool = False

    @property
    def has_listener(self) -> bool:
        """Say whether a ``listen`` process keeps a link to sources of this kind."""
        return self.session is not None
