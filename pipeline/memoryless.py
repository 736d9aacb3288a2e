"""A stage's core for which what became of earlier records makes no difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.state import Raw


class Memoryless:
    """The part of a `pipeline.ports.Core` that deals with stored values, where none are needed."""

    def unknown(self, partition: int, items: Sequence[Any]) -> list[str]:  # noqa: ARG002 - a Core's
        """No stored values are needed."""
        return []

    def learn(
        self, partition: int, entities: Sequence[str], values: Sequence[Sequence[Raw]]
    ) -> None:
        """Nothing to learn."""

    def forget(self, partition: int) -> None:
        """Nothing to forget."""
