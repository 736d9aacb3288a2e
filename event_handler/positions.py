"""Where the handler stands in its sources, and whether it may read on.

Both are what its group has committed: the offset, and the note beside it (`notes`). A commit of
another topic id is none. A partition whose note says that it is paused has no position: the gate
stays shut, whoever owns it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from event_handler.core import STAGE
from event_handler.flood import Flood
from event_handler.notes import LetThrough, Note, Pause, decode, encode
from pipeline import metrics
from pipeline.clock import Clock
from pipeline.errors import InfrastructureError
from pipeline.health import Health
from pipeline.kafka.admin import Commit
from pipeline.kafka.feed import Batch, Reader
from pipeline.kafka.positions import Log
from pipeline.logs import log

Key = tuple[str, int]
"""A partition of a topic."""

_COMMIT_SECONDS = 0.25
_CLOSE_SECONDS = 0.5


class GroupReader(Reader, Protocol):
    """A reader that also knows what the group has committed."""

    @property
    def held(self) -> Sequence[Key]:
        """The partitions that are ours and not to be read for now."""
        ...

    @property
    def passed(self) -> Mapping[Key, int]:
        """The next offset of partitions where only ends of transactions follow."""
        ...

    async def committed(self, topic: str, partition: int) -> Commit | None:
        """What is committed for a partition."""
        ...

    async def commit_noted(self, commits: Mapping[Key, Commit]) -> None:
        """Commit next offsets with notes. Raises InfrastructureError."""
        ...


class Resumes(Protocol):
    """Tells which pauses a person has ended; the real one is `event_handler.resumes`."""

    async def let_through(self, key: Key, pause: Pause) -> int | None:
        """The offset before which all is let through; None while the pause lasts."""
        ...


class Numbers(Protocol):
    """Tells which incarnation a topic is; the real one is `event_handler.incarnations`."""

    async def number(self, source: str, topic_id: str) -> int:
        """The same in every process, and higher than those of all topics of that name before."""
        ...


@dataclass(slots=True)
class GroupPositions:
    """Commits, counts, and pauses what this process reads when that is a flood."""

    flood: Flood
    resumes: Resumes
    incarnations: Numbers
    clock: Clock
    health: Health
    reader: GroupReader = field(init=False)
    committed: dict[Key, Commit] = field(default_factory=dict)
    reached: dict[Key, int] = field(default_factory=dict)
    """The next offset after what came out, committed or not yet."""
    committed_at: float = -math.inf
    let_through: dict[Key, int] = field(default_factory=dict)
    notes: dict[Key, Note] = field(default_factory=dict)
    """Of which topic each partition is, without what is said of a flood."""

    async def position(self, log: Log) -> int | None:
        """The committed offset, or the log's first where nothing was; None while paused."""
        key = (log.topic, log.partition)
        commit, note = await self._committed(log)
        pause = note.flood
        if isinstance(pause, Pause) and pause.share > self.flood.share:
            before = await self.resumes.let_through(key, pause)
            if before is None:
                self._held(key, pause)
                return None
            pause = LetThrough(before)
        self.let_through[key] = pause.before if isinstance(pause, LetThrough) else 0
        self.notes[key] = Note(note.topic_id, note.incarnation)
        self.committed[key] = commit
        self.reached[key] = commit.offset
        return commit.offset

    async def _committed(self, log: Log) -> tuple[Commit, Note]:
        """A commit without a note of ours is one that a person has set with Kafka's own tools."""
        commit = await self.reader.committed(log.topic, log.partition)
        note = decode(commit.note) if commit is not None else None
        if commit is not None and note is not None and note.topic_id == log.topic_id:
            return commit, note
        incarnation = await self.incarnations.number(log.topic, log.topic_id)
        if commit is None or note is not None:
            commit = Commit(log.start)
        return commit, Note(log.topic_id, incarnation)

    def incarnation(self, batch: Batch) -> int:
        """That of the topic which the batch was read from."""
        return self.notes[(batch.topic, batch.partition)].incarnation

    def is_new(self, batch: Batch) -> bool:
        """False for a batch that is no longer ours, or that came out already."""
        key = (batch.topic, batch.partition)
        return self.reader.is_current(batch) and batch.next_offset > self.reached[key]

    def came_out(self, batch: Batch, rejected: int) -> None:
        """All of `batch` is acknowledged, so many as rejected."""
        key = (batch.topic, batch.partition)
        self.reached[key] = batch.next_offset
        if batch.start >= self.let_through[key]:
            self.flood.count(self.clock.monotonic(), len(batch.records), rejected)

    async def commit_if_due(self) -> None:
        """Commit what is read by now, unless that was done a moment ago.

        A commit costs the broker as much as a batch does. Whoever takes over sends the moment's
        records once more, with the origins by which everyone drops what has been there.
        """
        if self.clock.monotonic() - self.committed_at >= _COMMIT_SECONDS:
            await self.commit()

    async def commit(self) -> None:
        """Commit all that is read by now: what came out, and the ends of transactions."""
        offsets = {key: self.reached[key] for key in self.reader.owned} | dict(self.reader.passed)
        wanted = {key: self._reached_commit(key, offset) for key, offset in offsets.items()}
        await self._commit({key: one for key, one in wanted.items() if one != self.committed[key]})
        self.committed_at = self.clock.monotonic()

    async def close(self) -> None:
        """Commit once more, if that is a matter of a moment."""
        with contextlib.suppress(InfrastructureError, TimeoutError):
            await asyncio.wait_for(self.commit(), _CLOSE_SECONDS)

    async def pause_in_a_flood(self) -> None:
        """Read nothing more of what is ours, if too much of it was rejected."""
        self._show(self.reader.held)
        owned, share = self.reader.owned, self.flood.rejected_share()
        if share is None or not owned:
            return
        pause = Pause(self.clock.now(), share)
        await self._commit({key: self._commit_of(key, self.reached[key], pause) for key in owned})
        self.flood.forget()
        self._show(owned)
        for key in owned:
            self.reader.reposition(*key)

    def _reached_commit(self, key: Key, offset: int) -> Commit:
        before = self.let_through[key]
        return self._commit_of(key, offset, LetThrough(before) if offset < before else None)

    def _commit_of(self, key: Key, offset: int, flood: Pause | LetThrough | None) -> Commit:
        return Commit(offset, encode(msgspec.structs.replace(self.notes[key], flood=flood)))

    async def _commit(self, commits: Mapping[Key, Commit]) -> None:
        if commits:
            await self.reader.commit_noted(commits)
            self.committed.update(commits)

    def _held(self, key: Key, pause: Pause) -> None:
        if key not in self.reader.held:
            log.error(
                "paused: too many records were rejected; `pipeline resume event_handler` goes on",
                topic=key[0],
                partition=key[1],
                rejected_share=round(pause.share, 3),
            )

    def _show(self, held: Sequence[Key]) -> None:
        self.health.paused = bool(held)
        metrics.PAUSED.labels(STAGE).set(len(held))
