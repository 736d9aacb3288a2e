"""A process that is killed leaves its files as they are at that moment: they are copied there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from compaction.service import Compactor
from pipeline.faults import FaultPoints
from pipeline.parquet.files import position_of
from pipeline.parquet.locks import rearranging
from pipeline.parquet.tables import read_once
from tests.compaction.rig import SCHEMA, compact, compactor, days, expire, log, rows
from tests.inference_logger.rig import INCOMING, bets, files_of


@dataclass(slots=True)
class Images(FaultPoints):
    """Copies a directory at every passage of a fault point."""

    root: Path = Path()
    taken: dict[str, Path] = field(default_factory=dict)

    def hit(self, point: str, times: int = 1) -> None:
        del times
        name = f"{len(self.taken):02} {point}"
        self.taken[name] = self.root.with_name(name)
        shutil.copytree(self.root, self.taken[name])


@contextmanager
def imaged(root: Path) -> Iterator[tuple[Compactor, Images]]:
    images = Images(root=root)
    work = compactor(root)
    with rearranging(root):
        yield Compactor(root, work.merger, images), images


def leftovers(root: Path) -> list[Path]:
    return list((root / "_compaction").rglob("*.parquet"))


def taken(root: Path, what: Callable[[Compactor], object]) -> dict[str, Path]:
    with imaged(root) as (work, images):
        what(work)
    return images.taken


async def test_killed_at_any_step_each_event_is_there_once_and_the_next_run_ends_it(
    tmp_path: Path,
) -> None:
    root = tmp_path / "log"
    await log(root, {0: bets(20), 1: bets(15, 1)})
    before, events = rows(files_of(root)), read_once(root, INCOMING, SCHEMA)
    images = taken(root, lambda work: work.compact(days(root)[0]))
    assert [name[3:] for name in images] == [
        "compact-written",
        "compact-written",
        "compact-checked",
        "compact-exchanged",
        *["compact-removing"] * 6,
        "compact-removed",
    ]
    for image in images.values():
        assert rows(files_of(image)).equals(before)
        assert read_once(image, INCOMING, SCHEMA).equals(events)
        compact(image)
        assert len(files_of(image)) == 2
        assert rows(files_of(image)).equals(before)
        assert leftovers(image) == []


async def test_killed_while_it_removes_a_date_it_leaves_nothing_of_it(tmp_path: Path) -> None:
    root = tmp_path / "log"
    await log(root, {0: bets(20)})
    images = taken(root, lambda work: work.expire(days(root)[0]))
    assert len(images) == 5
    for image in images.values():
        assert days(image) == []
        expire(image)
        assert leftovers(image) == []
        position = position_of(image / INCOMING, 0)
        assert position is not None
        assert position.next_offset == 20
