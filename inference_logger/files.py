"""The edge to the disk: publishing files, and the position of each partition. Blocking calls.

A file is written under a temporary name, synced, and given its final one only if that is free. The
name is the partition and the offset expected next, so two workers that both believe to own a
partition want the same name, and one gets it. Every OSError comes out as InfrastructureError.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa

from inference_logger.place import Place, by_link, by_rename, works
from pipeline.disk import make_directory, sync_directory
from pipeline.errors import InfrastructureError, Need, Refusal
from pipeline.faults import FaultPoints
from pipeline.logs import log
from pipeline.parquet.files import (
    POSITIONS,
    Position,
    asked_at,
    file_name,
    note_count,
    note_path,
    noted_position,
    position_of,
)
from pipeline.parquet.format import write
from pipeline.parquet.locks import publishing

_TEMPORARY = "_temporary"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be: the records of `partition` from `start` on, all of one date, and what then."""

    topic: str
    partition: int
    date: str
    start: Position
    table: pa.Table
    after: Position


class LogFiles:
    """The directory of one use case's log; `prepare` it before use."""

    def __init__(self, root: Path, instance: str, faults: FaultPoints) -> None:
        """`instance` is unique among the workers, and stays."""
        self._root = root
        self._instance = quote(instance, safe="")
        self._process = secrets.token_hex(4)  # a stalled process of our name may still write
        self._faults = faults
        self._places: dict[str, Place] = {}

    def prepare(self, topics: Iterable[str], partitions: int | None = None) -> None:
        """Make the directories, remove what a dead process of this instance left unfinished.

        Notes, where it is not yet, that the topics have so many `partitions`. Raises Refusal where
        the file system cannot give a name without replacing a file.
        """
        with _disk():
            for topic in topics:
                for name in (_TEMPORARY, POSITIONS):
                    make_directory(self._root / topic / name)
                if partitions is not None:
                    note_count(self._root / topic, partitions)
                self._sweep(self._root / topic / _TEMPORARY)
                self._places[topic] = self._working_place(self._root / topic / _TEMPORARY)

    def position(self, topic: str, partition: int) -> Position | None:
        """How far a partition is in the log; None where nothing was ever written of it.

        Raises Refusal where a file of the log is damaged.
        """
        with _disk():
            return position_of(self._root / topic, partition)

    def asked_at(self, topic: str) -> int:
        """When somebody last asked for files of a topic, in nanoseconds; 0 where nobody has."""
        with _disk():
            return asked_at(self._root / topic)

    def publish(self, file: NewFile) -> bool:
        """Give the file its name, and note the position after it.

        False when these offsets are in another file: another worker's, or our own where an
        InfrastructureError came after it got its name. Then ask for the position again.
        """
        self._faults.hit("before-write")
        with _disk():
            if self._is_passed(file):
                return False
            temporary = self._temporary(file)
            try:
                return self._publish(file, temporary)
            finally:
                temporary.unlink(missing_ok=True)

    def _publish(self, file: NewFile, temporary: Path) -> bool:
        written = self._write(file.table, temporary)
        self._faults.hit("after-fsync")
        with publishing(self._root / file.topic):  # once noted, a name may be compacted away
            return not self._is_passed(file) and self._name(file, temporary, written)

    def _is_passed(self, file: NewFile) -> bool:
        noted = noted_position(self._root / file.topic, file.partition)
        return noted is not None and noted.next_offset > file.start.next_offset

    def _name(self, file: NewFile, temporary: Path, written: os.stat_result) -> bool:
        directory = self._root / file.topic / f"date={file.date}"
        final = directory / file_name(file.partition, file.start.next_offset)
        make_directory(directory)
        self._faults.hit("before-link")
        try:
            self._places[file.topic](temporary, final)
        except FileExistsError:
            # A network file system may have done it and lost the answer.
            if not os.path.samestat(written, final.stat()):
                return False
        self._faults.hit("after-link")
        sync_directory(directory)
        self._note(file)
        return True

    def _write(self, table: pa.Table, temporary: Path) -> os.stat_result:
        with temporary.open("xb") as sink:
            write(table, sink)
            self._faults.hit("after-write")
            sink.flush()
            os.fsync(sink.fileno())
            return os.fstat(sink.fileno())

    def _note(self, file: NewFile) -> None:
        """The directory is not synced: should the note be lost, the file's footer says it."""
        path = note_path(self._root / file.topic, file.partition)
        temporary = self._temporary(file).with_suffix(".json")
        with temporary.open("w") as sink:
            sink.write(file.after.encode())
            sink.flush()
            os.fsync(sink.fileno())
        temporary.replace(path)

    def _temporary(self, file: NewFile) -> Path:
        name = f"{file.partition},{self._instance},{self._process}.parquet"
        return self._root / file.topic / _TEMPORARY / name

    def _sweep(self, directory: Path) -> None:
        for path in directory.iterdir():
            if path.name.split(",")[1:2] == [self._instance]:
                log.info("removed an unfinished file", path=str(path))
                path.unlink(missing_ok=True)

    def _working_place(self, directory: Path) -> Place:
        names = [directory / f"{end},{self._instance},{self._process}" for end in ("from", "to")]
        for place in (by_link, by_rename):
            if works(place, names[0], names[1]):
                sync_directory(directory)
                return place
        raise Refusal(
            f"{directory} is on a file system without hard links and without renameat2",
            "Set PIPELINE_DATA to a directory on another file system",
        )


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = f"the log cannot be written or read: {error}"
        raise InfrastructureError(said, Need.DISK) from error
