"""Puts compacted files in the place of a date's, and takes away what is too old.

The new files are made beside the log, under `_compaction`; then the two directories are exchanged
by one call, and what was replaced is removed. So the directory in the log is always whole, and
whatever lies under `_compaction` at a start may go.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compaction.dates import Day, Size
from compaction.merging import Merger
from pipeline.disk import EXCHANGE, UNSUPPORTED, make_directory, rename, sync_directory
from pipeline.errors import InfrastructureError, Refusal
from pipeline.faults import FaultPoints
from pipeline.parquet.files import POSITIONS
from pipeline.parquet.locks import WORK, replacing

_WAIT_SECONDS = 10.0  # publishing holds the lock for a file's sync; a reader may, for longer
_GRACE_SECONDS = 0.2  # who has begun to list a directory should find all of it


@dataclass(frozen=True, slots=True)
class Changed:
    """A date's files before and after; none are left of what is too old."""

    day: Day
    before: Size
    after: Size


@dataclass(frozen=True, slots=True)
class PutOff:
    """A date that is left as it was, for the next run."""

    day: Day
    why: str


Outcome = Changed | PutOff


@dataclass(frozen=True, slots=True)
class Compactor:
    """Works on the log under `root`; whoever uses it holds `locks.rearranging`. Blocks."""

    root: Path
    merger: Merger
    faults: FaultPoints
    wait_seconds: float = _WAIT_SECONDS

    def prepare(self) -> None:
        """Remove what a run that died has left, and try whether directories can be exchanged.

        Raises Refusal where they cannot.
        """
        work = self.root / WORK
        for path in work.glob("*/"):
            shutil.rmtree(path)
        ends = [work / "_one", work / "_other"]
        for end in ends:
            end.mkdir()
        try:
            rename(ends[0], ends[1], EXCHANGE)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            raise Refusal(
                f"{self.root} is on a file system that cannot exchange two directories at once",
                "Compact where it can: on Linux ext4, xfs, btrfs and tmpfs do",
            ) from error
        finally:
            for end in ends:
                end.rmdir()

    def compact(self, day: Day) -> Outcome:
        """Merge a date's files into few. Raises OSError and Refusal; it is whole also then."""
        staged = self._staged(day)
        try:
            before, names = day.size(), day.names()
            self._build(day, staged)
            after = Day(staged.parent, day.date).size()
            self._exchange(day, staged, names)
        except (InfrastructureError, Refusal) as reason:
            shutil.rmtree(staged, ignore_errors=True)
            if isinstance(reason, Refusal):
                raise
            return PutOff(day, str(reason))
        self._remove(staged)
        return Changed(day, before, after)

    def expire(self, day: Day) -> Outcome:
        """Remove a date. Raises OSError."""
        staged = self._staged(day)
        try:
            before = day.size()
            with replacing(day.home, self.wait_seconds):
                self._check(day)
                day.directory.rename(staged)
                self._sync(day, staged)
                self.faults.hit("expire-moved")
        except InfrastructureError as reason:
            return PutOff(day, str(reason))
        self._remove(staged)
        return Changed(day, before, Size(0, 0))

    def _build(self, day: Day, staged: Path) -> None:
        try:
            make_directory(staged)
            shutil.copymode(day.directory, staged)
            for files in day.partitions():
                self.merger.merge(files, staged)
                self.faults.hit("compact-written")
            sync_directory(staged)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)  # it may be what fills the disk
            raise

    def _exchange(self, day: Day, staged: Path, names: Sequence[str]) -> None:
        """Raises InfrastructureError or Refusal, and then has changed nothing."""
        with replacing(day.home, self.wait_seconds):
            self._check(day)
            if day.names() != list(names):
                raise InfrastructureError("it got another file meanwhile")
            self.faults.hit("compact-checked")
            rename(staged, day.directory, EXCHANGE)
            self._sync(day, staged)
            self.faults.hit("compact-exchanged")

    def _check(self, day: Day) -> None:
        """The notes must outlive the files that they fence."""
        day.refuse_unless_noted()
        sync_directory(day.home / POSITIONS)

    def _staged(self, day: Day) -> Path:
        make_directory(self.root / WORK / day.topic)
        return self.root / WORK / day.topic / day.directory.name

    @staticmethod
    def _sync(day: Day, staged: Path) -> None:
        for path in (day.home, staged.parent):
            sync_directory(path)

    def _remove(self, replaced: Path) -> None:
        time.sleep(_GRACE_SECONDS)
        for path in replaced.iterdir():
            path.unlink()
            self.faults.hit("compact-removing")
        replaced.rmdir()
        self.faults.hit("compact-removed")
