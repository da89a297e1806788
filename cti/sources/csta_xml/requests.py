"""The messages that the gateway sends, as XML."""

from xml.sax.saxutils import escape, quoteattr

import msgspec

from cti.sources.csta_xml.options import CstaOptions

SESSION = "http://www.ecma-international.org/standards/ecma-354/appl_session"
_ECMA = "http://www.ecma-international.org/standards/ecma-323/csta/"
_ED2 = "http://www.ecma.ch/standards/ecma-323/csta/ed2"
_OFFERED = ("ed4", "ed3", "ed6", "ed5", "ed2")


def namespace_of(edition: str) -> str:
    """Return the namespace of an edition of ECMA-323."""
    return _ED2 if edition == "ed2" else _ECMA + edition


def edition_in(protocol: str) -> str | None:
    """Return the edition that a protocol version names (``.../csta/ed3/priv1``), or None."""
    return next((edition for edition in _OFFERED if f"/csta/{edition}" in protocol), None)


def _document(name: str, namespace: str, body: str = "") -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f"{head}<{name} xmlns={quoteattr(namespace)}>{body}</{name}>".encode()


def _tag(name: str, text: object) -> str:
    return f"<{name}>{escape(str(text))}</{name}>"


def start_session(options: CstaOptions, username: str, secret: str) -> bytes:
    """Ask for an application session (ECMA-354), with a login where the site has one."""
    login = ""
    if username:
        where = f" xmlns={quoteattr(options.login_namespace)}" if options.login_namespace else ""
        inside = _tag("userName", username) + _tag("password", secret)
        login = (
            f"<applicationSpecificInfo><SessionLoginInfo{where}>{inside}</SessionLoginInfo></applicationSpecificInfo>"
        )
    editions = dict.fromkeys((options.edition, *_OFFERED))
    versions = "".join(_tag("protocolVersion", namespace_of(edition)) for edition in editions)
    body = (
        f"<applicationInfo>{_tag('applicationID', options.application)}{login}</applicationInfo>"
        f"<requestedProtocolVersions>{versions}</requestedProtocolVersions>"
    )
    return _document(
        "StartApplicationSession", SESSION, body + _tag("requestedSessionDuration", options.session_seconds)
    )


def reset_session_timer(session: str, seconds: int) -> bytes:
    """Renew a session."""
    body = _tag("sessionID", session) + _tag("requestedSessionDuration", seconds)
    return _document("ResetApplicationSessionTimer", SESSION, body)


def stop_session(session: str) -> bytes:
    """End a session in order."""
    reason = f"<sessionEndReason>{_tag('definedEndReason', 'normal')}</sessionEndReason>"
    return _document("StopApplicationSession", SESSION, _tag("sessionID", session) + reason)


class Requests(msgspec.Struct, frozen=True):
    """The requests and answers of ECMA-323 in one edition's namespace."""

    namespace: str
    options: CstaOptions

    def system_status(self) -> bytes:
        """Ask for the server's status."""
        return _document("RequestSystemStatus", self.namespace)

    def system_register(self) -> bytes:
        """Subscribe to changes of the server's status (ECMA-269 13.1)."""
        return _document(
            "SystemRegister", self.namespace, f"<requestTypes>{_tag('systemStatus', 'true')}</requestTypes>"
        )

    def monitor_start(self, device: str) -> bytes:
        """Start a monitor of a device."""
        kind = f" typeOfNumber={quoteattr(self.options.type_of_number)}" if self.options.type_of_number else ""
        of = f"<monitorObject><deviceObject{kind}>{self._written(device)}</deviceObject></monitorObject>"
        return _document("MonitorStart", self.namespace, of + _tag("monitorType", "device"))

    def monitor_stop(self, monitor: str) -> bytes:
        """Stop a monitor."""
        return _document("MonitorStop", self.namespace, _tag("monitorCrossRefID", monitor))

    def snapshot_device(self, device: str) -> bytes:
        """Ask which calls are at a device."""
        return _document("SnapshotDevice", self.namespace, f"<snapshotObject>{self._written(device)}</snapshotObject>")

    def snapshot_call(self, call: str, device: str) -> bytes:
        """Ask who is in a call; call and device exactly as the server named them."""
        inside = _tag("callID", call) + _tag("deviceID", device)
        return _document("SnapshotCall", self.namespace, f"<snapshotObject>{inside}</snapshotObject>")

    def agent_state(self, device: str) -> bytes:
        """Ask who is logged on at a device."""
        return _document("GetAgentState", self.namespace, f"<device>{self._written(device)}</device>")

    def make_call(self, extension: str, number: str) -> bytes:
        """Have an extension call a number without prompting its user (ECMA-269, Make Call).

        The elements stand in the order of MakeCallArgument in ECMA-285 (callingDevice, calledDirectoryNumber,
        accountCode, authCode, autoOriginate, ...), in which public clients of CSTA XML send them, too.
        """
        body = f"<callingDevice>{self._written(extension)}</callingDevice>" + _tag("calledDirectoryNumber", number)
        return _document("MakeCall", self.namespace, body + _tag("autoOriginate", "doNotPrompt"))

    def clear_connection(self, call: str, device: str) -> bytes:
        """Have a device leave a call (ECMA-269, Clear Connection); both exactly as the server named them."""
        inside = (_tag("callID", call) if call else "") + (_tag("deviceID", device) if device else "")
        return _document("ClearConnection", self.namespace, f"<connectionToBeCleared>{inside}</connectionToBeCleared>")

    def system_status_response(self) -> bytes:
        """Answer the server's status message."""
        return _document("SystemStatusResponse", self.namespace)

    def monitor_stop_response(self) -> bytes:
        """Confirm that a monitor has ended."""
        return _document("MonitorStopResponse", self.namespace)

    def not_served(self) -> bytes:
        """Answer a request that the gateway does not serve."""
        return _document("CSTAErrorCode", self.namespace, "<unspecified/>")

    def _written(self, device: str) -> str:
        return escape(self.options.device_format.format(device=device))
