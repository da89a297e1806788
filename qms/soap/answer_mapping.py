"""From an answer, read by our contract's names, to the port's values. Raises ``Unreadable``, never guesses."""

from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from qms.guids import EMPTY_GUID
from qms.port import (
    MAXIMUM_GUID_LENGTH,
    MAXIMUM_TEXT_LENGTH,
    Flag,
    FlagDefinition,
    FlaggedRecording,
    Licence,
    ListedUser,
    Recording,
    ServiceInfo,
    UnreadableRecording,
    UnreadableUser,
)
from qms.soap.reading import AnswerNode, Unreadable

ListItem = TypeVar("ListItem")


class AnswerPage(msgspec.Struct, Generic[ListItem], frozen=True):
    """A page of a long answer; no token on the last one."""

    items: list[ListItem]
    next_token: str


class AskedFor(msgspec.Struct, frozen=True):
    """What a search asked for, where the service does not say or cannot be asked.

    :param extension: taken for the recording's where the service's recordings name none.
    :param since: an older recording is none.
    """

    extension: str
    since: datetime | None = None


def page(answer: AnswerNode, build: Callable[[AnswerNode], list[ListItem]]) -> AnswerPage[ListItem]:
    """Read a page and the token of the next one."""
    return AnswerPage(build(answer), answer.text("nextPageToken"))


def service_info(answer: AnswerNode) -> ServiceInfo:
    """Read who answers."""
    return ServiceInfo(
        answer.text("recordingService"), answer.text("dataServer"), answer.text("version"), _identifiers(answer)
    )


def users(answer: AnswerNode) -> list[ListedUser | UnreadableUser]:
    """Read a page of users; one that cannot be read does not lose the others."""
    return [_user_or_why_not(one) for one in answer.nodes("user")]


def found(answer: AnswerNode, asked: AskedFor) -> Recording | None:
    """Read the recording in progress, if any."""
    one = answer.node("recording")
    if one is None or not _has_guid(one):
        return None
    recording = _recording(one, asked.extension)
    if asked.since is None or answer.dialect.element("FindLiveRecording", "notStartedBefore"):
        return recording
    return recording if recording.started_at >= asked.since else None


def definitions(answer: AnswerNode) -> list[FlagDefinition]:
    """Read the flags that exist."""
    return [_definition(one) for one in answer.nodes("definition")]


def created(answer: AnswerNode, asked: FlagDefinition) -> FlagDefinition:
    """Read the flag that was created; a service that answers nothing created what was asked."""
    one = answer.node("definition")
    return _definition(one) if one and one.is_present("name") else asked


def written(answer: AnswerNode, sent: int) -> int:
    """Read how many flags were written. A plain yes stands for all that were ``sent``, and a plain no for none.

    Where the dialect says that the service names no count, an answer without a fault confirms all.
    """
    if not answer.has_name_for("written"):
        return sent
    value = answer.value("written")
    if value is None or value == "":
        raise answer.unreadable("written", "is missing")
    if isinstance(value, bool) or not str(value).strip().removeprefix("-").isdecimal():
        return sent if answer.yes_or_no("written") else 0
    return answer.number("written") or 0


def flags(answer: AnswerNode) -> list[Flag]:
    """Read what a recording carries; values keep their blanks."""
    return [Flag(one.required("name"), one.exact("value")) for one in answer.nodes("flag")]


def recordings(answer: AnswerNode) -> list[FlaggedRecording | UnreadableRecording]:
    """Read a page of recordings with their flags; one that cannot be read does not lose the others."""
    return [_flagged_or_why_not(one) for one in answer.nodes("recording")]


def _identifiers(answer: AnswerNode) -> tuple[str, ...]:
    assumed = answer.assumed("identifier")
    found = [text.strip() for text in answer.texts("identifier") if text.strip()]
    return tuple(found or ([] if assumed is None else [str(assumed)]))


def _user_or_why_not(one: AnswerNode) -> ListedUser | UnreadableUser:
    try:
        one = one.named(f"user {_short_id(one) or one.place[-1].removeprefix('user').strip() or 1}")
        return _user(one)
    except Unreadable as error:
        return UnreadableUser(str(error), _short_id(one))


def _short_id(one: AnswerNode) -> str:
    try:
        user_id = one.text("userId")
    except Unreadable:
        return ""
    return user_id if len(user_id) <= len(EMPTY_GUID) else ""


def _user(one: AnswerNode) -> ListedUser:
    return ListedUser(
        user_id=_bounded(one, "userId", one.required("userId")),
        user_name=_bounded(one, "userName"),
        first_name=one.text("firstName"),
        last_name=one.text("lastName"),
        extension=_bounded(one, "extension"),
        agent_id=_bounded(one, "agentId"),
        department_name=one.text("departmentName"),
        recording_service=_bounded(one, "recordingService"),
        active=one.yes_or_no("active"),
        licence=_licence(one),
    )


def _bounded(one: AnswerNode, field: str, text: str | None = None) -> str:
    """Return a text that identifies a user or an extension; one that is too long is never cut."""
    text = one.text(field) if text is None else text
    if len(text) > MAXIMUM_TEXT_LENGTH:
        raise one.unreadable(field, f"is longer than {MAXIMUM_TEXT_LENGTH} characters")
    return text


def _licence(one: AnswerNode) -> Licence:
    word = one.required("licence")
    try:
        return Licence(word)
    except ValueError:
        raise one.unmapped("licence", word) from None


def _has_guid(one: AnswerNode) -> bool:
    """Say whether an answer names a recording: .NET's empty GUID, a nil and an empty element stand for none."""
    texts = one.texts("recordingGuid")
    if not texts and one.is_nil("recordingGuid"):
        return False
    if not texts:
        raise one.unreadable("recordingGuid", "is missing")
    return bool(texts[0].strip("0-{}() \t\r\n"))


def _flagged_or_why_not(one: AnswerNode) -> FlaggedRecording | UnreadableRecording:
    try:
        return _flagged(one)
    except Unreadable as error:
        return UnreadableRecording(str(error))


def _flagged(one: AnswerNode) -> FlaggedRecording:
    recording = one.node("recording")
    if recording is None:
        raise one.unreadable("recording", "is missing")
    return FlaggedRecording(_recording(recording), tuple(flags(one)))


def _recording(one: AnswerNode, extension: str = "") -> Recording:
    guid, started = one.required("recordingGuid"), one.moment("startedAt")
    if len(guid) > MAXIMUM_GUID_LENGTH:
        raise one.unreadable("recordingGuid", f"is longer than {MAXIMUM_GUID_LENGTH} characters")
    if started is None:
        raise one.unreadable("startedAt", "is missing")
    if one.has_name_for("extension"):
        extension = _bounded(one, "extension")
    return Recording(guid, extension, started, one.moment("endedAt"))


def _definition(one: AnswerNode) -> FlagDefinition:
    length = one.number("maxLength") or 0  # 0 and -1 mean no limit.
    return FlagDefinition(one.required("name"), length if length > 0 else None, one.text("description"))
