"""The options of an Asterisk source as its form names them."""

from cti.sources.kind import OptionText

TEXTS = {
    "preset": OptionText("Distribution", "Patterns of a known distribution; the site's own are added to them."),
    "auth": OptionText("Login method", "With md5 a challenge is answered and the secret is never sent."),
    "encoding": OptionText(
        "Character encoding", "Encoding of names. Empty: UTF-8, and Windows-1252 where a text is not valid UTF-8."
    ),
    "trunks": OptionText("Trunks", "Patterns of the peers that are trunks, for example SIP/carrier*."),
    "trunk_contexts": OptionText(
        "Trunk contexts",
        "Patterns of the dialplan contexts in which calls from outside begin, for example from-trunk*.",
    ),
    "extensions": OptionText(
        "Extensions",
        "Patterns of the peers that are extensions; with a number where it is not the name, as SIP/alice = 2001.",
    ),
    "extension_from": OptionText(
        "Extension number from",
        "caller_number: an extension is known by its phone's caller number, not by its peer's name. Not set: as the "
        "distribution has it.",
    ),
    "phone_users": OptionText(
        "Take names of phones", "Where no agent is logged on, take the name that the PBX gives to the phone."
    ),
    "caller_name_codes": OptionText(
        "Codes in caller names",
        "Patterns of texts that the PBX writes where a caller's name stands and that name nobody, for example Y1128*.",
    ),
    "wrapup_variable": OptionText("Wrap-up: result variable", "Channel variable that holds the wrap-up result."),
    "wrapup_template_variable": OptionText(
        "Wrap-up: template variable", "Channel variable that holds the wrap-up template. Empty: none."
    ),
    "query_variables": OptionText(
        "Query variables", "Channel variables that become query data. Empty: all in channelvars of manager.conf."
    ),
    "wrapup_event": OptionText("Wrap-up: user event", "Name of the UserEvent that reports the wrap-up after a call."),
    "wrapup_event_result": OptionText("Wrap-up: result header", "Header of that event that holds the result."),
    "wrapup_event_template": OptionText("Wrap-up: template header", "Header of that event that holds the template."),
    "make_calls": OptionText(
        "Allow canary calls",
        "Let the gateway have a test phone call the canary's number (Originate) and hang up (Hangup); its user needs "
        "the right originate. Nothing else is ever asked of a phone.",
    ),
    "canary_channel": OptionText(
        "Canary: channel of the test phone",
        "How the PBX calls the test phone; {extension} stands for the test extension. Never a Local channel: it may "
        "end in voicemail.",
    ),
    "canary_context": OptionText(
        "Canary: context of the number", "The dialplan context in which the canary's number is called."
    ),
    "ping_seconds": OptionText("Ping interval (s)", "A silent link is checked at this interval."),
    "age_seconds": OptionText(
        "Ping interval during calls (s)",
        "While it reports calls, the PBX is pinged at this interval: how late its answer is shows how old an event may "
        "be. 0: never.",
    ),
    "timeout_seconds": OptionText("Answer timeout (s)", "How long an answer may take."),
    "full_boot_seconds": OptionText(
        "Wait for FullyBooted (s)", "How long to wait after the login until Asterisk reports that it has started."
    ),
}
