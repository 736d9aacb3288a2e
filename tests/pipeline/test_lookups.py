"""Lookup tables are immutable, named by their content, and checked before anyone reads them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.clock import FixedClock
from pipeline.declaration import Lookup
from pipeline.errors import InfrastructureError, Refusal
from pipeline.lookups import (
    LookupTables,
    install,
    make_homes,
    parse_table,
)
from tests.support.events import (
    NOON,
    SECOND,
    UNKNOWN,
)
from use_cases.first_day_churn import USE_CASE

INDEX = "socioeconomic_idx"
LOOKUP = USE_CASE.lookups[0]
HEADER = b"postcode,socioeconomic_idx\n"


def put(directory: Path, content: bytes) -> str:
    source = directory / "table.csv"
    source.write_bytes(content)
    return install(source, directory / "lookups", USE_CASE, INDEX)


def test_an_installed_table_is_read_by_its_version(tmp_path: Path) -> None:
    version = put(tmp_path, HEADER + b"10000,3.5\n10001,0\n-5,1e-3\n")
    tables = LookupTables(tmp_path / "lookups", USE_CASE)
    assert tables.table(INDEX, version) == {10000: 3.5, 10001: 0.0, -5: 0.001}


def test_a_version_is_the_hash_of_the_content(tmp_path: Path) -> None:
    content = HEADER + b"10000,3.5\n"
    assert put(tmp_path, content) == hashlib.sha256(content).hexdigest()[:16]


def test_installing_the_same_table_twice_changes_nothing(tmp_path: Path) -> None:
    first, second = put(tmp_path, HEADER), put(tmp_path, HEADER)
    files = list((tmp_path / "lookups" / USE_CASE.name / INDEX).iterdir())
    assert (first, [file.name for file in files]) == (second, [f"{first}.csv"])


def test_versions_stay_side_by_side(tmp_path: Path) -> None:
    old, new = put(tmp_path, HEADER + b"1,1\n"), put(tmp_path, HEADER + b"1,2\n")
    tables = LookupTables(tmp_path / "lookups", USE_CASE)
    assert (tables.table(INDEX, old), tables.table(INDEX, new)) == ({1: 1.0}, {1: 2.0})


def test_a_table_is_read_once(tmp_path: Path) -> None:
    version = put(tmp_path, HEADER + b"1,1\n")
    tables = LookupTables(tmp_path / "lookups", USE_CASE)
    assert tables.table(INDEX, version) is tables.table(INDEX, version)


def test_a_version_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    tables = LookupTables(tmp_path / "lookups", USE_CASE)
    with pytest.raises(InfrastructureError, match=r"waiting for version 0000.*PIPELINE_LOOKUPS"):
        tables.table(INDEX, "0000")
    version = put(tmp_path, HEADER)
    assert tables.table(INDEX, version) == {}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the table's first line is ''"),
        (b"postcode;socioeconomic_idx\n", "the table's first line is"),
        (b"socioeconomic_idx,postcode\n", "the table's first line is"),
        (HEADER + b"ten,1\n", "line 2 of the table is not a postcode and a number"),
        (HEADER + b"1,1\n2.5,1\n", "line 3 of the table is not a postcode and a number"),
        (HEADER + b"1,x\n", "line 2 of the table is not a postcode and a number"),
        (HEADER + b"1\n", "line 2 of the table is not a postcode and a number"),
        (HEADER + b"1,1\n\n2,1\n", "line 3 of the table is not a postcode and a number"),
        (HEADER + b"1,1,1\n", "line 2 of the table has 3 columns"),
        (HEADER + b"1,1\n1,2\n", "line 3 of the table repeats a key"),
        (HEADER + b"1,nan\n", "line 2 of the table repeats a key, or has no finite number"),
        (HEADER + b"1,inf\n", "line 2 of the table repeats a key, or has no finite number"),
        (HEADER + b"\xff,1\n", "line 2 of the table is not a postcode and a number"),
        (HEADER + b'"' + b"1" * 200_000 + b'",1\n', "the table is no CSV file"),
    ],
)
def test_a_bad_table_is_refused_by_its_line_and_not_installed(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    with pytest.raises(Refusal, match=problem):
        put(tmp_path, content)
    assert not (tmp_path / "lookups").exists()


def test_a_table_of_a_text_key_is_read_as_text() -> None:
    lookup = Lookup("tier", event="registration", key="country", default=0.0)
    case = replace(USE_CASE, lookups=(*USE_CASE.lookups, lookup))
    assert parse_table("country,tier\n01,2\né,3\n".encode(), case, lookup) == {"01": 2.0, "é": 3.0}


def test_an_unknown_lookup_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    source = tmp_path / "table.csv"
    source.write_bytes(HEADER)
    with pytest.raises(Refusal, match=r"no lookup 'zap'.*socioeconomic_idx"):
        install(source, tmp_path, USE_CASE, "zap")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        install(tmp_path / "none.csv", tmp_path, USE_CASE, INDEX)


def test_a_version_may_come_for_a_minute_after_it_was_said(tmp_path: Path) -> None:
    clock = FixedClock(NOON)
    tables = LookupTables(tmp_path, USE_CASE, clock)
    make_homes(tmp_path, USE_CASE)
    said_at = clock.now() // 1000
    assert tables.can_come(INDEX, UNKNOWN, said_at)
    clock.at += 59 * SECOND
    assert tables.can_come(INDEX, UNKNOWN, said_at)
    clock.at += 1 * SECOND
    assert not tables.can_come(INDEX, UNKNOWN, said_at)


def test_a_version_of_long_ago_is_not_waited_for(tmp_path: Path) -> None:
    make_homes(tmp_path, USE_CASE)
    clock = FixedClock(NOON)
    tables = LookupTables(tmp_path, USE_CASE, clock)
    assert not tables.can_come(INDEX, UNKNOWN, clock.now() // 1000 - 60_000)


def test_a_clock_that_is_behind_makes_nobody_wait_longer(tmp_path: Path) -> None:
    make_homes(tmp_path, USE_CASE)
    clock = FixedClock(NOON)
    tables, said_at = LookupTables(tmp_path, USE_CASE, clock), clock.now() // 1000 + 3_600_000
    assert tables.can_come(INDEX, UNKNOWN, said_at)
    clock.at += 60 * SECOND
    assert not tables.can_come(INDEX, UNKNOWN, said_at)


def test_where_no_directory_is_mounted_every_version_may_come(tmp_path: Path) -> None:
    tables = LookupTables(tmp_path / "unmounted", USE_CASE, FixedClock(NOON))
    assert tables.can_come(INDEX, UNKNOWN, 0)
