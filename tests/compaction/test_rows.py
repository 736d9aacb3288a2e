"""What a compacted date holds, and in which order it is read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Refusal
from pipeline.parquet.files import files_of, note_path, position_of, start_of
from pipeline.parquet.format import Footer
from pipeline.parquet.tables import read_once
from rebuild.history import read_history
from tests.compaction.rig import DAY, MEGABYTE, SCHEMA, compact, counts, log, rows
from tests.inference_logger.rig import INCOMING, Rig, bets
from tests.inference_logger.rig import files_of as all_files
from tests.rebuild.test_features import disturbed
from tests.support.events import changed
from tests.support.fakes import Records
from tests.support.properties import FEW

SOME = settings(FEW, max_examples=10)
DAY_MILLISECONDS = 86_400_000


class Directory:
    """A new one that goes with the block; hypothesis shares a test's own."""

    def __enter__(self) -> Path:
        self._root = Path(tempfile.mkdtemp())
        return self._root

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._root)


def over_days(records: Records, boundary: int) -> Records:
    """Those from an offset on are of the next day."""
    return [
        changed(one, timestamp=one.timestamp + DAY_MILLISECONDS * (one.offset >= boundary))
        for one in records
    ]


def in_log_order(root: Path) -> pa.Table:
    """As a rebuild reads it."""
    return pa.Table.from_batches(streamed(root), SCHEMA).combine_chunks()


def streamed(root: Path) -> Iterator[pa.RecordBatch]:
    return read_history(root, INCOMING, 1).current.stream(0).batches(SCHEMA, SCHEMA.names)


def without_metadata(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata().combine_chunks()


@SOME
@given(disturbed(), st.integers(1, 30), st.integers(0, 60), st.integers(1, 30_000))
async def test_the_rows_are_the_same_and_are_read_in_the_same_order(
    records: Records, size: int, boundary: int, most_bytes: int
) -> None:
    with Directory() as root:
        await log(root, {0: over_days(records, boundary)}, size)
        before = rows(all_files(root)), in_log_order(root), read_once(root, INCOMING, SCHEMA)
        compact(root, most_bytes=most_bytes)
        after = rows(all_files(root)), in_log_order(root), read_once(root, INCOMING, SCHEMA)
    for one, other in zip(before, after, strict=True):
        assert without_metadata(one).equals(without_metadata(other))


@SOME
@given(disturbed(), st.integers(1, 30), st.integers(1, 30_000))
async def test_each_file_is_sorted_and_begins_where_the_one_before_it_ends(
    records: Records, size: int, most_bytes: int
) -> None:
    with Directory() as root:
        await log(root, {0: records}, size)
        compact(root, most_bytes=most_bytes)
        expected = 0
        for path in files_of(root / INCOMING, 0):
            table, footer = pq.read_table(path, partitioning=None), Footer.read(path)
            assert footer.compacted
            assert start_of(path) == expected
            expected = footer.last + 1
            order = [(name, "ascending") for name in ("user_id", "event_time", "offset")]
            assert table.equals(table.sort_by(order))
        assert expected == len(records)


async def test_many_files_become_one_for_each_partition(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(40), 1: bets(15, 1)})
    assert counts(compact(tmp_path)) == [(9, 2)]
    assert [path.name for path in all_files(tmp_path)] == [
        f"0-{0:020}-{39:020}.parquet",
        f"1-{0:020}-{14:020}.parquet",
    ]


async def test_what_is_compact_is_left_as_it_is(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(40)})
    compact(tmp_path)
    assert compact(tmp_path) == []


async def test_a_file_is_not_bigger_than_was_asked_for(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(40)}, rows=5)
    sizes = [pq.read_table(path, partitioning=None).nbytes for path in all_files(tmp_path)]
    compact(tmp_path, most_bytes=3 * max(sizes))
    assert [Footer.read(path).last for path in files_of(tmp_path / INCOMING, 0)] == [14, 29, 39]


async def test_the_last_footer_says_what_the_logger_goes_on_by(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(40)})
    before = position_of(tmp_path / INCOMING, 0)
    compact(tmp_path)
    note_path(tmp_path / INCOMING, 0).unlink()
    assert position_of(tmp_path / INCOMING, 0) == before


async def test_the_logger_goes_on_behind_it(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(40)})
    compact(tmp_path)
    await log(tmp_path, {0: bets(60)})
    assert counts(compact(tmp_path)) == [(1 + 3, 1)]
    assert rows(all_files(tmp_path))["offset"].to_pylist() == list(range(60))


async def test_offsets_of_another_date_in_between_are_kept_apart(tmp_path: Path) -> None:
    """A broker's clock may go back over midnight."""
    late = [changed(one, timestamp=one.timestamp - DAY_MILLISECONDS) for one in bets(30)[20:]]
    await log(tmp_path, {0: [*over_days(bets(20), 10), *late]}, rows=5)
    before = in_log_order(tmp_path)
    compact(tmp_path)
    assert in_log_order(tmp_path).equals(before)
    assert len(files_of(tmp_path / INCOMING, 0)) == 3


async def test_files_of_other_columns_are_kept_apart(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(14)})
    path = files_of(tmp_path / INCOMING, 0)[1]
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.drop_columns(["bet_amount"]), path)  # as an older declaration had it
    before = in_log_order(tmp_path)
    compact(tmp_path)
    assert len(files_of(tmp_path / INCOMING, 0)) == 2
    assert in_log_order(tmp_path).equals(before)


async def test_a_topic_without_entities_stays_in_its_order(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(10)}, topic="rejected-events").run()
    before = rows(all_files(tmp_path, "rejected-events"))
    compact(tmp_path, topic="rejected-events")
    (path,) = all_files(tmp_path, "rejected-events")
    assert pq.read_table(path, partitioning=None)["offset"].to_pylist() == list(range(10))
    assert rows([path]).equals(before)


async def test_a_damaged_file_is_refused_and_the_date_stays(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(14)})
    path = files_of(tmp_path / INCOMING, 0)[0]
    path.write_bytes(b"PAR1 torn PAR1")
    with pytest.raises(Refusal, match="cannot be read"):
        compact(tmp_path)
    assert len(files_of(tmp_path / INCOMING, 0)) == 2
    assert not (tmp_path / "_compaction" / INCOMING / DAY).exists()


async def test_the_files_say_by_what_they_are_sorted(tmp_path: Path) -> None:
    await log(tmp_path, {0: bets(14)})
    compact(tmp_path, most_bytes=MEGABYTE)
    (path,) = all_files(tmp_path)
    sorting = pq.read_metadata(path).row_group(0).sorting_columns
    names = [SCHEMA.names[one.column_index] for one in sorting]
    assert names == ["user_id", "event_time", "offset"]
