"""What a site can say about its CSTA server: ``CtiSource.options`` read into typed values.

Names of private data (``extensions/privateData/private``) are local names, compared without case; an element with a
child is a folder, its leaves are read. What no option names goes to the call's query data under its local name.
"""

from typing import Annotated, Literal

import msgspec

from cti.sources.port import SourceConfig

Seconds = Annotated[float, msgspec.Meta(gt=0)]


class CstaOptionsError(ValueError):
    """The options of a source cannot be read; the text names the option. Only a person can mend it."""

    retryable = False


class CstaOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of kind ``csta_xml``; each is explained in the manual."""

    #: "explicit" (ECMA-354), "implicit" (RequestSystemStatus), or try the first and fall back to the second.
    session: Literal["auto", "explicit", "implicit"] = "auto"
    session_seconds: Annotated[int, msgspec.Meta(ge=2)] = 180
    application: str = "qms-gateway"
    #: Namespace of the SessionLoginInfo that carries user name and password.
    login_namespace: str = ""
    #: The edition of ECMA-323 that is asked for first, and spoken where the server names none.
    edition: Literal["ed2", "ed3", "ed4", "ed5", "ed6"] = "ed4"
    #: How the server writes an extension, e.g. "{device}:CM1::0"; and the attribute typeOfNumber, if it wants one.
    device_format: str = "{device}"
    type_of_number: str = ""
    #: Ask the server to tell by itself how it is (SystemRegister); many tell without, and some know no such request.
    system_register: bool = False
    snapshot: bool = True
    #: Ask who is logged on (GetAgentState).
    agents: bool = True
    #: After this long a silence the server is asked for its status; after three, the link is dead.
    heartbeat_seconds: Seconds = 30.0
    request_seconds: Seconds = 5.0
    connect_seconds: Seconds = 10.0
    #: How long a snapshot in segments may take; each segment of it, as long as an answer.
    snapshot_seconds: Seconds = 30.0
    #: How long it may take to keep what was read.
    outlet_seconds: Seconds = 60.0
    #: A refused monitor is asked for again after this long, then twice as long, up to the limit.
    retry_seconds: Seconds = 5.0
    retry_limit_seconds: Seconds = 300.0
    #: Requests under way at once.
    parallel: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8
    #: Ports of recorders and silent monitors: their connections are nobody's.
    ignored_devices: tuple[str, ...] = ()
    #: Private data: the wrap-up as one element or as two, in a folder or not.
    wrapup: str = "Wrapup"
    wrapup_result: str = "WrapupResult"
    wrapup_template: str = "WrapupTemplate"
    #: Private data: names. ``callerNameSource`` says whose phone book a caller's name is from.
    agent_name: str = "agentName"
    caller_name: str = "callerName"
    caller_name_source: str = "callerNameSource"
    #: Private data: why an agent is not ready; and a queue's name (empty: only ``queues`` names queues).
    agent_reason: str = "reasonCode"
    queue_name: str = ""


def read_options(config: SourceConfig) -> CstaOptions:
    """Read a source's options. Raises ``CstaOptionsError`` that names the one that is wrong."""
    known = {name: value for name, value in config.options.items() if value is not None}
    try:
        options = msgspec.convert(known, CstaOptions)
        options.device_format.format(device="")
    except (msgspec.ValidationError, LookupError, ValueError) as error:
        raise CstaOptionsError(str(error)) from error
    return options
