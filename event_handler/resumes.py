"""The edge to `pipeline resume`: reads what it has committed, every two seconds at most."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field

from event_handler.notes import Pause
from pipeline.clock import Clock
from pipeline.errors import InfrastructureError
from pipeline.kafka.admin import Admin, Commit
from pipeline.logs import log
from pipeline.settings import KafkaSettings

_SECONDS = 2.0


@dataclass(slots=True)
class CommittedResumes:
    """The commits of the group that only `pipeline resume` commits for."""

    settings: KafkaSettings
    group: str
    clock: Clock
    _commits: dict[tuple[str, int], Commit] = field(default_factory=dict)
    _read_at: float = -math.inf

    async def let_through(self, key: tuple[str, int], pause: Pause) -> int | None:
        """The offset before which all is let through; None while the pause lasts, or is not known.

        May block for seconds while Kafka is away.
        """
        if self.clock.monotonic() - self._read_at >= _SECONDS:
            await self._read()
        found = self._commits.get(key)
        return found.offset if found is not None and found.note == str(pause.at) else None

    async def _read(self) -> None:
        try:
            self._commits = await asyncio.to_thread(self._committed)
        except InfrastructureError as error:
            log.warning("it is not known whether the pause is over", error=str(error))
        self._read_at = self.clock.monotonic()

    def _committed(self) -> dict[tuple[str, int], Commit]:
        with Admin.connect(self.settings) as admin:
            return admin.commits(self.group)
