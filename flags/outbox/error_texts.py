"""The last error of a flag write in plain words, by its code."""

#: What each code means, and what helps.
REASONS = {
    "Unavailable": "The Recording Service was not reached; nothing was sent.",
    "Configuration": "The Recording Service is set up wrongly here: its address, WSDL or password cannot be used.",
    "ServiceBusy": "The Recording Service said that it cannot serve now.",
    "InternalError": "The Recording Service said that it failed.",
    "Unclear": "Sent, but no answer came: the flags may stand. They are read back before anything is sent again.",
    "AuthenticationFailed": "QMS does not accept the gateway's user name and password.",
    "NotAuthorised": "QMS knows the gateway's user, who may not write flags.",
    "RecordingNotFound": "QMS has no such recording, or not any more.",
    "FlagAlreadyWritten": "Another value of a flag stands on the recording; it cannot be changed.",
    "UnknownFlag": "A flag does not exist in QMS: create it on the Flags page, or else in QMS itself, then retry.",
    "ValueTooLong": "A value is longer than QMS holds: shorten the flag on the Flags page for the calls to come.",
    "NotOffered": "The Recording Service does not offer to write flags.",
    "InvalidRequest": "QMS did not understand the request.",
    "GivenUp": "An operator gave it up.",
    "Shadow": "Never sent: another gateway writes the flags of this Recording Service (shadow mode).",
}


def in_plain_words(code: str) -> str:
    """Return what a code means; an unknown one stands for itself."""
    return REASONS.get(code, f"QMS refused: {code}." if code else "")
