"""The settings of a source of kind ``asterisk_ami``: ``CtiSource.options`` read into typed values."""

from typing import Annotated, Any, Literal

import msgspec

from cti.sources.asterisk_ami.presets import PRESETS, ExtensionFrom, PresetName
from cti.sources.character_sets import is_usable
from cti.sources.port import SourceConfig


class AmiOptionsError(ValueError):
    """The options of a source cannot be read; the text names the option."""


class AmiOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """The settings of kind ``asterisk_ami``; docs/asterisk.md explains each.

    Patterns match a whole name without regard to case; ``*``, ``?`` and ``[...]`` work as in file names. A pattern
    with a slash is compared with ``TECHNOLOGY/peer``, one without with the peer.
    """

    #: Sets the patterns of a known distribution; the site's own patterns are added to them.
    preset: PresetName = "plain"
    #: "md5": a challenge is answered, and the secret is not sent.
    auth: Literal["plain", "md5"] = "plain"
    #: The character set of names. Empty: UTF-8, and Windows-1252 where a text is not valid UTF-8.
    encoding: str = ""
    #: Patterns of the peers that are trunks.
    trunks: tuple[str, ...] = ()
    #: Patterns of the dialplan contexts in which calls from outside begin; a channel created there is a trunk's.
    trunk_contexts: tuple[str, ...] = ()
    #: Patterns of the peers that are extensions; as a table, with the extension's number (``{"alice": "2001"}``). A
    #: ``*`` in the number stands for what the ``*`` of the pattern matched.
    extensions: dict[str, str] | tuple[str, ...] = {}
    #: "caller_number": an extension is known by the caller number of its phone, not by its peer's name.
    extension_from: ExtensionFrom | None = None
    #: Patterns of what the PBX itself writes in the place of a caller's name.
    caller_name_codes: tuple[str, ...] = ()
    #: Take the name that the PBX gives to a phone when no agent is logged on there.
    phone_users: bool = True
    wrapup_variable: str = "WRAPUP_CODE"
    wrapup_template_variable: str = ""
    #: None: every channel variable in manager.conf's ``channelvars`` except those of the wrap-up.
    query_variables: tuple[str, ...] | None = None
    wrapup_event: str = "AgentWrapup"
    wrapup_event_result: str = "Code"
    wrapup_event_template: str = "Template"
    #: The gateway may have a test phone make canary calls (Originate, Hangup).
    make_calls: bool = False
    #: The channel by which a test phone is called; ``{extension}`` stands for the test extension.
    canary_channel: str = "PJSIP/{extension}"
    #: The dialplan context in which the test phone calls the canary's number.
    canary_context: str = "from-internal"
    #: Interval between pings and timeout of an answer, in seconds.
    ping_seconds: float = 10.0
    timeout_seconds: float = 5.0
    full_boot_seconds: float = 2.0
    #: Interval of pings while the PBX reports calls, which show how old events may be, in seconds; 0: never.
    age_seconds: Annotated[float, msgspec.Meta(ge=0)] = 5.0

    @property
    def wrapup_variables(self) -> frozenset[str]:
        """Return the names of the variables that carry the wrap-up."""
        return frozenset(name for name in (self.wrapup_variable, self.wrapup_template_variable) if name)

    @property
    def extension_numbers(self) -> dict[str, str]:
        """Return the patterns of extensions with their numbers; ``*`` where the peer itself is the number."""
        if isinstance(self.extensions, dict):
            return self.extensions
        return dict.fromkeys(self.extensions, "")


def read_options(config: SourceConfig) -> AmiOptions:
    """Read a source's options and complete them from the preset.

    Raises ``AmiOptionsError`` that names the option that is wrong.
    """
    known: dict[str, Any] = {name: value for name, value in config.options.items() if value is not None}
    try:
        options = msgspec.convert(known, AmiOptions)
    except msgspec.ValidationError as error:
        raise AmiOptionsError(str(error)) from error
    if options.encoding and not is_usable(options.encoding):
        raise AmiOptionsError(f"encoding: {options.encoding} is not known, or does not extend ASCII")
    preset = PRESETS[options.preset]
    return msgspec.structs.replace(
        options,
        trunks=(*options.trunks, *preset.trunks),
        trunk_contexts=(*options.trunk_contexts, *preset.trunk_contexts),
        extension_from=options.extension_from or preset.extension_from,
        caller_name_codes=(*options.caller_name_codes, *preset.caller_name_codes),
    )
