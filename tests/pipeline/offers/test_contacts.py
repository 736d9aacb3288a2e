"""The table of contacts is checked, replaced as a whole, and missed when it cannot be read."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.errors import Refusal
from pipeline.offers.contacts import ContactsFile, install, parse, path_of

HEADER = "user_id,email,time_zone,consent,self_excluded,harm\n"
ROW = "u1,ann@example.com,Europe/Malta,yes,no,no\n"
SECRET = "sesame"


def put(directory: Path, text: str) -> str:
    source = directory / "made.csv"
    source.write_text(text)
    return install(source, directory, "case", "user_id").version


def file_in(directory: Path) -> ContactsFile:
    return ContactsFile(directory, "case", "user_id")


def test_an_installed_table_is_read(tmp_path: Path) -> None:
    version = put(tmp_path, HEADER + ROW + "u2,bo@example.com,UTC,no,yes,yes\n")
    table = file_in(tmp_path).table()
    assert table is not None
    assert table.version == version
    ann, bo = table.contacts["u1"], table.contacts["u2"]
    assert (ann.email, ann.time_zone.key) == ("ann@example.com", "Europe/Malta")
    assert (ann.consent, ann.self_excluded, ann.harm) == (True, False, False)
    assert (bo.consent, bo.self_excluded, bo.harm) == (False, True, True)


def test_a_new_table_is_in_force_at_once(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    put(tmp_path, HEADER + ROW)
    assert file.table()
    put(tmp_path, HEADER + ROW.replace("no\n", "yes\n"))
    table = file.table()
    assert table is not None
    assert table.contacts["u1"].harm


def test_nobody_else_may_look_into_its_directory(tmp_path: Path) -> None:
    put(tmp_path, HEADER)
    assert stat.S_IMODE(path_of(tmp_path, "case").parent.stat().st_mode) == 0o700


def test_without_a_table_there_is_none_and_the_log_says_so_once(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    with capture_logs() as logs:
        assert (file.table(), file.table()) == (None, None)
    assert len(logs) == 1


def test_a_table_that_goes_bad_is_no_longer_believed(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    put(tmp_path, HEADER + ROW)
    assert file.table()
    path_of(tmp_path, "case").write_text(HEADER + f"u1,{SECRET}\n")
    with capture_logs() as logs:
        assert file.table() is None
    assert SECRET not in str(logs)
    path_of(tmp_path, "case").unlink()
    assert file.table() is None
    put(tmp_path, HEADER + ROW)
    assert file.table()


@pytest.mark.parametrize(
    ("row", "where"),
    [
        (f"{'x' * 129},a@example.com,UTC,yes,no,no", "line 3, column user_id"),
        (",a@example.com,UTC,yes,no,no", "line 3, column user_id"),
        (f"u2,{SECRET},UTC,yes,no,no", "line 3, column email"),
        (f"u2,{SECRET}@a@b,UTC,yes,no,no", "line 3, column email"),
        (f'u2,"{SECRET}@b,c@d",UTC,yes,no,no', "line 3, column email"),
        (f"u2,{SECRET}\r@b,UTC,yes,no,no", "line 3"),
        (f"u2,é{SECRET}@b,UTC,yes,no,no", "line 3, column email"),
        (f"u2,a@example.com,{SECRET},yes,no,no", "line 3, column time_zone"),
        (f"u2,a@example.com,../{SECRET},yes,no,no", "line 3, column time_zone"),
        ("u2,a@example.com,Europe,yes,no,no", "line 3, column time_zone"),
        ("u2,a@example.com,UTC,1,no,no", "line 3, column consent"),
        ("u2,a@example.com,UTC,yes,,no", "line 3, column self_excluded"),
        (f"u2,a@example.com,UTC,yes,no,{SECRET}", "line 3, column harm"),
        (f"u1,{SECRET}@example.com,UTC,yes,no,no", "line 3, column user_id: it stands twice"),
        (f"u2,{SECRET}", "line 3: there are 2 columns"),
    ],
)
def test_a_bad_row_is_refused_by_line_and_column_and_never_by_value(row: str, where: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse((HEADER + ROW + row + "\n").encode(), "user_id")
    assert where in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"user_id,email\n", b'"a\n'])
def test_what_is_no_such_table_is_refused(content: bytes) -> None:
    with pytest.raises(Refusal):
        parse(content, "user_id")


def test_a_bad_table_leaves_the_one_in_force(tmp_path: Path) -> None:
    put(tmp_path, HEADER + ROW)
    with pytest.raises(Refusal):
        put(tmp_path, HEADER + "u1\n")
    assert file_in(tmp_path).table()


def test_a_table_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"none\.csv cannot be read"):
        install(tmp_path / "none.csv", tmp_path, "case", "user_id")
