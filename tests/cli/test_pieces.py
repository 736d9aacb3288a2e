"""Files cut into pieces, and known again by what was read of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.endings import Failed
from cli.records import pieces
from cli.records.lines import LONGEST
from cli.records.locating import locate, name_of
from cli.records.pieces import Pieces
from cli.records.positions import Noted, Positions
from pipeline.errors import Refusal
from pipeline.records import InRecord
from tests.support.properties import PROPERTY


class Ledger:
    """What was noted, as the topic holds it; `sent` are all values that were sent."""

    def __init__(self) -> None:
        self.noted: list[Noted] = []
        self.sent: list[bytes | None] = []
        self.unfinished = False

    def ingest(self, path: Path, most: int = 1_000) -> int:
        """Ingest a file, but end after so many pieces; returns how many records were sent."""
        sent = 0
        with path.open("rb") as file:
            place = locate(file, name_of(path), Positions(self.noted))
            cut = Pieces(file, place, "user_id")
            for number, piece in enumerate(cut):
                if number == most:
                    break
                self.sent += [one.value for one in piece.records]
                self.note(Noted(name_of(path), piece.end))
                sent += len(piece.records)
            if cut.end == place.position and not place.is_noted:
                self.note(Noted(name_of(path), cut.end))
        self.unfinished = cut.unfinished
        return sent

    def note(self, noted: Noted) -> None:
        entry = noted.encode()
        record = InRecord("ledger", 0, len(self.noted), 0, entry.key, entry.value, ())
        self.noted.append(Noted.of(record))


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 20)
    return Ledger()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.ndjson"


def rows(*numbers: int) -> bytes:
    return b"".join(b'{"n":%d}\n' % number for number in numbers)


def values(*numbers: int) -> list[bytes]:
    return [b'{"n":%d}' % number for number in numbers]


def test_a_file_that_was_ingested_sends_nothing(ledger: Ledger, path: Path) -> None:
    path.write_bytes(rows(*range(10)))
    assert (ledger.ingest(path), ledger.ingest(path)) == (10, 0)


def test_the_same_bytes_under_another_name_are_the_same_file(ledger: Ledger, path: Path) -> None:
    path.write_bytes(rows(*range(10)))
    ledger.ingest(path)
    other = path.with_name("other")
    other.write_bytes(rows(*range(10)))
    assert ledger.ingest(other) == 0
    other.write_bytes(rows(*range(12)))
    assert ledger.ingest(other) == 2
    path.write_bytes(rows(*range(13)))
    assert ledger.ingest(path) == 1
    assert ledger.sent == values(*range(13))


def test_a_file_that_has_grown_goes_on(ledger: Ledger, path: Path) -> None:
    for end in (1, 2, 7, 7, 20):
        path.write_bytes(rows(*range(end)))
        ledger.ingest(path)
    assert ledger.sent == values(*range(20))


@pytest.mark.parametrize(
    "changed",
    [
        rows(0, 1, 99, *range(3, 10)),
        rows(99, *range(1, 10)),
        rows(*range(9), 99),
        rows(*range(9)),
        rows(*range(9), 99, 100),
        b"",
        rows(77),
    ],
)
def test_a_file_that_has_changed_is_refused(ledger: Ledger, path: Path, changed: bytes) -> None:
    path.write_bytes(rows(*range(10)))
    ledger.ingest(path)
    path.write_bytes(changed)
    with pytest.raises(Refusal, match="were others when they came in"):
        ledger.ingest(path)


@pytest.mark.parametrize("changed", [rows(*range(9), 99), rows(*range(7)) + b"{}\n"])
def test_a_changed_copy_is_refused_where_it_begins_alike(
    ledger: Ledger, path: Path, changed: bytes
) -> None:
    path.write_bytes(rows(*range(10)))
    ledger.ingest(path)
    other = path.with_name("other")
    other.write_bytes(changed)
    with pytest.raises(Refusal, match="have come in, with others behind them"):
        ledger.ingest(other)


def test_a_refusal_does_not_tell_what_is_in_the_file(ledger: Ledger, path: Path) -> None:
    path.write_bytes(b'{"name":"Jane Secret"}\n')
    ledger.ingest(path)
    path.write_bytes(b'{"name":"John Secret"}\n')
    with pytest.raises(Refusal) as caught:
        ledger.ingest(path)
    assert "Secret" not in str(caught.value)


def test_another_file_is_another_file(ledger: Ledger, path: Path) -> None:
    path.write_bytes(rows(*range(10)))
    ledger.ingest(path)
    other = path.with_name("other")
    other.write_bytes(rows(*range(20, 30)))
    assert ledger.ingest(other) == 10


def test_a_last_line_that_is_being_written_waits_for_its_end(ledger: Ledger, path: Path) -> None:
    path.write_bytes(rows(1) + b'{"n":')
    assert (ledger.ingest(path), ledger.unfinished) == (1, True)
    path.write_bytes(rows(1) + b'{"n":2}')
    assert (ledger.ingest(path), ledger.unfinished) == (1, False)
    path.write_bytes(rows(1) + b'{"n":2}\r\n' + rows(3))
    assert ledger.ingest(path) == 1
    assert ledger.sent == values(1, 2, 3)


def test_a_line_that_was_sent_and_went_on_is_refused(ledger: Ledger, path: Path) -> None:
    path.write_bytes(rows(1) + b"17")
    assert ledger.ingest(path) == 2
    path.write_bytes(rows(1) + b"172\n")
    with pytest.raises(Refusal, match="line 2 of this file went on after it was sent"):
        ledger.ingest(path)


def test_a_line_too_long_is_named_and_what_comes_before_it_is_not_sent_again(
    ledger: Ledger, path: Path
) -> None:
    path.write_bytes(rows(1, 2, 3) + b"x" * (LONGEST + 1) + b"\n" + rows(4))
    for _ in range(2):
        with pytest.raises(Failed, match="line 4 is longer"):
            ledger.ingest(path)
    path.write_bytes(rows(1, 2, 3) + b"x" * LONGEST + b"\n" + rows(4))
    assert ledger.ingest(path) == 2
    assert ledger.sent == [*values(1, 2, 3), b"x" * LONGEST, *values(4)]


def test_an_empty_file_and_one_of_blank_lines_send_nothing(ledger: Ledger, path: Path) -> None:
    for content in (b"", b"\n", b"\n \n\r\n" * 20, b"\n \n\r\n" * 20 + b"  "):
        path.write_bytes(content)
        assert ledger.ingest(path) == 0
    path.write_bytes(b"\n \n\r\n" * 20 + b"  \n" + rows(1))
    assert ledger.ingest(path) == 1


@PROPERTY
@given(
    lines=st.lists(st.sampled_from([b'{"n":1}', b"", b"no json", b"[]", b'{"a":"bcdefghij"}'])),
    end=st.sampled_from([b"", b"\n"]),
    steps=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=8),
)
def test_whatever_a_file_grows_by_and_whenever_it_is_ended_each_line_comes_once(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[bytes],
    end: bytes,
    steps: list[tuple[int, int]],
) -> None:
    path, ledger, there = tmp_path_factory.mktemp("grown") / "file", Ledger(), 0
    whole = b"\n".join(lines) + end
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", 12)
        for further, most in steps:
            there += further
            path.write_bytes(whole[:there])
            ledger.ingest(path, most)
        path.write_bytes(whole)
        ledger.ingest(path)
    unfinished = whole.endswith(b"no json")
    assert ledger.sent == [one for one in lines if one][: -1 if unfinished else None]
