"""The options of a CSTA source as its form names them."""

from cti.sources.kind import OptionText

TEXTS = {
    "session": OptionText(
        "Application session",
        "How the link is opened: with an application session (ECMA-354), without one, or try the first and fall back.",
    ),
    "session_seconds": OptionText(
        "Session duration (s)", "Requested lifetime of an application session; renewed in time."
    ),
    "application": OptionText("Application ID", "The name under which the gateway registers with the server."),
    "login_namespace": OptionText("Login namespace", "XML namespace of the element with user name and password."),
    "edition": OptionText("CSTA edition", "Edition of ECMA-323 that is requested first."),
    "device_format": OptionText(
        "Device format",
        "How the server writes an extension, for example {device}:CM1::0; {device} stands for its number.",
    ),
    "type_of_number": OptionText(
        "Type of number", "The attribute typeOfNumber of a device ID, if the server wants one."
    ),
    "system_register": OptionText(
        "Subscribe to system status",
        "Send SystemRegister. Most servers report their status without it, some refuse it.",
    ),
    "encoding": OptionText(
        "Character encoding", "Encoding of the server's messages, whatever they declare. Empty: the declared one."
    ),
    "make_calls": OptionText(
        "Allow canary calls",
        "Let the gateway have a test extension call the canary's number (MakeCall) and hang up (ClearConnection). "
        "Nothing else is ever asked of a phone.",
    ),
    "snapshot": OptionText("Take snapshots", "Ask for the calls in progress when the link comes up."),
    "agents": OptionText("Ask who is logged on", "Send GetAgentState when the link comes up."),
    "heartbeat_seconds": OptionText(
        "Heartbeat interval (s)", "The server is asked for its status after this silence; after three the link is down."
    ),
    "age_seconds": OptionText(
        "Interval of status requests (s)",
        "While it reports calls, the server is asked for its status at this interval: how late its answer is shows how "
        "old an event may be. 0: never.",
    ),
    "request_seconds": OptionText("Request timeout (s)", "How long an answer may take."),
    "connect_seconds": OptionText("Connect timeout (s)", "How long opening the connection may take."),
    "snapshot_seconds": OptionText("Snapshot timeout (s)", "How long all the segments of a snapshot may take."),
    "outlet_seconds": OptionText("Journal timeout (s)", "How long keeping what was read may take."),
    "retry_seconds": OptionText(
        "First retry interval (s)", "Wait before a refused monitor is requested again; it doubles."
    ),
    "retry_limit_seconds": OptionText("Maximum retry interval (s)", "The wait grows no further than this."),
    "parallel": OptionText("Requests at once", "Maximum number of requests without an answer."),
    "ignored_devices": OptionText(
        "Ignored devices", "Ports of recorders and silent monitors: their connections are no one's leg."
    ),
    "wrapup": OptionText("Wrap-up: one element", "Private data element that holds result and template."),
    "wrapup_result": OptionText("Wrap-up: result element", "Private data element that holds the wrap-up result."),
    "wrapup_template": OptionText("Wrap-up: template element", "Private data element that holds the wrap-up template."),
    "agent_name": OptionText("Agent name element", "Private data element that holds the agent's name."),
    "caller_name": OptionText("Caller name element", "Private data element that holds the caller's name."),
    "caller_name_source": OptionText(
        "Caller name source element", "Private data element that says from which phone book the caller's name is."
    ),
    "agent_reason": OptionText("Reason code element", "Private data element that says why an agent is not ready."),
    "queue_name": OptionText(
        "Queue name element",
        "Private data element that holds a queue's name. Empty: only the source's own list names queues.",
    ),
}
