from __future__ import annotations

from pathlib import Path

from generator.lookup_file import write_lookup
from pipeline.declaration import Lookup

LOOKUP = Lookup("socioeconomic_idx", event="registration", key="postcode", default=0.0)


def test_a_table_is_written_under_its_key_and_name(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.csv"
    write_lookup(path, LOOKUP, [(10_000, 3), (10_001, 6)])
    assert path.read_bytes() == b"postcode,socioeconomic_idx\n10000,3\n10001,6\n"


def test_an_older_table_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_lookup(path, LOOKUP, [(number, 1) for number in range(100)])
    write_lookup(path, LOOKUP, [(10_000, 3)])
    assert path.read_bytes() == b"postcode,socioeconomic_idx\n10000,3\n"
    assert list(tmp_path.iterdir()) == [path]
