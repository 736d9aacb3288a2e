"""Looks at the markers all the time: they may only go forward while Redis does not go back."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from pipeline.keys import FEATURES, SCORES, Keys
from tests.faults.findings import Verdict

_LOOK_SECONDS = 0.02


class MarkerWatch:
    """A context manager; inside it every step of a marker is seen, but for the quickest."""

    def __init__(self, redis: str, use_case: str, partitions: int) -> None:
        self._redis = redis
        self._keys = [
            Keys(use_case, kind).marker(number)
            for kind in (FEATURES, SCORES)
            for number in range(partitions)
        ]
        self._seen: dict[str, tuple[bytes, int]] = {}
        self._steps = 0
        self._problems: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="markers", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def verdict(self) -> Verdict:
        """Whether each step was forward."""
        return Verdict.of("markers only go forward", self._steps, self._problems)

    def _run(self) -> None:
        with Redis.from_url(self._redis) as client:
            while not self._over.wait(_LOOK_SECONDS):
                try:
                    self._look(client)
                except RedisError as error:
                    self._problems.append(f"cannot look: {error}")

    def _look(self, client: Redis) -> None:
        pipeline = client.pipeline(transaction=False)
        for key in self._keys:
            pipeline.hmget(key, "generation", "offset")
        for key, (generation, offset) in zip(self._keys, pipeline.execute(), strict=True):
            if generation is not None:
                self._take(key, generation, int(offset))

    def _take(self, key: str, generation: bytes, offset: int) -> None:
        before = self._seen.get(key)
        self._seen[key] = (generation, offset)
        if before is None or before == (generation, offset):
            return
        self._steps += 1
        if before[0] != generation:
            self._problems.append(f"{key} has another generation after {before[1]}")
        elif offset < before[1]:
            self._problems.append(f"{key} went from {before[1]} back to {offset}")
