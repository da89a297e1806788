"""What a site can say about its CSTA server: ``CtiSource.options`` read into typed values.

Names of private data (``extensions/privateData/private``) are local names, compared without case; an element with a
child is a folder, its leaves are read. What no option names goes to the call's query data under its local name.
"""

from typing import Annotated, Literal

import msgspec

from cti.sources.character_sets import is_usable
from cti.sources.csta_xml.devices import read_device
from cti.sources.port import SourceConfig

#: A device to try a format with.
_ANY = "2001"
Seconds = Annotated[float, msgspec.Meta(gt=0)]


class CstaOptionsError(ValueError):
    """The options of a source cannot be read; the text names the option. Only a person can correct it."""

    retryable = False


class CstaOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of kind ``csta_xml``; each is explained in the manual."""

    #: "explicit" (ECMA-354), "implicit" (RequestSystemStatus), or try the first and fall back to the second.
    session: Literal["auto", "explicit", "implicit"] = "auto"
    session_seconds: Annotated[int, msgspec.Meta(ge=2)] = 180
    application: str = "qms-gateway"
    #: Namespace of the SessionLoginInfo that carries user name and password.
    login_namespace: str = ""
    #: The edition of ECMA-323 that is requested first, and used where the server names none.
    edition: Literal["ed2", "ed3", "ed4", "ed5", "ed6"] = "ed4"
    #: How the server writes an extension, e.g. "{device}:CM1::0"; and the attribute typeOfNumber, if it wants one.
    device_format: str = "{device}"
    type_of_number: str = ""
    #: Subscribe to the server's status (SystemRegister); many servers report it without, and some refuse the request.
    system_register: bool = False
    #: The encoding that the server's messages are in, whatever they declare. Empty: the declared one, and Windows-1252
    #: for what is not valid in it.
    encoding: str = ""
    snapshot: bool = True
    #: The gateway may have a test extension make canary calls (MakeCall, ClearConnection).
    make_calls: bool = False
    #: Ask who is logged on (GetAgentState).
    agents: bool = True
    #: Silence after which the server is asked for its status; after three of them the link is dead.
    heartbeat_seconds: Seconds = 30.0
    #: Interval at which the server is asked for its status while it reports calls, which shows how old events may be;
    #: 0: never.
    age_seconds: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    request_seconds: Seconds = 5.0
    connect_seconds: Seconds = 10.0
    #: Timeout of a snapshot in segments; each segment has the timeout of an answer.
    snapshot_seconds: Seconds = 30.0
    #: Timeout for keeping what was read.
    outlet_seconds: Seconds = 60.0
    #: First interval before a refused monitor is requested again; it doubles up to the limit.
    retry_seconds: Seconds = 5.0
    retry_limit_seconds: Seconds = 300.0
    #: Maximum requests under way at once.
    parallel: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8
    #: Ports of recorders and silent monitors: their connections belong to nobody.
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
    except msgspec.ValidationError as error:
        raise CstaOptionsError(str(error)) from error
    if options.encoding and not is_usable(options.encoding):
        raise CstaOptionsError(f"encoding: {options.encoding} is not known, or does not extend ASCII")
    written_numbers(config, options)
    return options


def written_numbers(config: SourceConfig, options: CstaOptions) -> dict[str, str]:
    """Return the numbers by which the server knows the site's devices, where they are not the site's own numbers.

    Raises ``CstaOptionsError`` where a number that the server sends could mean two devices.
    """
    if _as_written(options.device_format, _ANY) != _ANY and not config.devices:
        raise CstaOptionsError("device_format: it can be read back only for devices that the source lists")
    configured = dict.fromkeys((*config.devices, *config.queues, *options.ignored_devices))
    own = {read_device(device).number for device in configured}
    written = [(_as_written(options.device_format, device), read_device(device).number) for device in configured]
    found: dict[str, str] = {}
    for number, device in written:
        if number != device and (number in own or found.setdefault(number, device) != device):
            text = f"device_format: {number} could be {device} or another device of this source"
            raise CstaOptionsError(text)
    return found


def _as_written(device_format: str, device: str) -> str:
    """Return the number of a device as it is compared after the server wrote it."""
    try:
        written = device_format.format(device=device)
    except (AttributeError, LookupError, ValueError) as error:
        raise CstaOptionsError(f"device_format: {error}") from error
    if device not in written:
        raise CstaOptionsError("device_format: {device} is missing")
    if device_format.count("{device") > 1:
        raise CstaOptionsError("device_format: {device} stands in it more than once")
    return read_device(written).number
