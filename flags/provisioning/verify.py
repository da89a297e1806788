"""Verify that Flags can be written on a Data Server: write them to a test recording and read them back.

Flags cannot be taken off a recording, and they decide who may hear it. So nothing is written to a recording that
carries flags of a call, and what is written says that it is a test.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from flags.catalogue.values import FlagSpec
from qms.guids import usual_spelling
from qms.port import (
    Flag,
    QmsError,
    QmsLoginFailed,
    QmsRejected,
    QmsUnavailable,
    QmsUnclear,
    RecordingNotFound,
    RecordingServicePort,
    UnknownFlag,
)

#: What a test recording carries under every name; cut where a Flag is shorter.
TRIAL_TEXT = "QMS Gateway test"

ANOTHER = "Name another test recording: flags cannot be taken off a recording, and each can be written to it once."
RESTART = (
    "Restart the QMS services of this Data Server (the Data Service, then the Call Recording Services) at a quiet time,"
    " wait until QMS records again, and verify again."
)
TEST_CONNECTION = 'See "Test connection" on the page of the Recording Service, then verify again.'
FIND_RECORDING = "Take the GUID from QMS, of a recording on this Data Server that is still kept there."


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``names``: the Flags that were read back; ``advice``: what to do when it failed."""

    is_good: bool
    found: str
    advice: str = ""
    names: tuple[str, ...] = ()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be verified: on which recording, which Flags; ``sent``: those that an earlier try may have written."""

    guid: str
    specs: Sequence[FlagSpec]
    sent: frozenset[str] = frozenset()
    #: Some are verified already: those that the recording carries are passed over.
    is_repeated: bool = False


def verify_flags(
    ports: Iterable[tuple[str, Callable[[], RecordingServicePort]]], wanted: Wanted, before_write: Callable[[], object]
) -> Verification:
    """Verify through the first Recording Service that answers and knows the recording. Raises nothing of QMS's.

    ``ports``: each service's name, and how to connect to it. ``before_write`` is called before anything is sent.
    """
    errors: list[QmsError] = []
    failures: list[str] = []
    for slug, connect in ports:
        try:
            return _verify_through(connect(), slug, wanted, before_write)
        except (QmsUnavailable, QmsLoginFailed, RecordingNotFound) as error:
            errors.append(error)
            failures.append(f"{slug}: {_words(error)}")
        except QmsError as error:
            return Verification(is_good=False, found=f"{slug}: {_words(error)}", advice=_advice(error))
    if not errors:
        return Verification(
            is_good=False,
            found="The Data Server has no Recording Service that is enabled and writes.",
            advice="Add one.",
        )
    return Verification(is_good=False, found="; ".join(failures), advice=_advice(errors[-1]))


def _verify_through(
    port: RecordingServicePort, slug: str, wanted: Wanted, before_write: Callable[[], object]
) -> Verification:
    guid, flags = _first_read(port, wanted.guid)
    wanted, carried = msgspec.structs.replace(wanted, guid=guid), {flag.name: flag.value for flag in flags}
    texts = _texts(port, wanted)
    if refusal := _refusal(wanted, texts, carried):
        return refusal
    missing = [Flag(name, text) for name, text in texts.items() if name not in carried]
    unclear = _write(port, wanted.guid, missing, before_write) if missing else ""
    stored = {flag.name: flag.value for flag in port.flags(wanted.guid)} if missing else carried
    return _judged(slug, wanted, texts, stored, unclear)


def _first_read(port: RecordingServicePort, guid: str) -> tuple[str, list[Flag]]:
    """Read a recording under its GUID as given, or as services mostly spell it: a person may copy another form."""
    usual = usual_spelling(guid)
    try:
        return guid, port.flags(guid)
    except QmsRejected as error:  # Not known, or no GUID as the service's schema wants it.
        if usual == guid or isinstance(error, QmsLoginFailed):
            raise
    return usual, port.flags(usual)


def _texts(port: RecordingServicePort, wanted: Wanted) -> dict[str, str]:
    """Return what to write, by name, no longer than QMS and the gateway take it; only what QMS lists."""
    lengths = {one.name: one.max_length for one in port.flag_definitions()}
    return {
        spec.name: TRIAL_TEXT[: min(spec.max_length, lengths[spec.name] or spec.max_length)]
        for spec in wanted.specs
        if spec.name in lengths
    }


def _refusal(wanted: Wanted, texts: dict[str, str], carried: Mapping[str, str]) -> Verification | None:
    """Return why nothing is written, where something speaks against it; takes out what need not be written again."""
    foreign = sorted(name for name, value in carried.items() if not value or not TRIAL_TEXT.startswith(value))
    if foreign:
        found = f"The recording carries flags of a call ({', '.join(foreign)}). Nothing was written."
        return Verification(is_good=False, found=found, advice=ANOTHER)
    absent = [spec.name for spec in wanted.specs if spec.name not in texts]
    if absent or not wanted.specs:
        found = (
            f"QMS does not list {', '.join(absent)}. Nothing was written." if absent else "There is no Flag to verify."
        )
        return Verification(
            is_good=False, found=found, advice='Press "Create in QMS" on the page Flags, then verify again.'
        )
    old = [name for name in texts if name in carried and name not in wanted.sent]
    if old and not (wanted.is_repeated and len(old) < len(texts)):
        found = f"The recording carries {', '.join(old)} already, from an earlier test. Nothing was written."
        return Verification(is_good=False, found=found, advice=ANOTHER)
    for name in old:
        del texts[name]
    return None


def _write(port: RecordingServicePort, guid: str, flags: Sequence[Flag], before_write: Callable[[], object]) -> str:
    """Write, and return what was unclear of the answer; the reading decides."""
    before_write()
    try:
        port.write_flags(guid, flags)
    except QmsUnclear as error:
        return _words(error)
    return ""


def _judged(
    slug: str, wanted: Wanted, texts: Mapping[str, str], stored: Mapping[str, str], unclear: str
) -> Verification:
    lost = [name for name, text in texts.items() if stored.get(name) != text]
    if not lost:
        found = f"{', '.join(texts)}: written to the recording {wanted.guid} through {slug}, and read back."
        return Verification(is_good=True, found=found, names=tuple(texts))
    names = ", ".join(lost)
    if unclear:
        return Verification(
            is_good=False, found=f"{slug}: {unclear} {names} cannot be read back.", advice=TEST_CONNECTION
        )
    found = f"QMS took the flags, but {names} cannot be read back from the recording."
    return Verification(is_good=False, found=found, advice=RESTART)


def _words(error: QmsError) -> str:
    if isinstance(error, RecordingNotFound):
        return "QMS does not know the recording"
    if isinstance(error, UnknownFlag):
        return f"QMS lists the Flags, but refuses to write them (fault {error.code}): they do not work yet."
    return str(error)


def _advice(error: QmsError) -> str:
    if isinstance(error, UnknownFlag):
        return RESTART
    if isinstance(error, RecordingNotFound):
        return FIND_RECORDING
    return TEST_CONNECTION
