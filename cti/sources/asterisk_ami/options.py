"""What a site can say about its Asterisk: ``CtiSource.options`` read into typed values."""

from typing import Any, Literal

import msgspec

from cti.sources.port import SourceConfig


class AmiOptionsError(ValueError):
    """The options of a source cannot be read; the text names the option."""


class AmiOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """The settings of kind ``asterisk_ami``; each is explained in the manual."""

    #: "md5": by a challenge, so that the secret is not sent.
    auth: Literal["plain", "md5"] = "plain"
    #: Peers whose name begins so are trunks.
    trunks: tuple[str, ...] = ("trunk",)
    #: Dialplan contexts in which calls from outside begin; a channel born there is a trunk's.
    trunk_contexts: tuple[str, ...] = ("from-trunk", "from-pstn", "from-external")
    #: Peer -> extension, where the two differ (PJSIP/alice is 2001).
    extensions: dict[str, str] = {}
    #: Take the name that the PBX gives to a phone where no agent is logged on at it.
    phone_users: bool = True
    wrapup_variable: str = "WRAPUP_CODE"
    wrapup_template_variable: str = ""
    #: None: every channel variable of manager.conf's ``channelvars``, but for those of the wrap-up.
    query_variables: tuple[str, ...] | None = None
    wrapup_event: str = "AgentWrapup"
    wrapup_event_result: str = "Code"
    wrapup_event_template: str = "Template"
    #: Seconds between signs of life, and how long an answer may take.
    ping_seconds: float = 10.0
    timeout_seconds: float = 5.0
    full_boot_seconds: float = 2.0

    @property
    def wrapup_variables(self) -> frozenset[str]:
        """Return the names of the variables that carry the wrap-up."""
        return frozenset(name for name in (self.wrapup_variable, self.wrapup_template_variable) if name)


def read_options(config: SourceConfig) -> AmiOptions:
    """Read a source's options. Raises ``AmiOptionsError`` that names the one that is wrong."""
    known: dict[str, Any] = {name: value for name, value in config.options.items() if value is not None}
    try:
        return msgspec.convert(known, AmiOptions)
    except msgspec.ValidationError as error:
        raise AmiOptionsError(str(error)) from error
