"""The causes that a word names, each with what is said and what is to be done. Pure."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace


class Cause(msgspec.Struct, frozen=True):
    """A cause: a heading, what is said of it, what to do.

    ``{service}``, ``{source}`` and ``{error}`` are filled in.
    """

    heading: str
    said: str
    todo: str

    def on(self, service: str, error: str = "", source: str = "") -> "Cause":
        """Name the Recording Service, what it answered, and the CTI source that reported."""
        names = {
            "{service}": service or "the Recording Service",
            "{error}": error or "It gave no reason.",
            "{source}": source or "the CTI source",
        }
        said, todo = self.said, self.todo
        for placeholder, name in names.items():
            said, todo = said.replace(placeholder, name), todo.replace(placeholder, name)
        return replace(self, said=said, todo=todo)


#: Maximum number of CTI sources that an advice names.
MAXIMUM_NAMED = 5


def named_sources(legs: Mapping[str, int]) -> str:
    """Name the CTI sources of a cause's legs, those with the most first; of several with how many each has."""
    worst = sorted(legs, key=lambda slug: (-legs[slug], slug))
    if len(worst) < 2:
        return f"CTI source {worst[0]}" if worst else ""
    named = [f"{slug} ({legs[slug]:,})" for slug in worst[:MAXIMUM_NAMED]]
    others = len(worst) - len(named)
    return f"CTI sources {', '.join(named)}{f' and {others} more' if others else ''}"


_DOUBT = (
    "Nothing for this call: flags can never be changed, so the gateway takes no recording that may be another's. If "
    "it happens often, see in QMS "
)
#: By the word for which a search missed.
MISSED = {
    "none": Cause(
        "Not flagged: QMS had no recording",
        "{service} answered, but named no recording of the extension until the window was over.",
        "Look in QMS whether the call was recorded at all: the profile of the user with its rules, schedule and "
        "percentage, an on-demand licence, the network tap. Busy and internal calls are often not recorded.",
    ),
    "same": Cause(
        "Not flagged: QMS named another call's recording",
        "{service} named only a recording that belongs to another leg.",
        f"{_DOUBT}whether it goes on recording after a call of the extension has ended.",
    ),
    "several": Cause(
        "Not flagged: QMS named several recordings",
        "{service} named more than one recording of the extension, and it is uncertain which is this call's.",
        f"{_DOUBT}whether two devices share the extension.",
    ),
    "stranger": Cause(
        "Not flagged: QMS named a recording of another extension",
        "{service} named a recording of another extension or of an earlier time; it was not taken.",
        f"{_DOUBT}the user's extension, and compare the clocks of QMS and the gateway (Test connection shows them).",
    ),
    "next_call": Cause(
        "Not flagged: it is uncertain which call the recording belongs to",
        "Before it was certain which call the recording on {service} belonged to, another call of the extension began "
        "or had just ended.",
        f"{_DOUBT}whether calls at this extension follow each other within a second or two.",
    ),
    "transfer": Cause(
        "Not flagged: the call was transferred before QMS had answered",
        "The call was transferred here before {service} had named the recording of the part before the transfer.",
        f"{_DOUBT}how soon it names a recording after a call is answered.",
    ),
    "undecided": Cause(
        "Not flagged: it is uncertain whether the recording went on at the transfer",
        "{service} did not say, from 1.5 s after the transfer on while the call lasted, whether the recording before "
        "the transfer went on or another one began.",
        f"{_DOUBT}whether it begins another recording at a transfer.",
    ),
    "end_unreported": Cause(
        "Not flagged: neither its end nor a transfer was reported",
        "The id of this call was used for another one before its end was reported, while its extension consulted "
        "somebody: a transfer or a conference may have given the call another id.",
        "See whether the source reports every end and every transfer, and how late its events were then.",
    ),
    "repeat": Cause(
        "Not flagged: the extension was reported as connected twice",
        "The source reported this connection a second time, with a later time, and {service} named a recording that "
        "began with that report: the id may have been used again, and the end of this call may not have been reported.",
        "See whether the source reports every end, and whether its monitors give one event different times.",
    ),
    "canary": Cause(
        "Not flagged: a canary call that makes no recording",
        "{service} named a recording at the test extension, though the canary call was events alone and no phone rang.",
        "Find out who uses the test extension: it belongs to the canary alone.",
    ),
    "began_late": Cause(
        "Not flagged: the recording began too late for this call",
        "{service} named a recording that began more than 1.5 s after the call was connected: it may be that of "
        "another call, of which the gateway had not heard.",
        "See whether the source had a gap then. If it happens all the time, compare the clocks of {source}, as far "
        "as events have their time from there (where that clock is behind, each comes later than its time), of QMS and "
        "of the gateway (Test connection compares these two), and see when QMS begins to record.",
    ),
    "late": Cause(
        "Not flagged: the gateway asked too late",
        "The window, or the call, was over before {service} was asked, though the gateway had the event in time: it "
        "was not running, or was behind.",
        "The delay is the gateway's, not QMS's: see at that time the gaps of the source and the health of the worker "
        "for lookups. If the worker was busy, start a second one, on another host too.",
    ),
    "heard_late": Cause(
        "Not flagged: the call was reported too late",
        "The gateway got the event from {source} when the call was over already, or when {service} named its recording "
        "no more: QMS names a recording only while it runs, and for some seconds after it began.",
        "The delay came before the gateway had the event; what made it is not known here. Look at {source}: how late "
        "its events were at that time, whether its program, its log or the network stood still, whether its clock is "
        "behind; and at the gateway: whether its listener, or for a program that posts its web server, ran and "
        "answered then.",
    ),
    "unreachable": Cause(
        "Not flagged: the Recording Service did not answer",
        "{service} did not answer before the window, or the call, was over: QMS names a recording only while it runs.",
        "Press Test connection on the page of {service}, and look at what happened to it and the network then.",
    ),
}

_RETRY = "then retry the flag write."
#: By the code with which QMS refused a write; empty: any other.
REFUSED = {
    "UnknownFlag": Cause(
        "Not flagged: a flag does not exist in QMS",
        "{service} refused the flags, for one of them does not exist there: {error}",
        "On the page Flags press Create in QMS (some versions need a restart of their service), if a flag there has "
        f"this name still; else create the Flag in QMS itself, under exactly the name that was sent; {_RETRY}",
    ),
    "ValueTooLong": Cause(
        "Not flagged: a value is too long for its flag",
        "{service} refused the flags, for a value is longer than its flag allows: {error}",
        "On the page Flags set the flag's length to that in QMS: values are cut then. The refused write keeps its "
        "value; make the flag longer in QMS, "
        f"{_RETRY}",
    ),
    "conflict": Cause(
        "Not flagged: the recording carries other flags",
        "{service} holds another value of a flag for this recording: {error}",
        "Find out what else writes flags to QMS: a flag that stands can never be changed.",
    ),
    "": Cause(
        "Not flagged: QMS refused the flags",
        "{service} refused the flags: {error}",
        f"Correct what it reported, {_RETRY}",
    ),
}

_LOGIN = Cause(
    "Not flagged: QMS refused the login",
    "The flags were tried until the time for it was over; {service} refused the login: {error}",
    f"Set the right user name and password on the page of {{service}}, press Test connection, {_RETRY}",
)
#: By the code of the last failure before a write was given up; empty: any other.
GIVEN_UP = {
    "GivenUp": Cause(
        "Not flagged: a person gave the write up",
        "The flags were to be written, but somebody ended that: {error}",
        "Nothing, if that was right; else retry the flag write.",
    ),
    "AuthenticationFailed": _LOGIN,
    "NotAuthorised": _LOGIN,
    "": Cause(
        "Not flagged: QMS could not be reached for too long",
        "The flags were tried until the time for it was over (FLAG_WRITE_GIVE_UP_DAYS); the last answer: {error}",
        f"Press Test connection on the page of {{service}}; when it passes, {_RETRY}",
    ),
}
