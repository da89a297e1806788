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
from qms.port import Licence, ListedUser, UnreadableUser
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
    assert read_users("".join(write_users(users))) == users


def test_a_file_of_qms_is_read_whatever_its_separator_mark_and_extra_columns() -> None:
    lines = [
        ("\ufeff" + HEADER).replace(",", ";").replace("\r\n", ";Salt Value\r\n"),
        "Alice;Archer;02001;alice;1;Any;1;0;x\r\n",
        ";;;;;;;;\r\n",
    ]

    (alice,) = read_users("".join(lines))

    assert isinstance(alice, ListedUser)
    assert (alice.extension, alice.user_name, alice.active, alice.licence) == ("02001", "alice", True, "Unlimited")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("A,B,1,a,maybe,Any,1,0", "Line 3: Is User Active is 'maybe'; it must be 0 or 1"),
        ("A,B,1,a,1,Any,1,1", "Line 3: a user has either"),
        ("A,B,1,,1,Any,1,0", "Line 3: the user has neither"),
        ("A,B,1,a", "Line 3: Is User Active is ''"),
        ("A,B, Jr,1,a,1,Any,1,0", "Line 3: there are more values than columns"),
        (f"A,B,{'1' * 256},a,1,Any,1,0", "Line 3: Extension is longer than 255 characters"),
        (f"A,B,1,{'a' * 256},1,Any,1,0", "Line 3: User Name is longer than 255 characters"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_does_not_lose_the_others(line: str, problem: str) -> None:
    first, broken, last = read_users(f"{HEADER}A,B,1,a,1,Any,1,0\n{line}\nC,D,2,c,0,Any,0,1\n")

    assert isinstance(broken, UnreadableUser)
    assert broken.problem.startswith(problem)
    assert [user.extension for user in (first, last) if isinstance(user, ListedUser)] == ["1", "2"]


@pytest.mark.parametrize("place", ["Extension", "User Name"])
def test_a_column_that_stands_twice_is_not_guessed(place: str) -> None:
    with pytest.raises(CsvError, match=f"the column {place} more than once"):
        read_users(HEADER.replace("First Name,", f"First Name,{place},"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEADER + 'A,"B,1,a,1,Any,1,0\nC,D,2,c,1,Any,1,0\n', "Line 3: unexpected end of data; is a quotation mark"),
        (HEADER + f"A,{'B' * 200_000},1,a,1,Any,1,0\n", "Line 2: field larger than"),
    ],
)
def test_a_file_whose_lines_run_into_each_other_is_refused_as_a_whole(text: str, problem: str) -> None:
    with pytest.raises(CsvError, match=problem):
        read_users(text)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"PK\x03\x04" + bytes(200), "an Excel workbook"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(200), "an Excel workbook"),
        ((HEADER + "Jürgen,B,1,a,1,Any,1,0\n").encode() + b"J\xfcrgen,B,2,b,1,Any,1,0\n", "Line 3: a character is not"),
        (HEADER.encode() + b"A,B\0,1,a,1,Any,1,0\n", "no text"),
        (b"\xff\xfe" + HEADER.encode("utf-16-le") + b"x", "no text"),
    ],
)
def test_a_file_that_would_be_read_wrongly_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(CsvError, match=problem):
        decode(content)


@pytest.mark.parametrize("character", ["\u2028", "\x85", "\x0b", "\x0c", "\x1c"])
def test_a_line_ends_where_a_spreadsheet_ends_it_and_nowhere_else(character: str) -> None:
    (one,) = read_users(f"{HEADER}A{character}A,B,1,a,1,Any,1,0\r")

    assert isinstance(one, ListedUser)
    assert one.first_name == f"A{character}A"


@pytest.mark.parametrize(
    ("line", "extension"),
    [('A,B,"=""0123""",a,TRUE,Any,True,no', "0123"), ("A,B, 0123 ,a,Y,Any,1,N,,,", "0123")],
)
def test_what_excel_writes_for_a_text_and_a_truth_is_read(line: str, extension: str) -> None:
    (one,) = read_users(f"\n\n{HEADER.upper()}{line}\n")

    assert isinstance(one, ListedUser)
    assert (one.extension, one.active, one.licence) == (extension, True, Licence.UNLIMITED)


@pytest.mark.parametrize("text", ["", "\r\n", "First Name,Extension\r\n"])
def test_a_file_without_the_columns_is_refused(text: str) -> None:
    with pytest.raises(CsvError, match="lacks the column"):
        read_users(text)


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
    text, _ = decode(TEXT.replace(",", separator).encode(encoding))
    (one,) = read_users(text)

    assert isinstance(one, ListedUser)
    assert (one.first_name, one.last_name, one.extension) == ("Jürgen", "Größe", "02001")
    assert (one.user_name, one.recording_service) == ("juergen", "Any")


def test_excels_line_about_the_separator_is_passed_over_and_lines_are_counted_with_it() -> None:
    lines = ["sep=;\r\n", HEADER.replace(",", ";"), "A;B;1;a;1;Any;1;0\r\n", " ; \r\n", "A;B;2;b;maybe;Any;1;0\r\n"]

    good, bad = read_users("".join(lines))
    assert isinstance(good, ListedUser)
    assert isinstance(bad, UnreadableUser)
    assert bad.problem.startswith("Line 5:")


def test_a_preview_names_duplicates_shared_extensions_and_lost_zeros() -> None:
    lines = [HEADER, "A,B,123,a,1,Any,1,0\r\n", "A,B,124,a,1,Any,1,0\r\n", "C,D,124,c,1,Any,1,0\r\n"]
    lines += ["E,F,777,e,1,Any,1,0\r\n", "G,H,0123,g,1,Any,1,0\r\n", "I,J,77,i,0,Any,1,0\r\n"]
    found = preview(read_users("".join(lines)), {}, ["0123", "00777", "124"])

    assert found.listed == 5
    assert found.doubts == (
        "Listed more than once, the last line counts: a (2 times).",
        "Extensions with several active users; none of them is matched by extension: 124 (2 users).",
        "Extensions that lack zeros in front; format the column as text in Excel: 777 of e (the PBX has 00777).",
    )


@pytest.mark.parametrize("extension", ["4.42E+11", "2001.0", "2,001", "'0123", "20\u200b01", "20\u00a001"])
def test_an_extension_that_excel_changed_is_doubted_and_taken_as_written(extension: str) -> None:
    listed = read_users(f'{HEADER}A,B,"{extension}",a,1,Any,1,0\n')
    found = preview(listed, {}, [])

    assert [user.extension for user in found.difference.added] == [extension]
    assert found.doubts[0].startswith("Extensions that look changed by Excel or hold unseen characters; they are")


def test_a_user_whose_line_cannot_be_read_is_not_gone() -> None:
    text = HEADER.replace("Extension,", "Extension,User ID,")
    known = {user.user_id: user for user in read_users(f"{text}A,B,1,7,a,1,Any,1,0\nC,D,2,8,c,1,Any,1,0\n")}

    named = preview(read_users(f"{text}A,B,1,7,a,maybe,Any,1,0\nE,F,3,9,e,1,Any,1,0\n"), known, [])  # type: ignore[arg-type]
    nameless = preview(read_users(f"{text}A,B,1,,,maybe,Any,1,0\nE,F,3,9,e,1,Any,1,0\n"), known, [])  # type: ignore[arg-type]

    assert (named.difference.gone, named.size) == (("8",), 2)
    assert (nameless.difference.gone, nameless.size) == ((), 3)


@pytest.mark.django_db
def test_one_bad_line_is_left_out_and_the_run_says_so(north: RecordingService, tmp_path: Path) -> None:
    file, out = tmp_path / "users.csv", StringIO()
    file.write_text(f"{HEADER}A,B,1,a,1,Any,1,0\nC,D,2,c,maybe,Any,1,0\n")
    call_command("import_users", "north", str(file), stdout=out)

    problem = "1 user was left out, unreadable: Line 3: Is User Active is 'maybe'; it must be 0 or 1."
    assert f"  {problem}\n" in out.getvalue()
    assert [user.user_name for user in QmsUser.objects.all()] == ["a"]
    assert (UserRefresh.objects.get().unreadable, UserRefresh.objects.get().error) == (1, problem)


@pytest.mark.django_db
def test_a_file_in_which_nothing_can_be_read_is_no_list(north: RecordingService, tmp_path: Path) -> None:
    list_user(north, "02001", user_name="alice")
    file = tmp_path / "users.csv"
    file.write_text(f"{HEADER}A,B,1,a,maybe,Any,1,0\n")

    with pytest.raises(CommandError, match="Not taken"):
        call_command("import_users", "north", str(file), stdout=StringIO())
    assert (UserRefresh.objects.get().state, QmsUser.objects.filter(gone_at=None).count()) == ("failed", 1)


@pytest.mark.django_db
def test_a_preview_takes_nothing(north: RecordingService, tmp_path: Path) -> None:
    file, out = tmp_path / "users.csv", StringIO()
    file.write_bytes(TEXT.encode("cp1252"))
    call_command("import_users", "north", str(file), "--preview", stdout=out)

    assert "The file (cp1252) has 1 user:" in out.getvalue()
    assert "1 new, 0 changed, 0 gone, 0 unchanged" in out.getvalue()
    assert not QmsUser.objects.exists()
    assert not UserRefresh.objects.exists()
