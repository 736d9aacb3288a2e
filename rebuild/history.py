"""A logged topic from its first record to its last: older epochs, and the one that is written now.

An epoch ends where a topic is made again, gets another number of partitions, or loses its end.
Its files then stand under `<dir>/_epochs/<number>/<topic>`; `manifest.json` there says how it ended
and how the next one began.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from pipeline.errors import Refusal
from pipeline.parquet.files import (
    again_if_replaced,
    files_of,
    footer_of,
    noted_position,
    partitions_in,
    position_of,
    start_of,
)
from pipeline.partitioner import partition_of

EPOCHS = "_epochs"
MANIFEST = "manifest.json"
_ROWS_AT_ONCE = 20_000


Offsets = Mapping[int, int]
"""By partition."""

Lookups = Mapping[str, str]
"""The versions in force, by lookup."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an epoch ended: the next offset of each partition that has a new one since."""

    topic_id: str
    partitions: int
    next_offsets: Offsets


@dataclass(frozen=True, slots=True)
class Began:
    """How an epoch began: the first offset of each partition, and the lookups then in force."""

    topic_id: str
    partitions: int
    starts: Offsets
    lookups: Mapping[int, Lookups] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What separates two epochs, for each topic that has one."""

    ended: Mapping[str, Ended] = field(default_factory=dict)
    began: Mapping[str, Began] = field(default_factory=dict)

    def encode(self) -> str:
        """As JSON text."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def decode(cls, text: str) -> Manifest:
        """The inverse of `encode`. Raises ValueError."""
        fields = json.loads(text)
        return cls(
            {topic: Ended(**_numbered(one)) for topic, one in fields["ended"].items()},
            {topic: Began(**_numbered(one)) for topic, one in fields["began"].items()},
        )


def _numbered(fields: Mapping[str, Any]) -> dict[str, Any]:
    """JSON's keys are texts; these are partitions."""
    return {
        name: {int(number): one for number, one in value.items()}
        if isinstance(value, dict)
        else value
        for name, value in fields.items()
    }


@dataclass(frozen=True, slots=True)
class Epoch:
    """The files under `home`; entities are placed by `partitions`. No topic id: nothing is known.

    `lookups` were in force when it began, at the offsets `starts` (0 where none is said).
    """

    home: Path
    topic_id: str | None
    partitions: int
    starts: Offsets = field(default_factory=dict)
    lookups: Mapping[int, Lookups] = field(default_factory=dict)
    ends: Offsets = field(default_factory=dict)
    """The next offsets, of an older epoch."""

    @property
    def numbers(self) -> list[int]:
        """The partitions that something was logged of."""
        return sorted(partitions_in(self.home))

    def start(self, partition: int) -> int:
        """The first offset of the epoch."""
        return self.starts.get(partition, 0)

    def files(self, partition: int) -> Sequence[Stretch]:
        """The files of a partition from the epoch's first record on, without a gap.

        Raises Refusal where files are missing, or are of another topic.
        """
        return again_if_replaced(lambda: self._files(partition))

    def _files(self, partition: int) -> Sequence[Stretch]:
        noted = noted_position(self.home, partition)  # first: the logger may write on
        end = self.ends.get(partition, noted.next_offset if noted else 0)
        expected, found = self.start(partition), list[Stretch]()
        for path in files_of(self.home, partition):
            footer = footer_of(path)
            if start_of(path) > expected:
                raise _missing(self.home.name, partition, expected, start_of(path) - 1)
            if footer.topic_id != self.topic_id:
                raise Refusal(
                    f"{path} is of the topic id {footer.topic_id}, others of {self.topic_id}",
                    "Move what does not belong there away",
                )
            found.append(Stretch(path, start_of(path), footer.last, footer.compacted))
            expected = footer.last + 1
        if expected < end:
            raise _missing(self.home.name, partition, expected, end - 1)
        return found

    def stream(self, partition: int) -> Stream:
        """A partition of it, whole."""
        return Stream(self, partition, self.files(partition), partition, self.partitions)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A file, and the offsets that it stands for."""

    path: Path
    first: int
    last: int
    compacted: bool = False

    def batches(
        self, file: pa.NativeFile, schema: pa.Schema, columns: Sequence[str], keep: ds.Expression
    ) -> Iterator[pa.RecordBatch]:
        """The kept rows of the opened file, in the order of their offsets.

        Holds these columns of a compacted file in memory, twice while it sorts them.
        """
        read = ds.ParquetFileFormat().make_fragment(file)
        if self.compacted:
            wanted = [*dict.fromkeys((*columns, "offset"))]
            rows = read.to_table(schema, wanted, filter=keep, use_threads=False)
            in_order = rows.sort_by("offset").select(list(columns))
            yield from in_order.to_batches(max_chunksize=_ROWS_AT_ONCE)
            return
        yield from read.to_batches(
            schema, list(columns), filter=keep, batch_size=_ROWS_AT_ONCE, use_threads=False
        )


@dataclass(frozen=True, slots=True)
class Stream:
    """One partition of one epoch, of which what belongs to a partition of today is wanted."""

    epoch: Epoch
    number: int
    files: Sequence[Stretch]
    wanted: int
    partitions: int

    @property
    def is_whole(self) -> bool:
        """Whether all of it belongs to the wanted partition."""
        return self.epoch.partitions == self.partitions

    def has(self, entity: str) -> bool:
        """Whether what is about this entity belongs to the wanted partition."""
        return self.is_whole or partition_of(entity.encode(), self.partitions) == self.wanted

    def batches(
        self, schema: pa.Schema, columns: Sequence[str], up_to: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows in the order of their offsets, without replays, up to and with an offset.

        What was compacted since the files were listed is found again by its offsets.
        """
        files = list(self.files)
        done = files[0].first - 1 if files else -1
        end = files[-1].last if files else -1
        last = end if up_to is None else min(up_to, end)
        keep = ~ds.field("replayed") & (ds.field("offset") <= last)
        while files and files[0].first <= last:
            file = files.pop(0)
            try:
                source = pa.OSFile(str(file.path))
            except FileNotFoundError:
                files = [one for one in self.epoch.files(self.number) if one.last > done]
                continue
            with source:
                yield from file.batches(source, schema, columns, keep & (ds.field("offset") > done))
            done = file.last


@dataclass(frozen=True, slots=True)
class History:
    """All epochs of a topic, the oldest first; new records go to `current`."""

    older: Sequence[Epoch]
    current: Epoch

    def streams(self, partition: int) -> Iterator[Stream]:
        """What belongs to a partition of today, in the order in which it happened to an entity.

        Raises Refusal where files are missing.
        """
        for epoch in self.older:
            common = math.gcd(epoch.partitions, self.current.partitions)
            if epoch.partitions == self.current.partitions:
                numbers = [partition]
            else:
                numbers = [one for one in epoch.numbers if one % common == partition % common]
            for number in numbers:
                yield self._stream(epoch, number, partition)
        yield self._stream(self.current, partition, partition)

    def _stream(self, epoch: Epoch, number: int, partition: int) -> Stream:
        return Stream(epoch, number, epoch.files(number), partition, self.current.partitions)


def manifests(root: Path) -> list[tuple[Path, Manifest]]:
    """The directory and manifest of each boundary between epochs, the oldest first."""
    paths = sorted((root / EPOCHS).glob(f"*/{MANIFEST}"))
    return [(path.parent, Manifest.decode(path.read_text())) for path in paths]


def read_history(root: Path, topic: str, partitions: int) -> History:
    """The epochs of a topic, which has so many partitions now."""
    older: list[Epoch] = []
    began = Began("", partitions, {})
    for directory, manifest in manifests(root):
        ended = manifest.ended.get(topic)
        if ended is not None:
            older.append(
                Epoch(
                    directory / topic,
                    ended.topic_id,
                    ended.partitions,
                    began.starts,
                    began.lookups,
                    ended.next_offsets,
                )
            )
        began = manifest.began.get(topic, began)
    home = root / topic
    topic_id = logged_id(home) or began.topic_id or None
    return History(older, Epoch(home, topic_id, partitions, began.starts, began.lookups))


def logged_id(home: Path) -> str | None:
    """The id of the topic whose records are under `home`."""
    found = (position_of(home, number) for number in sorted(partitions_in(home)))
    return next((one.topic_id for one in found if one is not None), None)


def _missing(topic: str, partition: int, first: int, last: int) -> Refusal:
    return Refusal(
        f"offsets {first} to {last} of {topic}, partition {partition}, are in no Parquet file",
        "Put back the files that were moved away; what a retention removed is gone",
    )
