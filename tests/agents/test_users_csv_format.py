"""QMS's own CSV of users goes out and comes in again unchanged."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from agents.models import QmsUser, UserRefresh
from agents.users.csv_format import CsvError, decode, read_users, write_users
from agents.users.file_preview import preview
from qms.models import RecordingService
from qms.port import Licence, ListedUser
from tests.agents.test_directories import list_user

HEADER = (
    "First Name,Last Name,Extension,User Name,Is User Active,Recording Service IP Address,"
    "Unlimited License,On-Demand License\r\n"
)
words = st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8).map(str.strip)


@given(
    st.lists(
        st.builds(
            ListedUser,
            user_id=words.filter(bool),
            user_name=words,
            first_name=words,
            last_name=words,
            extension=words,
            recording_service=words,
            active=st.booleans(),
            licence=st.sampled_from(Licence),
            agent_id=words,
            department_name=words,
        )
    )
)
def test_what_was_exported_is_imported_unchanged(users: list[ListedUser]) -> None:
    assert read_users(list(write_users(users))) == users


def test_a_file_of_qms_is_read_whatever_its_separator_mark_and_extra_columns() -> None:
    lines = [
        ("\ufeff" + HEADER).replace(",", ";").replace("\r\n", ";Salt Value\r\n"),
        "Alice;Archer;02001;alice;1;Any;1;0;x\r\n",
        ";;;;;;;;\r\n",
    ]

    (alice,) = read_users(lines)

    assert (alice.extension, alice.user_name, alice.active, alice.licence) == ("02001", "alice", True, "Unlimited")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("A,B,1,a,yes,Any,1,0", "Line 2: Is User Active is 'yes'"),
        ("A,B,1,a,1,Any,1,1", "Line 2: a user has either"),
        ("A,B,1,,1,Any,1,0", "Line 2: the user has neither"),
        ("A,B,1,a", "Line 2: Is User Active is ''"),
    ],
)
def test_a_broken_line_is_named(line: str, told: str) -> None:
    with pytest.raises(CsvError, match=told):
        read_users([HEADER, line])


@pytest.mark.parametrize("lines", [[], ["\r\n"], ["First Name,Extension\r\n"]])
def test_a_file_without_the_columns_is_refused(lines: list[str]) -> None:
    with pytest.raises(CsvError, match="lacks the column"):
        read_users(lines)


@pytest.mark.django_db
def test_users_are_exported_and_taken_from_a_file_like_a_load(north: RecordingService, tmp_path: Path) -> None:
    list_user(north, "02001", user_name="alice")
    out, file = StringIO(), tmp_path / "users.csv"
    call_command("export_users", "north", stdout=out)
    assert ",02001," in out.getvalue()
    file.write_text(out.getvalue().replace("Archer", "Ash"), newline="")

    call_command("import_users", "north", str(file), stdout=out)

    assert "1 loaded: 0 added, 1 changed, 0 gone, 0 unchanged" in out.getvalue()
    assert QmsUser.objects.get().last_name == "Ash"
    assert UserRefresh.objects.get().trigger == "file"


@pytest.mark.django_db
def test_a_broken_or_missing_file_changes_nothing(north: RecordingService, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("nonsense")

    for name in ("users.csv", "none.csv"):
        with pytest.raises(CommandError):
            call_command("import_users", "north", str(tmp_path / name))
    assert not UserRefresh.objects.exists()


TEXT = HEADER + " Jürgen ,Größe,02001, juergen ,1, Any ,1,0\r\n"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_file_of_excel_is_read_as_it_is(encoding: str, separator: str) -> None:
    lines, _ = decode(TEXT.replace(",", separator).encode(encoding))
    (one,) = read_users(lines)

    assert (one.first_name, one.last_name, one.extension) == ("Jürgen", "Größe", "02001")
    assert (one.user_name, one.recording_service) == ("juergen", "Any")


def test_excels_line_about_the_separator_is_passed_over_and_lines_are_counted_with_it() -> None:
    lines = ["sep=;\r\n", HEADER.replace(",", ";"), "A;B;1;a;1;Any;1;0\r\n", " ; \r\n", "A;B;2;b;maybe;Any;1;0\r\n"]

    assert len(read_users(lines[:4])) == 1
    with pytest.raises(CsvError, match="Line 5"):
        read_users(lines)


def test_a_preview_names_duplicates_shared_extensions_and_lost_zeros() -> None:
    lines = [HEADER, "A,B,123,a,1,Any,1,0\r\n", "A,B,124,a,1,Any,1,0\r\n", "C,D,124,c,1,Any,1,0\r\n"]
    lines += ["E,F,777,e,1,Any,1,0\r\n", "G,H,0123,g,1,Any,1,0\r\n", "I,J,77,i,0,Any,1,0\r\n"]
    found = preview(read_users(lines), {}, ["0123", "00777", "124"])

    assert len(found.users) == 5
    assert found.doubts == (
        "Listed more than once, the last line counts: a (2 times).",
        "Extensions with several active users; none of them is matched by extension: 124 (2 users).",
        "Extensions that lack zeros in front; format the column as text in Excel: 777 of e (the PBX has 00777).",
    )


@pytest.mark.django_db
def test_a_preview_takes_nothing(north: RecordingService, tmp_path: Path) -> None:
    file, out = tmp_path / "users.csv", StringIO()
    file.write_bytes(TEXT.encode("cp1252"))
    call_command("import_users", "north", str(file), "--preview", stdout=out)

    assert "The file (cp1252) has 1 users:" in out.getvalue()
    assert "1 new, 0 changed, 0 gone, 0 unchanged" in out.getvalue()
    assert not QmsUser.objects.exists()
    assert not UserRefresh.objects.exists()
