"""Records of one partition as lists side by side.

They are taken apart as soon as they are read: later, when a file is due, each look at one of a
hundred thousand records would wait for main memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from inference_logger.replays import judge
from pipeline.errors import DataError
from pipeline.origin import HEADER, KIND_HEADER, TIME_HEADER, Source
from pipeline.parquet.format import CONTROL, Origins
from pipeline.records import InRecord
from pipeline.rejection import unusable

Records = Sequence[InRecord]

_CONTROL = CONTROL.encode()
_ROW_BYTES = 350  # what Python needs for a row besides its value


class Keeps(Protocol):
    """What a topic's content wants of its records besides their values and common headers."""

    def kept(self, records: Records) -> Sequence[Any]:
        """One thing for each record, or nothing at all."""
        ...

    def writers(self, records: Records) -> Sequence[str]:
        """Who wrote each record: origins are compared among one writer's records."""
        ...


class Heads(NamedTuple):
    """The headers that every topic has; of several with one name the first counts."""

    origins: list[bytes | None]
    times: list[bytes | None]
    controls: list[bool]


@dataclass(slots=True)
class Rows:
    """One entry for each record in every list; `kept` may be empty."""

    offsets: list[int] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    origins: list[bytes] = field(default_factory=list)
    times: list[bytes | None] = field(default_factory=list)
    controls: list[bool] = field(default_factory=list)
    replayed: list[bool] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)
    cuts: dict[int, DataError] = field(default_factory=dict)
    """What came without its content, and why, by its place in the lists."""
    bytes: int = 0  # about how much memory they take

    def __len__(self) -> int:
        return len(self.offsets)

    def add(self, records: Records, keeps: Keeps, before: Origins, own: Source) -> Origins:
        """Take the records of partition `own`; returns the highest origins after them."""
        heads = _heads(records)
        values = [record.value for record in records]
        offsets = [record.offset for record in records]
        carried = zip(keeps.writers(records), heads.origins, offsets, strict=True)
        origins, replayed, after = judge(before, own, carried)
        self.cuts |= {
            len(self.offsets) + place: unusable(record.cut)
            for place, record in enumerate(records)
            if record.cut is not None
        }
        self.offsets += offsets
        self.timestamps += [record.timestamp for record in records]
        self.values += values
        self.origins += origins
        self.times += heads.times
        self.controls += heads.controls
        self.replayed += replayed
        self.kept += keeps.kept(records)
        self.bytes += _ROW_BYTES * len(records) + sum(map(len, filter(None, values)))
        return after


def _heads(records: Records) -> Heads:
    heads = Heads([], [], [])
    for record in records:
        origin = time = kind = None
        for name, value in reversed(record.headers):
            if name == HEADER:
                origin = value
            elif name == TIME_HEADER:
                time = value
            elif name == KIND_HEADER:
                kind = value
        heads.origins.append(origin)
        heads.times.append(time)
        heads.controls.append(kind == _CONTROL)
    return heads
