"""What a finding says to a person: what happened, why, and what to do next."""

import msgspec

from calls.api import ADVICE
from calls.core.outcomes import Outcome
from calls.core.result_events import BRIEFLY, WHY
from flags.api import REASONS
from gateway_site.reconciliation.compare import FindingKind
from gateway_site.reconciliation.hearing import IGNORED, NOT_LISTED, QUEUE


class FindingText(msgspec.Struct, frozen=True):
    """The sentences of one finding."""

    happened: str
    why: str
    advice: str


_HAPPENED = {
    FindingKind.UNFLAGGED: "QMS has this recording without any of our Flags.",
    FindingKind.FOREIGN: "QMS has this recording with Flags of our names, and the gateway has no leg for it.",
    FindingKind.DIFFERENT: "QMS holds other Flags, or other values, than the gateway wrote.",
    FindingKind.PARTLY: "QMS has this recording with some of our Flags; those that it did not take are missing.",
    FindingKind.NOT_LISTED: "The gateway knows a recording for this leg that QMS does not have.",
    FindingKind.NOT_RECORDED: "The leg was connected, and the gateway never learnt of a recording.",
}

_WAIT = "Nothing yet. If it stays so, look at the health of the Recording Service and at the list of flag writes."
_LOOK_AT_GAPS = "See the gaps of the source for what interrupted the link. Calls within a gap cannot be recovered."
_WHY = {
    "lost_in_qms": (
        "QMS had accepted the Flags, and they are gone: QMS was restored from a backup, or they were deleted.",
        "Ask the administrator of QMS what happened at that time. The gateway never writes accepted Flags again.",
    ),
    "written_by_another": (
        "Something else writes Flags with these names: another gateway, a script or a person.",
        "Find out who writes them before trusting the labels of this extension. Flags cannot be corrected.",
    ),
    "taken_but_not_confirmed": (
        "The answer to the write was lost, and QMS carried it out nevertheless.",
        "Nothing: QMS holds the values that the gateway sent. Retry the flag write to have it settled.",
    ),
    "write_queued": ("The flag write waits to be sent.", _WAIT),
    "write_sending": ("The flag write is being sent.", _WAIT),
    "write_unclear": ("The flag write was sent, and its answer is unknown; it will be read back.", _WAIT),
    "waiting": ("The leg is not over, or its flags are on their way.", _WAIT),
    "joined_late": ("The call was in progress when the gateway first saw it.", ADVICE[Outcome.JOINED_LATE]),
    "agent_unknown": ("No agent was known at the extension.", ADVICE[Outcome.AGENT_UNKNOWN]),
    "user_unmatched": ("No QMS user had this extension when the call was connected.", ADVICE[Outcome.USER_UNMATCHED]),
    "extension_conflict": ("Two QMS users had this extension.", ADVICE[Outcome.EXTENSION_CONFLICT]),
    "user_inactive": ("The QMS user of this extension was not active.", ADVICE[Outcome.USER_INACTIVE]),
    "user_unlicensed": ("The QMS user of this extension had no recording licence.", ADVICE[Outcome.USER_UNLICENSED]),
    "several_candidates": (
        "Several legs were connected there within 5 s of its begin, or while it went on: it would be a guess.",
        "Compare its times with the legs below, or listen to it. Once it is judged, acknowledge the finding.",
    ),
    "second_recording_of_leg": (
        "A leg that has another recording was connected then: QMS recorded one leg twice, here or at two services.",
        "Look at the recording rules of the extension. The gateway flags one recording for each leg.",
    ),
    "gap": ("The link to the CTI source was interrupted at that time.", _LOOK_AT_GAPS),
    "source_off": (
        "The CTI source that was to report calls at the extension was switched off at that time.",
        "Leave the source switched on, if its calls are to be flagged. Calls of a time while it is off are lost to it.",
    ),
    "extension_gap": (
        "Events of this extension were missed at that time, while the link to the CTI source stood.",
        "See the gaps of the source for the reason. Calls within a gap cannot be recovered.",
    ),
    "no_event": (
        "A QMS user has this extension, and no CTI source reported a call there at that time.",
        "Check that the extension is monitored by a CTI source, and that QMS recorded a call and not something else.",
    ),
    IGNORED: (
        "The extension was among the ignored devices of the CTI source then: calls there are left out.",
        "Nothing, if its calls are not meant to be flagged. Otherwise see that it is not among the ignored devices.",
    ),
    QUEUE: (
        "For the CTI source the extension was a queue then, and the recording of a queue has no leg.",
        "If agents talk at it, see that it is not among the queues of the CTI source.",
    ),
    NOT_LISTED: (
        "A QMS user has this extension, and it was among the devices of no CTI source of this service then.",
        "See that it is among the devices of the CTI source that has its calls.",
    ),
    "extension_not_followed": (
        "No QMS user that is loaded here has this extension.",
        "Nothing, if its calls are not meant to be flagged. Otherwise allocate it in QMS and refresh the QMS users.",
    ),
    "not_in_qms": (
        "QMS has deleted the recording, often because it was shorter than the kept length.",
        "Look at the retention rules of QMS if recordings of this length should be kept.",
    ),
}

#: The causes that are findings' own, in few words.
_BRIEFLY = {
    "lost_in_qms": "lost in QMS",
    "not_in_qms": "deleted in QMS",
    "gap": "the link to the CTI source was interrupted",
    "extension_gap": "events of the extension were missed",
    "source_off": "the CTI source was switched off",
    "no_event": "no CTI source reported a call",
    "extension_not_followed": "an extension of no QMS user",
    IGNORED: "an extension that the CTI source ignores",
    QUEUE: "an extension that is a queue of the CTI source",
    NOT_LISTED: "an extension outside the devices of the CTI sources",
    "several_candidates": "several legs may be the recording's",
    "second_recording_of_leg": "the leg has another recording",
    "write_queued": "the flag write waits",
    "write_sending": "the flag write is being sent",
    "write_unclear": "the answer to the flag write is unknown",
}


def cause_words(cause: str) -> str:
    """Name a cause in few words: those of the dashboard and the reports where it is a leg's own reason."""
    return _BRIEFLY.get(cause) or BRIEFLY.get(cause) or cause.replace("_", " ")


def text_of(kind: str, cause: str) -> FindingText:
    """Return the sentences of a finding. A cause that stands in no table is the leg's own reason, or QMS's code."""
    why, advice = _WHY.get(cause) or (_of_reason(cause), "Open the leg: its page says what to do about this reason.")
    return FindingText(_HAPPENED[FindingKind(kind)], why, advice)


def _of_reason(cause: str) -> str:
    return WHY.get(cause) or REASONS.get(cause) or f"The flag write or the leg ended with: {cause.replace('_', ' ')}."
