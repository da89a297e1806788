"""Create the Flags in QMS: once for each Data Server, through whichever of its Recording Services answers.

Safe to repeat: what exists is compared and left as it is. What each Data Server answered is kept for each Flag.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import msgspec
import structlog
from django.db import transaction

import clock
from flags.catalogue.values import FlagSpec
from flags.catalogue.written import written_specs
from flags.models import FlagOnServer
from qms.api import ConnectService, connect
from qms.models import DataServer
from qms.port import FlagDefinition, QmsError, QmsRejected, RecordingServicePort

log = structlog.get_logger()

ServerFlagState = FlagOnServer.State
#: Hears of the answers so far: before each service is asked, and after each Flag.
ProgressCallback = Callable[[Sequence["FlagAnswer"]], object]

#: States in which a Flag cannot be written.
BAD_STATES = frozenset({ServerFlagState.REFUSED, ServerFlagState.MISSING})


class FlagAnswer(msgspec.Struct, frozen=True):
    """What a Data Server said of one Flag; ``answer`` explains what is not as it should be."""

    name: str
    state: ServerFlagState
    answer: str = ""


class Creation(msgspec.Struct, frozen=True, kw_only=True):
    """How the creation of the Flags on one Data Server went. ``error``: none of its services answered, and why."""

    data_server: str
    answers: tuple[FlagAnswer, ...] = ()
    error: str = ""

    @property
    def is_any_new(self) -> bool:
        """Say whether a Flag was created now, which QMS may not take before a restart."""
        return any(one.state is ServerFlagState.CREATED for one in self.answers)

    @property
    def is_good(self) -> bool:
        """Say whether every Flag can be written now."""
        return not self.error and not any(one.state in BAD_STATES for one in self.answers)


def create_flags(server: DataServer, connect: ConnectService = connect, report: ProgressCallback = list) -> Creation:
    """Create what is missing of the Flags that are written, and keep each answer. Raises nothing of QMS's."""
    return _settle(server, connect, report, create=True)


def check_flags(server: DataServer, connect: ConnectService = connect, report: ProgressCallback = list) -> Creation:
    """Look which of the Flags exist, create none, and keep the answers. Raises nothing of QMS's."""
    return _settle(server, connect, report, create=False)


def creation_summary(creation: Creation, *, is_check: bool = False) -> str:
    """Return in a sentence, for the history, what came of it."""
    if creation.error:
        return f"The Flags were not {'looked for' if is_check else 'created'}. {creation.error}"
    by_word: dict[str, list[str]] = {}
    for one in creation.answers:
        by_word.setdefault(one.state.label, []).append(one.name)
    lists = "; ".join(f"{word}: {', '.join(names)}" for word, names in by_word.items())
    what = "Looked which Flags exist" if is_check else "Created the Flags"
    return f"{what} in QMS. {lists or 'No Flag is written'}."


def _settle(server: DataServer, connect: ConnectService, report: ProgressCallback, *, create: bool) -> Creation:
    errors: list[str] = []
    for service in server.services.filter(enabled=True):
        report(())
        try:
            port = connect(service)
            standing = {one.name: one for one in port.flag_definitions()}
        except QmsError as error:
            errors.append(f"{service.slug}: {error}")
            continue
        return Creation(data_server=server.slug, answers=_answers(server, standing, port if create else None, report))
    return Creation(
        data_server=server.slug, error="; ".join(errors) or "The Data Server has no Recording Service that is enabled."
    )


def _answers(
    server: DataServer, standing: dict[str, FlagDefinition], port: RecordingServicePort | None, report: ProgressCallback
) -> tuple[FlagAnswer, ...]:
    """Settle Flag by Flag, each kept at once.

    What is missing is kept first: who goes on where this was killed finds it there, and knows it for new.
    """
    specs, now = written_specs(), clock.now()  # One moment for all: they are shown together.
    _keep(server, [_answer(spec, standing, None) for spec in specs if spec.name not in standing], now)
    answers: list[FlagAnswer] = []
    for spec in specs:
        answers.append(_answer(spec, standing, port))
        _keep(server, answers[-1:], now)
        log.info("flag_on_server", data_server=server.slug, flag=spec.name, state=str(answers[-1].state))
        report(answers)
    return tuple(answers)


def _answer(spec: FlagSpec, standing: dict[str, FlagDefinition], port: RecordingServicePort | None) -> FlagAnswer:
    """Settle one Flag; without a port it is only looked for."""
    if spec.name in standing:
        return _compared(spec, standing[spec.name])
    if port is None:
        return FlagAnswer(spec.name, ServerFlagState.MISSING, "The Flag was not created on this Data Server.")
    wanted = FlagDefinition(spec.name, spec.max_length, f"Written by the QMS Gateway: {spec.field}")
    try:
        port.create_flag_definition(wanted)
    except QmsRejected as error:
        return _refused(spec, error)
    except QmsError as error:  # Whether it was created is not known; the next run finds out.
        return FlagAnswer(spec.name, ServerFlagState.MISSING, f"{error} Create the Flags again."[:500])
    return FlagAnswer(spec.name, ServerFlagState.CREATED)


def _refused(spec: FlagSpec, error: QmsRejected) -> FlagAnswer:
    if error.code == "FlagAlreadyExists":  # Someone created it since the list was read.
        return FlagAnswer(spec.name, ServerFlagState.EXISTS)
    return FlagAnswer(spec.name, ServerFlagState.REFUSED, f"{error.code}: {error}"[:500])


def _compared(spec: FlagSpec, standing: FlagDefinition) -> FlagAnswer:
    length = standing.max_length
    if length is None or length == spec.max_length:
        return FlagAnswer(spec.name, ServerFlagState.EXISTS)
    advice = (
        f"longer values will be refused: set the Flag's maximum length to {length}"
        if length < spec.max_length
        else "values are cut sooner than QMS demands"
    )
    return FlagAnswer(
        spec.name, ServerFlagState.DIFFERS, f"QMS holds {length} characters, the gateway {spec.max_length}: {advice}."
    )


def _keep(server: DataServer, answers: Sequence[FlagAnswer], now: datetime) -> None:
    rows = [
        FlagOnServer(data_server=server, name=one.name, state=one.state, answer=one.answer, at=now) for one in answers
    ]
    known = FlagOnServer.objects.filter(data_server=server)
    absent = set(known.filter(state__in=BAD_STATES).values_list("name", flat=True))
    with transaction.atomic():
        FlagOnServer.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["data_server", "name"], update_fields=["state", "answer", "at"]
        )
        fresh = [one.name for one in answers if _is_new(one, absent)]
        known.filter(name__in=fresh).update(new_since=now, verified_at=None)


def _is_new(one: FlagAnswer, absent: Collection[str]) -> bool:
    """Say whether QMS knows the Flag only since now: created, or there where it was not when last looked for."""
    return one.state is ServerFlagState.CREATED or (one.name in absent and one.state not in BAD_STATES)
