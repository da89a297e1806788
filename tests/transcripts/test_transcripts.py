"""Every recorded case gives the legs and flags that its file expects; a wrong file is reported with its place."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from calls.transcript.format import TranscriptError, read, run

pytestmark = pytest.mark.core

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.toml"))
CASE = (HERE / "queue_call.toml").read_text()


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_case_gives_what_its_file_expects(path: Path) -> None:
    assert run(read(path.read_text())) == []


@pytest.mark.parametrize(
    ("right", "wrong", "reported"),
    [
        ('outcome = "flagged"', 'outcome = "not_recorded"', "outcome is 'flagged', expected 'not_recorded'"),
        ('QueueName = "Sales"', 'QueueName = "Support"', "flags is"),
        ("from = 5", "from = 4", "from is 5.0, expected 4.0"),
        ('extension = "2001"\nfrom', 'extension = "2002"\nfrom', "this leg is missing"),
    ],
)
def test_what_differs_is_reported_with_the_trace(right: str, wrong: str, reported: str) -> None:
    assert right in CASE
    lines = run(read(CASE.replace(right, wrong)))

    assert reported in "\n".join(lines)
    assert "Extension 2001 was connected." in "\n".join(lines)


def test_a_leg_that_nobody_expected_is_reported() -> None:
    events_only = CASE[: CASE.index("[[legs]]")]

    assert "2001 in C1 from 5: this leg was not expected (flagged: no reason)" in run(read(events_only))[0]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("title = \nabout = 1", "line 1"),
        ("title = 'x'", "events"),
        ("title = 'x'\nevents = []\ncolour = 1", "colour"),
        ("title = 'x'\nevents = [{ at = 1, type = 'Rang' }]", "event 1: 'Rang' is no event"),
        ("title = 'x'\nevents = [{ type = 'Held' }]", "event 1: 'at'"),
        ("title = 'x'\nevents = [{ at = 1, type = 'Held', callId = 'C1' }]", "data.deviceId"),
        ("title = 'x'\nevents = [{ at = 1, type = 'Held', callid = 'C1' }]", "event 1: callid: no such member"),
    ],
)
def test_a_file_that_is_no_transcript_is_refused_with_the_place(text: str, place: str) -> None:
    with pytest.raises(TranscriptError, match=place):
        read(text)


def test_the_command_says_what_differs_and_fails(tmp_path: Path) -> None:
    wrong, out = tmp_path / "wrong.toml", io.StringIO()
    wrong.write_text(CASE.replace("from = 5", "from = 4"))

    call_command("run_transcript", str(HERE / "queue_call.toml"), stdout=out)
    with pytest.raises(CommandError, match="1 of 2 transcripts differ"):
        call_command("run_transcript", str(HERE / "queue_call.toml"), str(wrong), stdout=out)
    assert "from is 5.0, expected 4.0" in out.getvalue()


def test_the_command_says_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("run_transcript", str(tmp_path / "none.toml"), stdout=out)
    assert "No such file" in out.getvalue()
