"""Beginning a new epoch: what was logged is moved aside, and the topics begin anew behind it.

Whatever step it dies at, it is finished by beginning it once more: `plan.json` is written first and
becomes `manifest.json` last, and each step in between finds out whether it was done.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pipeline.disk import sync_directory, write_whole
from pipeline.faults import FaultPoints
from pipeline.parquet.files import (
    POSITIONS,
    Position,
    files_of,
    note_count,
    note_path,
    position_of,
)
from pipeline.parquet.format import Origins
from rebuild.history import EPOCHS, MANIFEST, Began, Manifest, Offsets, manifests

PLAN = "plan.json"
_NEXT = "_next"


class Broker(Protocol):
    """What a new epoch asks of Kafka. All calls block."""

    def starts(self, topic: str) -> Offsets:
        """The first offset that is there, by partition."""
        ...

    def ends(self, topic: str) -> Offsets:
        """The next offset to be written, by partition."""
        ...

    def write_again(self, topic: str, partition: int, end: int) -> None:
        """Append the records before an offset once more, with their origins."""
        ...

    def mark(self, topic: str, partition: int) -> None:
        """Append a record that nobody is to read."""
        ...

    def cut(self, topic: str, before: Offsets) -> None:
        """Let partitions lose their records before an offset."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """A boundary between two epochs.

    `cut` are topics whose records all belong to the old epoch, with their ends; `kept` partitions
    of which all records belong to the new one, unless their origin is known. `parted` are the
    partitions with a new epoch of topics in which others go on.
    """

    manifest: Manifest
    cut: Mapping[str, Offsets] = field(default_factory=dict)
    kept: Mapping[str, Sequence[int]] = field(default_factory=dict)
    parted: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def encode(self) -> str:
        """As JSON text."""
        fields = {"cut": dict(self.cut), "kept": dict(self.kept), "parted": dict(self.parted)}
        return json.dumps({"manifest": self.manifest.encode(), **fields})

    @classmethod
    def decode(cls, text: str) -> Plan:
        """The inverse of `encode`. Raises ValueError."""
        fields = json.loads(text)
        cut = {
            topic: {int(number): end for number, end in ends.items()}
            for topic, ends in fields["cut"].items()
        }
        return cls(Manifest.decode(fields["manifest"]), cut, fields["kept"], fields["parted"])


class OriginsOf(Protocol):
    """The highest origins of what belongs to a partition of today, by writer."""

    def __call__(self, topic: str, partition: int) -> Origins:
        """Read them out of the epochs that are there. Blocks."""
        ...


def unfinished(root: Path) -> Plan | None:
    """The plan of a new epoch that was begun and not finished."""
    for path in (root / EPOCHS).glob(f"*/{PLAN}"):
        return Plan.decode(path.read_text())
    return None


def begin(
    root: Path, plan: Plan, broker: Broker, origins_of: OriginsOf, faults: FaultPoints
) -> Manifest:
    """Begin the epoch of `plan`, or finish beginning it; no worker runs. Blocks."""
    directory = _directory(root)
    _write(directory / PLAN, plan.encode())
    faults.hit("epoch-planned")
    _move_starts(plan, broker)
    faults.hit("epoch-cut")
    began = {topic: _began(topic, one, broker) for topic, one in plan.manifest.began.items()}
    for topic in plan.manifest.ended:
        aside = _Aside(root, directory, topic, began[topic], origins_of, faults)
        if topic in plan.parted:
            aside.part(plan.parted[topic])
        else:
            aside.whole()
    return replace(plan.manifest, began=began)


def finish(root: Path, manifest: Manifest) -> None:
    """The epoch has begun: the last step."""
    directory = _directory(root)
    _write(directory / MANIFEST, manifest.encode())
    (directory / PLAN).unlink()


def _directory(root: Path) -> Path:
    """That of the boundary which is being made."""
    return root / EPOCHS / f"{len(manifests(root)) + 1:04}"


def _move_starts(plan: Plan, broker: Broker) -> None:
    """Have each log begin above 0: then a worker without a marker refuses, and folds nothing."""
    for topic, ends in plan.cut.items():
        now = broker.ends(topic)
        for number, end in ends.items():
            if end == 0 == now[number]:
                broker.mark(topic, number)
        broker.cut(topic, {number: max(end, 1) for number, end in ends.items()})
    for topic, numbers in plan.kept.items():
        starts, ends = broker.starts(topic), broker.ends(topic)
        for number in (number for number in numbers if starts[number] == 0):
            if ends[number] == 0:
                broker.mark(topic, number)
            else:
                broker.write_again(topic, number, ends[number])
            broker.cut(topic, {number: max(ends[number], 1)})


def _began(topic: str, began: Began, broker: Broker) -> Began:
    """With the starts that Kafka has now, where the plan does not say them."""
    return replace(began, starts={**broker.starts(topic), **began.starts})


@dataclass(frozen=True, slots=True)
class _Aside:
    """Gives files of a topic to the old epoch; positions of the new one take their place."""

    root: Path
    directory: Path
    topic: str
    began: Began
    origins_of: OriginsOf
    faults: FaultPoints

    @property
    def _home(self) -> Path:
        return self.root / self.topic

    @property
    def _archive(self) -> Path:
        return self.directory / self.topic

    def whole(self) -> None:
        """All partitions at once."""
        fresh = self.directory / _NEXT / self.topic
        if not self._archive.exists():
            shutil.rmtree(fresh, ignore_errors=True)
            (fresh / POSITIONS).mkdir(parents=True)
            note_count(fresh, self.began.partitions)
            for number in self.began.starts:
                self._note(fresh, number)
            self.faults.hit("epoch-noted")
            self._home.rename(self._archive)
            self.faults.hit("epoch-archived")
        if fresh.exists():
            fresh.rename(self._home)
        for path in (self.root, self.directory):
            sync_directory(path)

    def part(self, numbers: Sequence[int]) -> None:
        """Some partitions; the position is noted first, or it would leave with the last file."""
        for number in numbers:
            position = position_of(self._home, number)
            if position is not None:
                _write(note_path(self._home, number), position.encode())
            for path in files_of(self._home, number):
                moved = self._archive / path.relative_to(self._home)
                moved.parent.mkdir(parents=True, exist_ok=True)
                path.rename(moved)
                self.faults.hit("epoch-archived")
            self._note(self._home, number)

    def _note(self, home: Path, number: int) -> None:
        origins = self.origins_of(self.topic, number)
        position = Position(self.began.topic_id, self.began.starts[number], origins)
        _write(note_path(home, number), position.encode())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())
